"""No list is ever an empty grid. One of four states says why it is empty, and leads on: nothing yet (the first step), nothing
matches (clear), no permission (who can, by name), not enabled yet (what is missing).

A new list takes part as soon as it is a Listing: it fails here until its page stands in LISTINGS.
"""

import html
import re
from typing import NamedTuple

import pytest
from django.urls import reverse

from console.listing import Listing
from console.models import Superapp, Team
from console.permissions import holders
from items.models import Item
from payments.models import Merchant, MerchantBinding, PaymentRequest, owners_of
from tests.orders.shop import open_push
from tests.test_every_url import OURS, PEOPLE, container_of, expected

#: Lists of a mini program, of a team, of a superapp, and what none of them owns.
PROGRAM = (
    "orders:list", "orders:list?kind=standard", "orders:refund-list", "orders:refund-list?kind=standard", "orders:mismatches",
    "orders:mismatches?show=settled", "orders:push-log", "orders:list-settings", "items:list", "items:import-list",
    "program-activity", "program-export-schedules",
)  # fmt: skip
TEAM = ("team-activity", "team-members", "team-invitations", "team-roles", "payments:merchant")
SUPERAPP = (
    "superapp-home", "superapp-activity", "superapp-members", "superapp-invitations", "superapp-export-schedules",
    "payments:approvals", "payments:approvals?tab=decided", "payments:approvals?tab=in-force", "payments:payment-management",
    "payments:merchants", "items:superapp-list", "orders:superapp-list", "orders:superapp-list?kind=standard",
    "orders:superapp-refund-list", "orders:superapp-mismatches",
)  # fmt: skip
OWN = ("home", "notices", "job-list")
PLATFORM = ("platform-superapps", "platform-teams", "platform-users", "platform-invitations", "platform-activity")
#: The pages of lists that are declared as such; all but the last have a search.
LISTINGS = {
    "OrderListing": "orders:list", "SuperappOrderListing": "orders:superapp-list", "RefundListing": "orders:refund-list",
    "SuperappRefundListing": "orders:superapp-refund-list", "ItemListing": "items:list", "OnSaleListing": "items:superapp-list",
    "PendingListing": "payments:approvals", "PendingToRead": "payments:approvals",
    "DecidedListing": "payments:approvals?tab=decided",
    "ProgramListing": "payments:payment-management", "MerchantListing": "payments:merchants",
    "ActivityListing": "program-activity", "PlaceActivityListing": "superapp-activity",
    "PlatformActivityListing": "platform-activity", "SuperappListing": "platform-superapps", "TeamListing": "platform-teams",
    "UserListing": "platform-users", "InvitationListing": "platform-invitations", "TeamMemberListing": "team-members",
    "SuperappMemberListing": "superapp-members",
}  # fmt: skip


class Empty(NamedTuple):
    """What an empty list says, and the addresses it leads to."""

    title: str
    text: str
    links: list[str]


def empty_of(page: str) -> Empty | None:
    """The empty state of a page, None where there is a list."""
    found = re.search(r'<div class="empty">(.*?)\n</div>', page, re.DOTALL)
    if found is None:
        return None
    parts = (r"<h2>(.*?)</h2>", r"<p>(.*?)</p>", r'href="([^"]+)"')
    titles, texts, links = (re.findall(part, found[1], re.DOTALL) for part in parts)
    return Empty(html.unescape(titles[0]), html.unescape(" ".join(texts)), [html.unescape(link) for link in links])


def url_of(name: str, place) -> str:
    """The address of a route with the query that stands behind it."""
    route, mark, query = name.partition("?")
    names = {Superapp: {"superapp": "code"}, Team: {"team": "code"}}.get(type(place), {"app_id": "app_id"}) if place else {}
    return reverse(route, kwargs={name: getattr(place, field) for name, field in names.items()}) + mark + query


def looked_at(client, url) -> Empty:
    """What is said at this address. Everything it leads to opens."""
    answer = client.get(url)
    assert answer.status_code == 200, url
    said = empty_of(answer.text)
    assert said, f"{url} shows no empty state"
    for link in said.links:
        target = url.partition("?")[0] + link if link.startswith("?") else link
        assert client.get(target, follow=True).status_code == 200, f"{url} leads to {target}"
    return said


@pytest.fixture
def off(orbit):
    """The superapp before it switches the payment feature on."""
    orbit.payment_enabled = False
    orbit.save()
    return orbit


@pytest.fixture
def selling(starfall, team_admin, approver):
    """A mini program with all that has to hold before it sells, for both kinds of payment, and no buyer yet."""
    superapp, team = starfall.superapp, starfall.team
    merchant = Merchant.objects.create(superapp=superapp, merchant_id="M-1", name="Northlight", currency="USD")
    MerchantBinding.objects.create(
        team=team, superapp=superapp, bound_team=team, merchant=merchant, requested_by=team_admin, state="effective",
        effective=True, pending=None,
    )  # fmt: skip
    for kind in PaymentRequest.Type.values:
        PaymentRequest.objects.create(
            **owners_of(starfall), program=starfall, type=kind, requested_by=team_admin, state="approved", decided_by=approver
        )
    open_push(starfall, team_admin, "https://shop.test/push")
    content = {"product_id": "gem", "name": "Gem", "price": 990, "currency": "USD"}
    item = Item(**owners_of(starfall), **content, edited_by=team_admin, state="released")
    item.draft_hash = item.content_hash()
    item.go_live(unreviewed=False)
    item.save(force_insert=True)
    return starfall


# Nothing yet: (list, person, title, where it leads to)
NOTHING_YET = [
    ("orders:list", "operator", "No orders yet", "orders:home"),
    ("orders:list?kind=standard", "operator", "No orders yet", "orders:home"),
    ("orders:refund-list", "operator", "No refunds in the past seven days", "since="),
    ("orders:refund-list?kind=standard", "operator", "No refunds in the past seven days", "since="),
    ("orders:mismatches", "senior", "Everything fits here", "orders:list"),
    ("orders:mismatches?show=settled", "senior", "Nothing was settled here", "case="),
    ("orders:push-log", "senior", "Nothing was sent yet", "payments:delivery"),
    ("orders:list-settings", "operator", "No view is kept yet", "orders:list"),
    ("items:import-list", "developer", "No imports yet", "items:import-upload"),
    ("program-activity", "operator", "Nobody has done anything here yet", "orders:home"),
    ("program-export-schedules", "operator", "Nothing is scheduled yet", "program-export-schedule-create"),
]


@pytest.mark.parametrize(("name", "person", "title", "leads_to"), NOTHING_YET, ids=[row[0] for row in NOTHING_YET])
def test_nothing_yet_leads_to_the_first_step(client, selling, everyone, name, person, title, leads_to):
    client.force_login(getattr(everyone, person))
    said = looked_at(client, url_of(name, selling))
    assert said.title == title
    wanted = leads_to if leads_to.endswith("=") else url_of(leads_to, selling)
    assert [link for link in said.links if wanted in link], said


NOTHING_YET_ELSEWHERE = [
    ("team-invitations", "team_admin", "No invitations yet", "team-member-add"),
    ("team-roles", "team_admin", "No roles of your own yet", "team-role-create"),
    ("superapp-invitations", "superapp_admin", "No invitations yet", "superapp-member-add"),
    ("superapp-export-schedules", "superapp_operator", "Nothing is scheduled yet", "superapp-export-schedule-create"),
    ("payments:approvals", "approver", "Nothing waits for a decision", "tab=decided"),
    ("payments:approvals?tab=decided", "approver", "Nothing was decided yet", "tab=pending"),
    ("payments:approvals?tab=in-force", "approver", "Nothing is in force", "tab=pending"),
    ("payments:merchants", "superapp_developer", "No merchants yet", "payments:merchant-account-add"),
    ("items:superapp-list", "approver", "Nothing is on sale", "payments:approvals"),
    ("orders:superapp-list", "superapp_operator", "No orders yet", "superapp-home"),
    ("orders:superapp-refund-list", "superapp_operator", "No refunds in the past seven days", "since="),
    ("orders:superapp-mismatches", "superapp_operator", "Everything fits here", "orders:superapp-list"),
    ("platform-invitations", "platform", "No invitations yet", "platform-user-invite"),
    ("job-list", "operator", "No jobs yet", "home"),
    ("notices", "operator", "No news yet", "notice-preferences"),
]


@pytest.mark.parametrize(
    ("name", "person", "title", "leads_to"), NOTHING_YET_ELSEWHERE, ids=[row[0] for row in NOTHING_YET_ELSEWHERE]
)
def test_nothing_yet_leads_to_the_first_step_in_every_place(client, orbit, northlight, everyone, name, person, title, leads_to):
    place = northlight if name in TEAM else orbit if name in SUPERAPP else None
    client.force_login(getattr(everyone, person))
    said = looked_at(client, url_of(name, place))
    assert said.title == title
    wanted = leads_to if "=" in leads_to else url_of(leads_to, place if leads_to not in ("home", "notice-preferences") else None)
    assert [link for link in said.links if wanted in link], said


# Not enabled yet: (list, person, where it leads to, "" for who may not look there)
BEFORE_SELLING = [
    ("orders:list", "operator", "orders:home"),
    ("orders:list?kind=standard", "operator", "payments:standard-payment"),
    ("orders:refund-list", "operator", "orders:home"),
    ("orders:refund-list?kind=standard", "operator", "payments:standard-payment"),
    ("orders:mismatches", "senior", "orders:home"),
    ("orders:push-log", "developer", "orders:home"),
    ("items:import-list", "developer", "orders:home"),
    ("orders:list", "superapp_operator", ""),
]


@pytest.mark.parametrize(("name", "person", "leads_to"), BEFORE_SELLING)
def test_before_anything_can_be_sold_a_list_says_what_is_missing_and_who_can(client, starfall, everyone, name, person, leads_to):
    client.force_login(getattr(everyone, person))
    said = looked_at(client, url_of(name, starfall))
    assert said.title.startswith("Not selling yet: ") and "Tara Admin" in said.text
    assert bool(leads_to) == any(url_of(leads_to, starfall) == link for link in said.links if leads_to)


@pytest.mark.parametrize(
    ("name", "person", "leads_to"),
    [
        ("orders:superapp-list", "superapp_admin", True),
        ("orders:superapp-list", "superapp_operator", False),
        ("orders:superapp-refund-list", "superapp_admin", True),
        ("orders:superapp-mismatches", "superapp_admin", True),
        ("payments:approvals", "approver", False),
        ("payments:approvals", "superapp_admin", True),
        ("items:superapp-list", "superapp_admin", True),
    ],
)
def test_before_the_feature_is_on_a_superapps_list_says_who_switches_it_on(client, off, everyone, name, person, leads_to):
    client.force_login(getattr(everyone, person))
    said = looked_at(client, url_of(name, off))
    assert said.title == "Not selling yet: Payment feature" and "Sven Superapp" in said.text
    assert (url_of("payments:payment-management", off) in said.links) is leads_to


def test_without_a_merchant_items_lead_to_the_steps_and_then_to_the_first_item(client, starfall, developer, operator, selling):
    Item.objects.all().delete()
    client.force_login(developer)
    url = url_of("items:list", starfall)
    assert (looked_at(client, url).title, url_of("items:add", starfall) in looked_at(client, url).links) == ("No items yet", True)
    client.force_login(operator)
    assert "Tara Admin" in looked_at(client, url).text
    MerchantBinding.objects.all().delete()
    client.force_login(developer)
    assert url_of("orders:home", starfall) in looked_at(client, url).links


def test_who_has_no_place_yet_reads_whom_to_ask(client, everyone, orbit):
    nobody = everyone.stranger
    client.force_login(type(nobody).objects.create_user("new@demo.test", "demo", name="Nora New"))
    said = empty_of(client.get("/").text)
    assert "Sue Super" in said.text
    client.force_login(everyone.superapp_admin)
    for name in ("superapp-home", "payments:payment-management"):
        assert "Sue Super" in empty_of(client.get(url_of(name, orbit)).text).text, name


@pytest.mark.parametrize("page", sorted(set(LISTINGS.values())))
def test_what_matches_nothing_can_be_cleared(client, selling, everyone, page):
    place = {"m": selling, "t": selling.team, "s": selling.superapp}
    kind = "m" if page in PROGRAM else "t" if page in TEAM else "s" if page in SUPERAPP else ""
    client.force_login(everyone.superadmin if not kind else everyone.team_admin if kind in "mt" else everyone.superapp_admin)
    url = url_of(page, place.get(kind))
    searched = url + ("&" if "?" in url else "?") + "q=nothing-is-called-like-this"
    answer = client.get(searched)
    said = empty_of(answer.text)
    assert said and ("matches" in said.title), searched
    cleared = [link for link in said.links if "nothing-is" not in link]
    assert cleared and "Clear all filters" in answer.text, said
    target = url.partition("?")[0] + cleared[0] if cleared[0].startswith("?") else cleared[0]
    assert client.get(target).status_code == 200


def test_every_list_stands_here():
    ours = [found for found in subclasses(Listing) if not found.__module__.startswith("tests.")]
    assert {found.__name__ for found in ours} - BASES == set(LISTINGS)


#: What other lists extend; no page shows them.
BASES = {"MemberListing", "RecordListing", "RequestListing"}


def subclasses(found: type) -> set[type]:
    children: list[type] = found.__subclasses__()
    return {*children, *(each for child in children for each in subclasses(child))}


def lists_with_refused_people() -> list[tuple[str, str]]:
    """Each list with the first person who sees its place and may not see the list, as the matrix has it."""
    routes = dict.fromkeys(name.partition("?")[0] for name in (*PROGRAM, *TEAM, *SUPERAPP))
    refused = {route: [person for person in PEOPLE if expected(route, person) == {403}] for route in routes}
    return [(route, people[0]) for route, people in refused.items() if people]


@pytest.mark.parametrize(("route", "person"), lists_with_refused_people())
def test_without_the_permission_the_page_names_those_who_have_it(client, starfall, everyone, route, person):
    place = {"app_id": starfall, "team": starfall.team, "superapp": starfall.superapp}
    path = OURS[route][0]
    where = next(place[name] for name in ("app_id", "team", "superapp") if f":{name}>" in path)
    client.force_login(getattr(everyone, person))
    answer = client.get(url_of(route, where))
    names = [str(user) for user in holders(OURS[route][1].view_class.permission, where)]
    assert answer.status_code == 403 and names and container_of(route)
    assert any(name in answer.text for name in names)
