"""The approver's desk: queue, review page, decisions."""


import pytest
from django.urls import reverse

from console.actions.membership import set_superapp_role
from console.errors import Forbidden, Refused, WrongState
from console.models import OutgoingMail
from payments.actions import exemption, payment
from payments.content import content_hash
from payments.models import ExemptionRequest, PaymentRequest, Request, owners_of
from tests.payments.conftest import again, follow
from tests.people import SETUP


def url(name, orbit, **more):
    return reverse(f"payments:{name}", kwargs={"superapp": orbit.code, **more})


@pytest.fixture
def exempting(starfall, senior) -> ExemptionRequest:
    return exemption.request_exemption(starfall, actor=senior, message="We follow the rules.")


def test_approver_approves_from_the_review_page(as_person, orbit, requested, approver):
    client = as_person(approver)
    page = client.get(url("review", orbit, pk=requested.pk))
    assert "Starfall sells moonstones." in page.content.decode()
    shown = page.context["approve_form"]["shown"].value()
    queue = follow(client, client.post(url("approve", orbit, pk=requested.pk), {"approve-shown": shown, "approve-reason": ""}))
    row = again(requested)
    assert (row.state, row.decided_by, row.content_hash) == ("approved", approver, shown)
    assert "Tara Admin is told by mail" in queue.content.decode()


def test_approver_rejects_with_a_usual_reason_and_own_words(as_person, orbit, requested, approver):
    form = {"reject-shown": content_hash(requested), "reject-usual": "0", "reject-reason": "Thank you."}
    follow(as_person(approver), as_person(approver).post(url("reject", orbit, pk=requested.pk), form))
    row = again(requested)
    assert row.state == "rejected"
    assert row.reason == "The message does not say what is sold. Describe the items and their use. Thank you."


def test_a_rejection_without_a_reason_shows_the_page_again(as_person, orbit, requested, approver):
    page = as_person(approver).post(url("reject", orbit, pk=requested.pk), {"reject-shown": content_hash(requested)})
    assert page.status_code == 422
    assert 'href="#id_reject-reason"' in page.content.decode()
    assert again(requested).state == "in_progress"


def test_deciding_twice_says_who_was_first(as_person, orbit, requested, approver, superapp_admin):
    payment.approve(requested, actor=approver)
    form = {"reject-shown": content_hash(requested), "reject-reason": "Too late."}
    page = as_person(superapp_admin).post(url("reject", orbit, pk=requested.pk), form)
    assert page.status_code == 409
    assert "already decided by Ada Approver at" in page.content.decode()
    assert OutgoingMail.objects.filter(subject__startswith="Payment permission").count() == 1


def test_content_that_changed_since_it_was_shown_is_not_decided(
    as_person, orbit, bound, northlight, other_merchant, team_admin, approver
):
    from payments.actions import merchant as merchants

    row = merchants.bind(northlight, other_merchant, actor=team_admin)
    client = as_person(approver)
    shown = client.get(url("review", orbit, pk=row.pk)).context["approve_form"]["shown"].value()
    other_merchant.name = "Somebody else"
    other_merchant.save()
    page = client.post(url("approve", orbit, pk=row.pk), {"approve-shown": shown})
    assert page.status_code == 409
    assert "changed since you opened it" in page.content.decode()
    assert (again(row).state, again(bound).state) == ("in_progress", "effective")


def test_a_decision_names_the_content_it_was_made_on(as_person, orbit, requested, approver):
    assert as_person(approver).post(url("approve", orbit, pk=requested.pk), {}).status_code == 422
    assert again(requested).state == "in_progress"


@pytest.mark.parametrize("name", ["approve", "reject", "payment-disable"])
def test_decisions_reject_get(as_person, orbit, requested, approver, name):
    assert as_person(approver).get(url(name, orbit, pk=requested.pk)).status_code == 405


def test_a_member_of_the_team_sees_why_not_and_who_can(as_person, orbit, requested, senior, approver):
    set_superapp_role(senior, orbit, "approver", actor=SETUP)
    client = as_person(senior)
    page = client.get(url("review", orbit, pk=requested.pk)).content.decode()
    assert "member of the team that made this request" in page
    assert "Those who can: Ada Approver" in page
    assert url("approve", orbit, pk=requested.pk) not in page
    response = client.post(url("approve", orbit, pk=requested.pk), {"approve-shown": content_hash(requested)})
    assert response.status_code == 422
    assert again(requested).state == "in_progress"
    with pytest.raises(Refused, match="member of the team"):
        payment.reject(requested, actor=senior, reason="No.")


def test_platform_people_look_and_do_not_decide(as_person, orbit, requested, approver, platform):
    client = as_person(platform)
    assert "Ada Approver" in client.get(url("review", orbit, pk=requested.pk)).content.decode()
    assert client.post(url("approve", orbit, pk=requested.pk), {}).status_code == 403


@pytest.mark.parametrize("person", ["superapp_developer", "superapp_operator"])
def test_others_of_the_superapp_may_not_look(request, as_person, orbit, requested, person):
    client = as_person(request.getfixturevalue(person))
    assert client.get(url("approvals", orbit)).status_code == 403
    assert client.get(url("review", orbit, pk=requested.pk)).status_code == 403


@pytest.mark.parametrize("person", ["team_admin", "stranger"])
def test_teams_do_not_see_the_desk(request, as_person, orbit, requested, person):
    client = as_person(request.getfixturevalue(person))
    for address in (url("approvals", orbit), url("review", orbit, pk=requested.pk)):
        assert client.get(address).status_code == 404
    assert client.post(url("approve", orbit, pk=requested.pk), {}).status_code == 404


def test_the_review_page_costs_few_queries(as_person, orbit, requested, approver, django_assert_max_num_queries):
    client = as_person(approver)
    with django_assert_max_num_queries(28):
        assert client.get(url("review", orbit, pk=requested.pk)).status_code == 200


def test_an_exemption_is_approved_and_revoked(as_person, orbit, exempting, approver, senior):
    client = as_person(approver)
    shown = content_hash(exempting)
    follow(client, client.post(url("approve", orbit, pk=exempting.pk), {"approve-shown": shown, "approve-reason": "Fine."}))
    address = reverse("orders:exemption-revoke", kwargs={"superapp": orbit.code, "pk": exempting.pk})
    assert address in client.get(url("review", orbit, pk=exempting.pk)).content.decode()
    assert client.post(address, {"reason": ""}).status_code == 422
    follow(client, client.post(address, {"reason": "Rules were broken."}))
    assert (again(exempting).state, again(exempting).reason) == ("revoked", "Rules were broken.")
    assert client.post(address, {"reason": "Again."}).status_code == 409
    assert OutgoingMail.objects.filter(recipient=senior.email, body__contains="Rules were broken.").count() == 1


def test_approver_disables_payment(as_person, orbit, approved, approver):
    client = as_person(approver)
    follow(client, client.post(url("payment-disable", orbit, pk=approved.pk), {"end-reason": "Complaints."}))
    assert again(approved).state == "disabled"


def test_a_kind_without_that_verb_is_not_found(as_person, orbit, exempting, approver):
    response = as_person(approver).post(url("payment-disable", orbit, pk=exempting.pk), {"end-reason": "Complaints."})
    assert response.status_code == 404


def test_an_exemption_is_requested_cancelled_and_requested_again(as_person, starfall, senior, operator):
    def page(name, **more):
        return reverse(f"payments:{name}", kwargs={"app_id": starfall.app_id, **more})

    client = as_person(senior)
    assert client.post(page("exemption-request"), {"message": "Please."}).status_code == 422, "the promise is missing"
    follow(client, client.post(page("exemption-request"), {"message": "Please.", "complies": "on"}))
    row = ExemptionRequest.objects.get()
    assert client.post(page("exemption-request"), {"message": "Twice.", "complies": "on"}).status_code == 422
    follow(client, client.post(page("exemption-cancel", pk=row.pk)))
    assert client.post(page("exemption-cancel", pk=row.pk)).status_code == 409
    assert exemption.request_exemption(starfall, actor=senior, message="Again.").state == "in_progress"
    with pytest.raises(Forbidden):
        exemption.request_exemption(starfall, actor=operator, message="Me too.")


def test_reviewing_a_release_leads_to_its_own_page(as_person, orbit, starfall, team_admin, approver):
    row = Request(**owners_of(starfall), requested_by=team_admin, kind=Request.Kind.RELEASE)
    row.save()
    response = as_person(approver).get(url("review", orbit, pk=row.pk))
    assert response.status_code == 302
    assert response["Location"] == reverse("items:release-review", kwargs={"superapp": orbit.code, "pk": row.pk})
    assert as_person(approver).post(url("approve", orbit, pk=row.pk), {"approve-shown": "x"}).status_code == 404


def test_a_decision_cannot_be_taken_back(approved, approver):
    with pytest.raises(WrongState, match="already decided"):
        payment.reject(approved, actor=approver, reason="Changed my mind.")
    assert PaymentRequest.objects.get().state == "approved"
