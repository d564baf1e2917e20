"""Switch the push on and off, test it, read the log, redeliver."""

import json
import socket
import time
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook, WebhookVerificationError

from console.errors import Forbidden, Invisible, WrongState
from console.http_messages import OutgoingRequest
from console.models import AuditEntry
from orders.actions.delivery import redeliver
from orders.actions.push import send_probe, send_test, sentence, switch_off, switch_on
from orders.models import Attempt, Delivery, Order
from orders.webhooks import pay_event_sig, webhook_secret
from payments.models import Credential
from tests.orders.shop import give_keys, new_order, open_push, pay

pytestmark = pytest.mark.django_db
OK = {"returnCode": "0"}


@pytest.fixture
def receiver(settings):
    with HTTPServer(host="127.0.0.1") as server:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{server.port}"}
        yield server


@pytest.fixture
def keys(starfall, team_admin, receiver):
    return open_push(starfall, team_admin, receiver.url_for("/push"), test_url=receiver.url_for("/test"), enabled=False)


@pytest.fixture
def config(starfall, keys):
    return starfall.delivery_config


def test_switching_on_sends_a_test_push_and_resumes_what_was_held(config, keys, starfall, senior, receiver):
    pay(new_order(starfall), keys[0])
    receiver.expect_oneshot_request("/test").respond_with_json(OK)
    assert switch_on(config, actor=senior).enabled
    assert (Delivery.objects.get(event="goods").state, Order.objects.get().delivery_state) == ("pending", "pending")
    assert AuditEntry.objects.get(verb="orders.push.switch_on").changes == {"enabled": [False, True]}
    receiver.check_assertions()


def test_a_test_push_has_the_documented_types_and_both_signatures(config, keys, senior, receiver):
    receiver.expect_request("/test").respond_with_json(OK)
    assert send_test(config, actor=senior).outcome == "acknowledged"
    request = receiver.log[0][0]
    body = json.loads(request.data)
    payload = json.loads(body["Payload"])
    assert (body["IsMock"], body["EventType"], payload["Env"]) == (True, "event", "1")
    assert {name: type(value) for name, value in payload["GoodsInfo"].items()} == {
        "ProductId": str, "Quantity": int, "ZoneId": str, "OrigPrice": int, "ActualPrice": int, "Attach": str, "OrderSource": int
    }  # fmt: skip
    assert body["PayEventSig"] == pay_event_sig(body["Event"], body["Payload"], keys[1])
    assert request.headers["webhook-signature"].startswith("v1,")


def test_without_a_test_url_it_goes_to_the_url(config, senior, receiver):
    config.test_url = ""
    receiver.expect_oneshot_request("/push").respond_with_json(OK)
    assert send_test(config, actor=senior).url == config.url


@pytest.mark.parametrize(
    ("status", "answer", "sentence"),
    [(200, '{"returnCode": "7"}', "refused with returnCode “7”"), (500, "", "HTTP status 500"), (200, "OK", "JSON object")],
)
def test_the_switch_stays_off_and_says_what_came_back(config, senior, receiver, status, answer, sentence):
    receiver.expect_request("/test").respond_with_data(answer, status=status)
    with pytest.raises(WrongState, match=sentence):
        switch_on(config, actor=senior)
    config.refresh_from_db()
    assert not config.enabled
    assert (Delivery.objects.get().state, Attempt.objects.count()) == ("needs_attention", 1)


@pytest.fixture
def new_keys(starfall, keys, senior):
    """The AppKeys of a new credential beside the first, which overlaps."""
    Credential.objects.update(state="overlapping", overlaps_until=timezone.now() + timedelta(hours=1))
    return give_keys(starfall, senior)


def signers(request, *candidates: str) -> list[str]:
    """Which of the AppKeys signed the push."""
    found = []
    for key in candidates:
        with suppress(WebhookVerificationError):
            Webhook(webhook_secret(key)).verify(request.data, dict(request.headers))
            found.append(key)
    return found


def test_a_test_push_is_signed_by_both_and_a_probe_by_the_new_key_alone(config, keys, new_keys, senior, receiver):
    receiver.expect_request("/test").respond_with_json(OK)
    send_test(config, actor=senior)
    assert signers(receiver.log[0][0], keys[1], new_keys[1]) == [keys[1], new_keys[1]]
    assert send_probe(config, actor=senior).outcome == "acknowledged"
    probe = receiver.log[1][0]
    assert signers(probe, keys[1], new_keys[1]) == [new_keys[1]]
    body = json.loads(probe.data)
    assert body["PayEventSig"] == pay_event_sig(body["Event"], body["Payload"], new_keys[1])
    assert Credential.objects.get(state="active").probed_at
    assert AuditEntry.objects.filter(verb="payments.credential.probe").count() == 1


def test_a_probe_that_is_refused_notes_nothing(client, config, new_keys, senior, starfall, receiver):
    receiver.expect_request("/test").respond_with_json({"returnCode": "wrong signature"})
    client.force_login(senior)
    answer = client.post(reverse("orders:push-probe", kwargs={"app_id": starfall.app_id}), follow=True)
    assert "refused with returnCode" in answer.content.decode()
    assert Credential.objects.get(state="active").probed_at is None


def test_there_is_nothing_to_probe_without_an_active_credential(config, senior, receiver):
    Credential.objects.update(state="revoked")
    with pytest.raises(WrongState, match="No credential is active"):
        send_probe(config, actor=senior)
    assert receiver.log == []


def test_switching_off_holds_what_waits(config, keys, starfall, senior):
    type(config).objects.update(enabled=True)
    pay(new_order(starfall), keys[0])
    assert not switch_off(config, actor=senior).enabled
    assert Delivery.objects.get().state == Order.objects.get().delivery_state == "held"
    switch_off(config, actor=senior)
    assert AuditEntry.objects.filter(verb="orders.push.switch_off").count() == 1


@pytest.mark.parametrize("verb", [send_test, send_probe, switch_on, switch_off])
def test_those_who_may_not_change_nothing(config, developer, stranger, verb, receiver):
    with pytest.raises(Forbidden):
        verb(config, actor=developer)
    with pytest.raises(Invisible):
        verb(config, actor=stranger)
    assert (Delivery.objects.count(), receiver.log) == (0, [])


def attention(starfall, keys) -> Delivery:
    pay(new_order(starfall), keys[0])
    Delivery.objects.update(state="needs_attention", schedule_step=40, next_attempt_at=None)
    Order.objects.update(delivery_state="needs_attention")
    return Delivery.objects.get()


def test_redelivering_starts_the_schedule_anew(starfall, keys, senior):
    delivery = redeliver(attention(starfall, keys), actor=senior)
    assert (delivery.state, delivery.schedule_step, Order.objects.get().delivery_state) == ("pending", 0, "pending")
    assert delivery.next_attempt_at == delivery.first_due_at is not None
    assert AuditEntry.objects.filter(verb="orders.delivery.redeliver").count() == 1


@pytest.mark.parametrize("state", ["delivered", "held", "cancelled", "delivering"])
def test_what_is_not_waiting_is_not_redelivered(starfall, keys, senior, state):
    delivery = attention(starfall, keys)
    Delivery.objects.update(state=state)
    with pytest.raises(WrongState):
        redeliver(delivery, actor=senior)
    assert Delivery.objects.get().state == state


def page(client, person, name, **names):
    client.force_login(person)
    return reverse(f"orders:{name}", kwargs=names)


def test_the_buttons_work(client, config, senior, starfall, receiver):
    receiver.expect_request("/test").respond_with_json(OK)
    for name in ("push-test", "push-on", "push-off"):
        answer = client.post(page(client, senior, name, app_id=starfall.app_id))
        assert answer.status_code == 302
        assert client.get(page(client, senior, name, app_id=starfall.app_id)).status_code == 405
    assert AuditEntry.objects.filter(verb__startswith="orders.push.").count() == 2


def test_the_log_shows_what_was_sent_and_answered(
    client, config, senior, operator, starfall, receiver, django_assert_max_num_queries
):
    receiver.expect_request("/test").respond_with_data('{"returnCode": "4001<b>"}')
    send_test(config, actor=senior)
    url = page(client, operator, "push-log", app_id=starfall.app_id)
    with django_assert_max_num_queries(25):
        text = client.get(url).content.decode()
    assert "4001&lt;b&gt;" in text and config.test_url in text and "webhook-signature" in text


def test_bodies_in_the_log_are_for_the_team(client, config, senior, operator, platform, starfall, receiver):
    receiver.expect_request("/test").respond_with_json(OK)
    send_test(config, actor=senior)
    url = page(client, operator, "push-log", app_id=starfall.app_id)
    assert "test_player" in client.get(url).content.decode()
    client.force_login(platform)
    log = client.get(url)
    assert log.status_code == 200 and "test_player" not in log.content.decode()


def test_redeliver_button(client, keys, starfall, senior, developer, stranger):
    order = attention(starfall, keys).order
    url = page(client, developer, "redeliver", app_id=starfall.app_id, pk=order.pk)
    assert client.post(url).status_code == 403
    client.force_login(stranger)
    assert client.post(url).status_code == 404
    client.force_login(senior)
    assert client.post(url).status_code == 302
    assert Order.objects.get().delivery_state == "pending"
    Order.objects.update(delivery_state="delivered")
    Delivery.objects.update(state="delivered")
    assert client.post(url).status_code == 409


def test_the_button_takes_the_same_time_for_closed_and_blocked(config, senior, settings, monkeypatch):
    defaults = {**OutgoingRequest.__init__.__kwdefaults__, "connect_deadline": 0.2}
    monkeypatch.setattr(OutgoingRequest.__init__, "__kwdefaults__", defaults)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused at once
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        settings.LOCAL_DESTINATIONS = frozenset([urlsplit(closed).netloc])
        seen = []
        for config.test_url in (closed, "http://127.0.0.1/"):
            begun = time.monotonic()
            attempt = send_test(config, actor=senior)
            seen.append((attempt.outcome, attempt.error, attempt.durations, sentence(attempt)))
            assert time.monotonic() - begun >= 0.19
    assert seen[0] == seen[1]
