"""The approver's queue: tabs, filters, search, pages, and decisions about many requests at once."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.actions.membership import set_superapp_role
from console.errors import Refused
from console.models import AuditEntry, MiniProgram, OutgoingMail, Superapp, Team, User
from payments.actions import exemption, payment
from payments.actions.deciding_many import decide_many
from payments.content import content_hash
from payments.models import ExemptionRequest, Request, owners_of
from tests.payments.conftest import again, follow
from tests.people import SETUP, person


def url(name, orbit, **more):
    return reverse(f"payments:{name}", kwargs={"superapp": orbit.code, **more})


@pytest.fixture
def exempting(starfall, senior) -> ExemptionRequest:
    return exemption.request_exemption(starfall, actor=senior, message="We follow the rules.")


@pytest.fixture
def other_superapp_request(db, person_elsewhere) -> ExemptionRequest:
    superapp = Superapp.objects.create(code="comet", name="Comet")
    team = Team.objects.create(code="faraway", name="Faraway", superapp=superapp, linked_email="f@faraway.example")
    program = MiniProgram.objects.create(name="Far", kind="mini_game", team=team, superapp=superapp)
    return ExemptionRequest.objects.create(**owners_of(program), program=program, requested_by=person_elsewhere, message="m")


@pytest.fixture
def person_elsewhere(db) -> User:
    return person("Wes Elsewhere")


@pytest.fixture
def shown(as_person, orbit, approver):
    """The numbers of the requests that a page of the queue shows the approver."""

    def numbers(**query):
        return [row["id"] for row in as_person(approver).get(url("approvals", orbit), query).context["listing"].page.rows]

    return numbers


def decision(*rows, choice="approve", **more):
    hashes = {f"shown-{row.pk}": content_hash(row) for row in rows}
    return {"choice": choice, "request": [row.pk for row in rows], "shown": "-", **hashes, **more}


def test_the_longest_waiting_is_first_with_its_waiting_time(as_person, orbit, requested, exempting, approver, shown):
    Request.objects.filter(pk=exempting.pk).update(requested_at=timezone.now() - timedelta(hours=3))
    assert shown() == [exempting.pk, requested.pk]
    assert "3\xa0hours" in as_person(approver).get(url("approvals", orbit)).text


def test_each_tick_box_is_named_by_its_row(as_person, orbit, approver, starfall, northlight, senior, requested):
    moonlit = MiniProgram.objects.create(name="Moonlit", kind="mini_game", team=northlight, superapp=orbit)
    for program in (starfall, moonlit):
        ExemptionRequest.objects.create(**owners_of(program), program=program, requested_by=senior, message="m")
    page = as_person(approver).get(url("approvals", orbit)).text
    names = re.findall(r'name="request" value="\d+" aria-label="Select ([^"]+), since [^"]+"', page)
    assert sorted(names) == [
        "Approval exemption of Moonlit", "Approval exemption of Starfall", "Payment permission of Starfall"
    ]  # fmt: skip


def test_tabs_kinds_and_search(requested, exempting, bound, shown, starfall):
    assert shown(kind="payment") == [requested.pk]
    assert shown(tab="decided") == [bound.pk]
    assert shown(tab="in-force") == [bound.pk]
    assert shown(q=starfall.app_id) == [requested.pk, exempting.pk]
    assert shown(q="starf", kind="exemption") == [exempting.pk]
    assert shown(q="nobody") == []


def test_the_decided_are_sorted_by_when_they_ended(requested, exempting, bound, approver, team_admin, shown):
    payment.approve(requested, actor=approver)
    exemption.cancel(exempting, actor=team_admin)
    assert shown(tab="decided") == [exempting.pk, requested.pk, bound.pk]
    assert shown(tab="decided", sort="oldest") == [bound.pk, requested.pk, exempting.pk]
    assert shown(tab="in-force") == [requested.pk, bound.pk]


def test_awaiting_me_leaves_out_what_is_of_my_own_team(as_person, orbit, requested, senior, shown):
    set_superapp_role(senior, orbit, "approver", actor=SETUP)
    page = as_person(senior).get(url("approvals", orbit), {"mine": "1"})
    assert page.context["listing"].page.rows == []
    assert shown(mine="1") == [requested.pk]


def test_pages_have_no_gaps_and_a_bad_place_is_the_first_page(as_person, orbit, northlight, team_admin, approver):
    moment = timezone.now()
    for number in range(120):
        program = MiniProgram.objects.create(name=f"Game {number}", kind="mini_game", team=northlight, superapp=orbit)
        ExemptionRequest.objects.create(**owners_of(program), program=program, requested_by=team_admin, requested_at=moment)
    client, seen, query = as_person(approver), [], ""
    while True:
        listing = client.get(url("approvals", orbit) + query).context["listing"]
        seen += [row["id"] for row in listing.page.rows]
        if not (query := listing.next_url):
            break
    assert seen == sorted(seen)
    assert len(seen) == 120
    for tab in ("pending", "decided"):
        bad = client.get(url("approvals", orbit), {"tab": tab, "after": "WyJ4IiwxXQ"})
        assert "this is the first page" in bad.text


def test_the_queue_costs_the_same_for_one_and_for_many(
    as_person, orbit, northlight, team_admin, approver, django_assert_max_num_queries
):
    for number in range(30):
        program = MiniProgram.objects.create(name=f"Game {number}", kind="mini_game", team=northlight, superapp=orbit)
        ExemptionRequest.objects.create(**owners_of(program), program=program, requested_by=team_admin, message="m")
    client = as_person(approver)
    with django_assert_max_num_queries(12):
        assert len(client.get(url("approvals", orbit)).context["listing"].page.rows) == 30


def test_the_approver_decides_many_after_seeing_their_number(as_person, orbit, requested, exempting, approver):
    client = as_person(approver)
    page = client.get(url("requests-decide", orbit), {"request": [requested.pk, exempting.pk], "choice": "approve"})
    assert "Approve 2 requests?" in page.text
    queue = follow(client, client.post(url("requests-decide", orbit), decision(requested, exempting)))
    assert "2 requests were approved" in queue.text
    assert (again(requested).state, again(exempting).state) == ("approved", "approved")
    assert AuditEntry.objects.filter(verb__endswith=".approve", object_id__in=[str(requested.pk), str(exempting.pk)]).count() == 2


def test_many_are_rejected_with_one_reason(as_person, orbit, requested, exempting, approver):
    client = as_person(approver)
    assert client.post(url("requests-decide", orbit), decision(requested, exempting, choice="reject")).status_code == 422
    assert again(requested).state == "in_progress"
    follow(client, client.post(url("requests-decide", orbit), decision(requested, exempting, choice="reject", reason="Closed.")))
    assert {again(row).reason for row in (requested, exempting)} == {"Closed."}
    assert OutgoingMail.objects.filter(body__contains="Closed.").count() == 2


def test_what_cannot_be_decided_is_left_out_and_says_why(as_person, orbit, requested, bound, exempting, approver, superapp_admin):
    payment.reject(requested, actor=superapp_admin, reason="No.")
    page = as_person(approver).get(url("requests-decide", orbit), {"request": [requested.pk, exempting.pk, "x", 10**17]})
    assert [asked.request.pk for asked in page.context["decided"]] == [exempting.pk]
    assert "decided or cancelled meanwhile" in page.text
    assert "1 request is left out" in page.text


def test_one_that_was_decided_meanwhile_decides_none(as_person, orbit, requested, exempting, approver, superapp_admin):
    form = decision(requested, exempting)
    payment.reject(requested, actor=superapp_admin, reason="No.")
    page = as_person(approver).post(url("requests-decide", orbit), form)
    assert page.status_code == 422
    assert "decided or cancelled meanwhile" in page.text
    assert again(exempting).state == "in_progress"


def test_one_that_changed_since_decides_none(orbit, requested, exempting, approver):
    shown = {requested.pk: content_hash(requested), exempting.pk: "0" * 64}
    with pytest.raises(Refused, match="changed since you opened it"):
        decide_many(orbit, shown, actor=approver, approve=True)
    assert again(requested).state == "in_progress"


def test_numbers_of_another_superapp_are_not_there(as_person, orbit, other_superapp_request, approver):
    page = as_person(approver).post(url("requests-decide", orbit), decision(other_superapp_request))
    assert page.status_code == 422
    assert again(other_superapp_request).state == "in_progress"


@pytest.mark.parametrize(("who", "status"), [("platform", 403), ("superapp_developer", 403), ("stranger", 404)])
def test_only_deciders_decide_many(request, as_person, orbit, requested, who, status):
    client = as_person(request.getfixturevalue(who))
    assert client.post(url("requests-decide", orbit), decision(requested)).status_code == status
    assert again(requested).state == "in_progress"
