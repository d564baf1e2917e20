"""The simulator's pages: they answer without an account, and say what went wrong."""

import io

import pytest
from django.core.files.base import ContentFile
from django.core.mail import EmailMessage
from PIL import Image

from console.settings import TEMPLATES
from items.actions import image
from items.images import read_picture
from items.models import Item
from payments.models import owners_of
from simulator.mail import MailboxBackend
from simulator.models import DeveloperBackend, MailboxMessage, Prepay, PrepayRefund, SuperappBehaviour

pytestmark = pytest.mark.django_db


@pytest.fixture
def gem(starfall, developer) -> Item:
    """An item on sale with a picture."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "PNG")
    picture = image.keep(starfall, read_picture(ContentFile(out.getvalue(), "gem.png")), actor=developer)
    item = Item(
        **owners_of(starfall), product_id="gem", name="Gem", price=990, currency="USD", image=picture, edited_by=developer,
        state="released",
    )  # fmt: skip
    item.draft_hash = item.content_hash()
    item.go_live(unreviewed=False)
    item.save()
    return item


@pytest.fixture
def prepay(starfall) -> Prepay:
    """A paid unified order of USD 9.90."""
    request = {"totalAmount": 990, "currencyType": "USD", "productName": "Gem", "quantity": 1, "openId": "player"}
    return Prepay.objects.create(
        superapp=starfall.superapp, app_id=starfall.app_id, out_trade_no="ORDER-1", prepay_id="pp1", request=request, state="paid"
    )


def test_the_shop_lists_mini_programs_and_what_is_on_sale(client, gem):
    page = client.get("/simulator/shop/")
    assert page.status_code == 200 and "Starfall" in page.text and "1 item" in page.text
    shelf = client.get(f"/simulator/shop/{gem.mini_program.app_id}/").text
    assert "USD 9.90" in shelf and "Buy Gem" in shelf


def test_the_sandbox_shows_the_draft_and_live_what_is_sold(client, gem):
    Item.objects.filter(pk=gem.pk).update(price=1234)
    address = f"/simulator/shop/{gem.mini_program.app_id}/"
    assert "USD 12.34" in client.get(address, {"env": "1"}).text
    assert "USD 12.34" not in client.get(address).text


def test_pictures_are_served_for_what_the_shelf_shows_only(client, gem):
    address = f"/simulator/shop/{gem.mini_program.app_id}/images/gem/0"
    picture = client.get(address)
    assert picture.status_code == 200 and picture["Content-Type"] == "image/png"
    assert "sandbox" in picture["Content-Security-Policy"]
    Item.objects.filter(pk=gem.pk).update(on_sale=False)
    assert client.get(address).status_code == 404


def test_buying_without_keys_says_what_to_do(client, gem):
    page = client.post(f"/simulator/shop/{gem.mini_program.app_id}/", {"product_id": "gem"}, follow=True)
    assert "have not installed their keys yet" in page.text


def test_a_wrong_passphrase_is_said_at_its_field(client, starfall):
    page = client.post(f"/simulator/developer/{starfall.app_id}/", {"passphrase": "nonsense"})
    assert page.status_code == 422 and "Save its delivery push first" in page.text


def test_behaviours_are_switched_and_unknown_ones_ignored(client, starfall):
    address = f"/simulator/developer/{starfall.app_id}/"
    client.post(address, {"act": "mode", "mode": "refuse"})
    client.post(address, {"act": "mode", "mode": "explode"})
    assert DeveloperBackend.objects.get(mini_program=starfall).mode == "refuse"
    client.get("/simulator/payments/")
    row = SuperappBehaviour.objects.get(superapp=starfall.superapp)
    client.post("/simulator/payments/", {"act": "mode", "pk": row.pk, "mode": "slow"})
    row.refresh_from_db()
    assert row.mode == "slow"


@pytest.mark.parametrize(("amount", "sentence"), [("x", "is not an amount"), ("9.999", "too many decimals"), ("0", "above zero")])
def test_a_refund_amount_that_is_none_is_refused_in_words(client, prepay, amount, sentence):
    page = client.post("/simulator/payments/", {"act": "refund", "pk": prepay.pk, "amount": amount}, follow=True)
    assert sentence in page.text or "letters" in page.text
    assert not PrepayRefund.objects.exists()


def test_what_can_still_be_refunded_leaves_out_failed_refunds(client, prepay):
    PrepayRefund.objects.create(prepay=prepay, refund_no="r1", amount=300, status="SUCCESS")
    PrepayRefund.objects.create(prepay=prepay, refund_no="r2", amount=400, status="FAILED")
    assert 'value="6.90"' in client.get("/simulator/payments/").text


@pytest.mark.parametrize("pk", ["", "x", "9" * 30, "7"])
def test_buttons_of_rows_that_do_not_exist_answer_404(client, pk):
    for act in ("pay", "refund", "settle", "mode"):
        assert client.post("/simulator/payments/", {"act": act, "pk": pk}).status_code == 404


def test_the_mailbox_shows_text_and_attachments(client, db):
    mail = EmailMessage("Your keys", "Open them.\nhttps://console.example/", to=["payments@northlight.test"])
    mail.attach("../credential.p12", b"\x00secret", "application/octet-stream")
    assert MailboxBackend().send_messages([mail]) == 1
    row = MailboxMessage.objects.get()
    assert "Your keys" in client.get("/simulator/mailbox/").text
    assert "Open them." in client.get(f"/simulator/mailbox/{row.pk}/").text
    attachment = client.get(f"/simulator/mailbox/{row.pk}/0")
    assert attachment.content == b"\x00secret" and attachment["Content-Disposition"].startswith("attachment")
    assert client.get(f"/simulator/mailbox/{row.pk}/1").status_code == 404


def test_outside_demo_mode_there_is_no_one_click_sign_in(client, team_admin):
    assert client.post("/simulator/sign-in", {"email": team_admin.email}).status_code == 404
    page = client.get("/accounts/login/").text
    assert "Demo accounts" not in page and "This is a demo" not in page
    assert "simulator.context.demo" not in TEMPLATES[0]["OPTIONS"]["context_processors"]
