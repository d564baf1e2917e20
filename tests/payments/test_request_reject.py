"""A rejection that points at the field it is about: templates of the review page, and what the requester reads."""

import pytest
from django.urls import reverse

from console.models import OutgoingMail
from payments.actions import exemption, payment
from payments.actions import merchant as merchants
from payments.content import content_hash
from payments.forms import REASONS
from payments.models import Request
from tests.payments.conftest import again

ABOUT_MESSAGE = next(number for number, reason in enumerate(REASONS) if reason.part == "message")
ABOUT_MERCHANT = next(number for number, reason in enumerate(REASONS) if reason.part == "merchant")
ABOUT_NOTHING = next(number for number, reason in enumerate(REASONS) if not reason.part)


@pytest.fixture
def reject(as_person, orbit, approver):
    """Send the form of the review page."""

    def send(row, usual, reason=""):
        url = reverse("payments:reject", kwargs={"superapp": orbit.code, "pk": row.pk})
        typed = {"reject-shown": content_hash(row), "reject-usual": usual, "reject-reason": reason}
        answer = as_person(approver).post(url, typed)
        assert answer.status_code == 302
        return again(row)

    return send


def test_the_requester_is_led_to_the_field(as_person, starfall, requested, reject, team_admin):
    row = reject(requested, ABOUT_MESSAGE, "Name the price too.")
    assert (row.reason_part, row.reason) == ("message", f"{REASONS[ABOUT_MESSAGE].text} Name the price too.")
    page = as_person(team_admin).get(reverse("payments:payment", kwargs={"app_id": starfall.app_id})).text
    form = reverse("payments:payment-request", kwargs={"app_id": starfall.app_id})
    assert f'href="{form}#id_message"' in page
    assert 'id="id_message"' in as_person(team_admin).get(form).text
    mail = OutgoingMail.objects.get(recipient=team_admin.email, body__contains="Reason:")
    assert "It is about the field “Message”." in mail.body


def test_who_may_not_request_reads_the_field_without_a_link(as_person, starfall, requested, reject, developer):
    reject(requested, ABOUT_MESSAGE)
    page = as_person(developer).get(reverse("payments:payment", kwargs={"app_id": starfall.app_id})).text
    assert "It is about:" in page
    assert "#id_message" not in page


def test_a_binding_leads_to_its_merchant(as_person, northlight, merchant, reject, team_admin):
    row = reject(merchants.bind(northlight, merchant, actor=team_admin), ABOUT_MERCHANT)
    assert row.reason_part == "merchant"
    form = reverse("payments:merchant-bind", kwargs={"team": northlight.code})
    assert f'href="{form}#id_merchant"' in as_person(team_admin).get(reverse("payments:merchant", args=[northlight.code])).text
    assert 'id="id_merchant"' in as_person(team_admin).get(form).text


def test_a_payment_request_with_the_wrong_merchant_leads_to_the_merchant(as_person, starfall, requested, reject, team_admin):
    reject(requested, ABOUT_MERCHANT)
    page = as_person(team_admin).get(reverse("payments:payment", kwargs={"app_id": starfall.app_id})).text
    assert f'<a href="{reverse("payments:merchant", args=[starfall.team.code])}">Merchant</a>' in page


def test_an_exemption_leads_to_its_message(as_person, starfall, reject, senior):
    reject(exemption.request_exemption(starfall, actor=senior, message="We follow the rules."), ABOUT_MESSAGE)
    page = as_person(senior).get(reverse("payments:delivery", kwargs={"app_id": starfall.app_id})).text
    assert f'href="{reverse("payments:exemption-request", kwargs={"app_id": starfall.app_id})}#id_message"' in page


def test_a_reason_about_no_field_names_none(as_person, starfall, requested, reject, team_admin):
    assert reject(requested, ABOUT_NOTHING).reason_part == ""
    page = as_person(team_admin).get(reverse("payments:payment", kwargs={"app_id": starfall.app_id})).text
    assert str(REASONS[ABOUT_NOTHING].text) in page
    assert "It is about" not in page


def test_the_review_page_keeps_the_field_and_the_history(as_person, orbit, requested, reject, approver, team_admin, starfall):
    reject(requested, ABOUT_MESSAGE)
    page = as_person(approver).get(reverse("payments:review", kwargs={"superapp": orbit.code, "pk": requested.pk})).text
    assert "It is about the field “Message”." in page
    newer = payment.request_payment(starfall, actor=team_admin, message="Gems for USD 9.90.")
    page = as_person(approver).get(reverse("payments:review", kwargs={"superapp": orbit.code, "pk": newer.pk})).text
    assert "Earlier requests of this kind" in page
    assert str(REASONS[ABOUT_MESSAGE].text).split(".")[0] in page  # why the last one was rejected


def test_many_rejected_at_once_point_at_the_field_too(as_person, orbit, requested, approver):
    typed = {"choice": "reject", "request": [requested.pk], "shown": "-", f"shown-{requested.pk}": content_hash(requested)}
    url = reverse("payments:requests-decide", kwargs={"superapp": orbit.code})
    assert as_person(approver).post(url, {**typed, "usual": ABOUT_MESSAGE}).status_code == 302
    assert Request.objects.get(pk=requested.pk).reason_part == "message"
