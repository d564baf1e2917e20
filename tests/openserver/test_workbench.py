"""The signature workbench: the exact text, the key's fingerprint, and the cause of what somebody computed."""

import hashlib
import hmac

import pytest
from django.urls import reverse
from django.utils import timezone

from console.secrets import fingerprint
from orders.models import Attempt, Delivery, Order
from orders.payloads import GOODS_EVENT, REFUND_EVENT, envelope
from orders.webhooks import pay_event_sig, webhook_headers
from payments.models import Credential, owners_of
from tests.openserver.conftest import text_of
from tests.people import own_role

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def hmac_hex(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def desk(name, program, **more) -> str:
    return reverse(f"openserver-desk:{name}", kwargs={"app_id": program.app_id, **more})


@pytest.fixture
def order(shop, backend) -> Order:
    assert shop.place().status == 200
    return Order.objects.get()


@pytest.fixture
def attempt(order, shop) -> Attempt:
    return pushed(shop, GOODS_EVENT, "goods", {"OpenId": "player-0001", "OutTradeNo": order.out_trade_no}, order=order)


def pushed(shop, event, kind, told, *, order=None) -> Attempt:
    """An attempt to push what is `told`."""
    payload = text_of(told)
    body = envelope(event=event, pay_model="wallet", payload=payload, signature=pay_event_sig(event, payload, shop.live_key))
    delivery = Delivery.objects.create(**owners_of(shop.program), order=order, event=kind, body=body)
    headers = webhook_headers(webhook_id=str(delivery.uid), timestamp=1_700_000_000, body=body.encode(), app_keys=[shop.live_key])
    about = {"url": "https://shop.test/push", "outcome": "bad_status", "status": 401, "started_at": timezone.now()}
    return Attempt.objects.create(delivery=delivery, number=1, request_headers=headers, **about)


def causes(page) -> list[str]:
    assert page.status_code == 200, page.content.decode()
    return list(page.context["diagnosis"].causes)


def test_shows_exactly_what_an_order_signed(client, team_admin, order, shop):
    Credential.objects.update(live_key_fingerprint=fingerprint(shop.live_key))
    client.force_login(team_admin)
    page = client.get(desk("order-workbench", shop.program, pk=order.pk))
    pay, session = page.context["subjects"]
    assert pay.signed.message == f"{order.method}&{order.sign_data}"
    assert session.signed.message == order.sign_data
    assert pay.used.fits and session.used.fits
    assert (pay.characters, pay.size) == (len(pay.signed.message), len(pay.signed.message.encode()))
    assert f"{fingerprint(shop.live_key)} (Live, Active, certificate" in page.content.decode()


def test_names_the_cause_for_an_order(client, team_admin, order, shop):
    client.force_login(team_admin)
    url = desk("order-workbench", shop.program, pk=order.pk)
    wrong = {
        "other_environment": hmac_hex(shop.sandbox_key, f"{order.method}&{order.sign_data}"),
        "missing_prefix": hmac_hex(shop.live_key, order.sign_data),
        "session_key": hmac_hex(shop.session_key, f"{order.method}&{order.sign_data}"),
        "trailing_newline": hmac_hex(shop.live_key, f"{order.method}&{order.sign_data}\n"),
        "upper_case": hmac_hex(shop.live_key, f"{order.method}&{order.sign_data}").upper(),
    }
    for cause, signature in wrong.items():
        page = client.post(url, {"subject": "paySig", "signature": signature, "text": ""})
        assert causes(page) == [cause]
        assert f'data-cause="{cause}"' in page.content.decode()
    used = {"subject": "signature", "signature": hmac_hex(shop.live_key, order.sign_data)}
    assert causes(client.post(url, used)) == ["app_key"]


def test_names_the_cause_for_a_push(client, operator, attempt, shop):
    client.force_login(operator)
    url = desk("attempt-workbench", shop.program, pk=attempt.pk)
    shown = client.get(url).context["subjects"]
    assert [subject.used.fits for subject in shown] == [True, True]
    body = attempt.delivery.body
    found = {"PayEventSig": hmac_hex(shop.live_key, f"{GOODS_EVENT}&{body}"), "webhook-signature": hmac_hex(shop.live_key, body)}
    assert causes(client.post(url, {"subject": "PayEventSig", "signature": found["PayEventSig"]})) == []
    whole = {"subject": "PayEventSig", "signature": hmac_hex(shop.live_key, body)}
    assert causes(client.post(url, whole)) == ["whole_body"]
    named = causes(client.post(url, {"subject": "webhook-signature", "signature": found["webhook-signature"]}))
    assert set(named) == {"missing_prefix", "key_text", "version_missing", "hex"}


def test_a_text_that_stands_in_no_record_is_compared_too(client, developer, shop):
    client.force_login(developer)
    text = text_of({"env": 1, "attach": "é"})
    asked = {"kind": "requestVirtualPayment", "env": 1, "text": text}
    url = desk("workbench", shop.program)
    right = hmac_hex(shop.sandbox_key, f"requestVirtualPayment&{text}")
    assert client.post(url, {**asked, "signature": right}).context["diagnosis"].fits
    live = {**asked, "signature": hmac_hex(shop.live_key, f"requestVirtualPayment&{text}")}
    assert causes(client.post(url, live)) == ["other_environment"]


def test_says_where_the_texts_differ(client, team_admin, order, shop):
    client.force_login(team_admin)
    mine = order.sign_data.replace('"attach"', '"Attach"')
    data = {"subject": "paySig", "signature": hmac_hex(shop.live_key, f"{order.method}&{mine}"), "text": mine}
    page = client.post(desk("order-workbench", shop.program, pk=order.pk), data)
    assert causes(page) == ["different_text"]
    assert page.context["diagnosis"].difference.at == mine.index("Attach") + 1
    assert "Your text, around character" in page.content.decode()


def test_never_shows_a_key(client, team_admin, order, attempt, shop):
    client.force_login(team_admin)
    pages = [
        client.get(desk("order-workbench", shop.program, pk=order.pk)),
        client.get(desk("attempt-workbench", shop.program, pk=attempt.pk)),
        client.post(desk("workbench", shop.program), {"kind": "session", "env": 0, "text": "x", "signature": "y"}),
    ]
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert not [key for key in (shop.live_key, shop.sandbox_key, shop.session_key) if key in text]


def test_a_new_signature_is_never_made(client, team_admin, shop):
    client.force_login(team_admin)
    asked = {"kind": "requestVirtualPayment", "env": 0, "text": "forged", "signature": "00" * 32}
    page = client.post(desk("workbench", shop.program), asked).content.decode()
    assert "No known mistake explains it." in page
    assert hmac_hex(shop.live_key, "requestVirtualPayment&forged") not in page


def test_texts_with_a_players_open_id_are_for_the_team(client, operator, platform, attempt, shop):
    url = desk("attempt-workbench", shop.program, pk=attempt.pk)
    client.force_login(operator)
    assert "player-0001" in client.get(url).content.decode()
    client.force_login(platform)
    page = client.get(url)
    assert page.status_code == 200 and "player-0001" not in page.content.decode()


KEYS = "payments.manage_credentials"  # needs payments.view_delivery, which the workbench asks for
ORDERS, ATTEMPTS, REFUNDS = "orders.view_order", "orders.view_attempt", "orders.view_refund"


@pytest.mark.parametrize(
    ("held", "opened"),
    [
        ((), {"test"}),
        ((ORDERS,), {"test", "order"}),
        ((REFUNDS,), {"test"}),
        ((ATTEMPTS,), {"test", "order", "goods"}),  # whoever views attempts views orders
        ((ATTEMPTS, REFUNDS), {"test", "order", "goods", "refund"}),
    ],
)
def test_what_was_signed_for_a_record_is_for_those_who_may_view_it(
    client, northlight, operator, team_admin, order, attempt, shop, held, opened
):
    rows = {
        "goods": attempt, "test": pushed(shop, GOODS_EVENT, "test", {"OpenId": "test_player"}),
        "refund": pushed(shop, REFUND_EVENT, "refund", {"RefundNo": "R-1"}, order=order),
    }  # fmt: skip
    pages = {name: desk("attempt-workbench", shop.program, pk=row.pk) for name, row in rows.items()}
    pages["order"] = desk("order-workbench", shop.program, pk=order.pk)
    own_role(operator, northlight, team_admin, KEYS, *held)
    client.force_login(operator)
    for method in (client.get, client.post):
        answers = {name: method(url) for name, url in pages.items()}
        assert {name for name, answer in answers.items() if answer.status_code != 403} == opened
        assert all("player-0001" not in answers[name].text for name in pages.keys() - opened)
    assert client.get(desk("workbench", shop.program)).status_code == 200


def test_who_views_orders_for_the_superapp_alone_sees_no_players(client, northlight, superapp_operator, team_admin, order, shop):
    """The order is theirs to see by the superapp, masked; the keys are theirs by the team."""
    own_role(superapp_operator, northlight, team_admin, KEYS)
    client.force_login(superapp_operator)
    page = client.get(desk("order-workbench", shop.program, pk=order.pk))
    assert page.status_code == 200 and not page.context["sees_text"]
    assert order.sign_data not in page.text


def test_the_log_leads_to_what_the_reader_may_view(client, northlight, operator, team_admin, order, attempt, shop):
    refund = pushed(shop, REFUND_EVENT, "refund", {"RefundNo": "R-777"}, order=order)
    own_role(operator, northlight, team_admin, KEYS, ATTEMPTS)
    log = reverse("orders:push-log", kwargs={"app_id": shop.program.app_id})
    client.force_login(operator)
    page = client.get(log).text
    assert desk("attempt-workbench", shop.program, pk=attempt.pk) in page
    assert desk("attempt-workbench", shop.program, pk=refund.pk) not in page and "R-777" not in page
    client.force_login(team_admin)
    page = client.get(log).text
    assert desk("attempt-workbench", shop.program, pk=refund.pk) in page and "R-777" in page


def test_strangers_find_nothing_and_rows_of_others_are_not_found(
    client, stranger, team_admin, order, attempt, shop, harbor_reader
):
    client.force_login(stranger)
    for name, row in (("order-workbench", order), ("attempt-workbench", attempt)):
        assert client.get(desk(name, shop.program, pk=row.pk)).status_code == 404
        assert client.get(desk(name, harbor_reader, pk=row.pk)).status_code == 404
        assert client.get(desk(name, harbor_reader, pk=2**70)).status_code == 404


@pytest.mark.parametrize("field", ["text", "signature"])
def test_bad_input_gets_a_sentence(client, team_admin, shop, field):
    client.force_login(team_admin)
    good = {"kind": "session", "env": 0, "text": "x", "signature": "y"}
    for bad in ("", "x" * 20_000, "\x00"):
        page = client.post(desk("workbench", shop.program), {**good, field: bad})
        assert page.status_code == 422 and page.context["form"].errors[field]


def test_deeply_nested_json_is_compared_as_it_stands(client, team_admin, shop):
    client.force_login(team_admin)
    for depth in (300, 900, 1200, 5000):
        asked = {"kind": "session", "env": 0, "text": "[" * depth + "]" * depth, "signature": "00" * 32}
        page = client.post(desk("workbench", shop.program), asked)
        assert page.status_code == 200 and not page.context["diagnosis"].fits


def test_an_order_without_signed_data_says_so(client, team_admin, starfall, shop):
    row = Order.objects.create(**owners_of(shop.program), out_trade_no="PLAIN", open_id="p", amount=1, currency="USD")
    client.force_login(team_admin)
    assert "Nothing was signed here" in client.get(desk("order-workbench", shop.program, pk=row.pk)).content.decode()


def test_pages_about_orders_and_pushes_lead_here(client, team_admin, superapp_operator, order, attempt, shop):
    detail = reverse("orders:detail", kwargs={"app_id": shop.program.app_id, "pk": order.pk})
    client.force_login(team_admin)
    page = client.get(detail).content.decode()
    assert desk("order-workbench", shop.program, pk=order.pk) in page
    assert desk("attempt-workbench", shop.program, pk=attempt.pk) in page
    log = client.get(reverse("orders:push-log", kwargs={"app_id": shop.program.app_id})).content.decode()
    assert desk("attempt-workbench", shop.program, pk=attempt.pk) in log
    delivery = client.get(reverse("payments:delivery", kwargs={"app_id": shop.program.app_id})).content.decode()
    assert desk("workbench", shop.program) in delivery
    client.force_login(superapp_operator)
    assert "/signatures/" not in client.get(detail).content.decode()


def test_needs_few_queries(client, team_admin, order, shop, django_assert_max_num_queries):
    client.force_login(team_admin)
    with django_assert_max_num_queries(16):
        client.get(desk("order-workbench", shop.program, pk=order.pk))
