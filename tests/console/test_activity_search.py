"""A search in the activity of people reads what it finds, whatever else stands in the table."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from console.activity import activity_listing
from console.models import AuditEntry
from console.permissions import THE_PLATFORM
from tests.orders.test_plans import plan

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's"),
]
ROWS = 4_000
#: What is searched for, and how many entries there are about it.
WORDS = {
    "M-3": 1, "M-5": 1, "Merchant · M-5": 1, "M-4": 0, "request-7": 1, "2001:db8::9": 1, "nothing": 0, "Other · M-5": 0,
}  # fmt: skip


@pytest.fixture
def entries(starfall, superapp_admin):
    """What people did to merchants and requests, each from an address and in a request of its own, and as much by the system."""
    own = {"team": starfall.team, "superapp": starfall.superapp, "mini_program": starfall}
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                **own, created_at=timezone.now(), actor=superapp_admin if number % 2 else None, actor_label="Sven", mac="",
                verb="payments.merchant.edit", object_type="payments.merchant", object_id=str(number),
                object_label=f"Merchant · M-{number}" if number % 4 == 1 else f"M-{number}", by_platform=bool(number % 2),
                request_id=f"request-{number}", address=f"2001:db8::{number}",
            )
            for number in range(ROWS)
        ],
        batch_size=2000,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE console_auditentry")


def read(rows) -> int:
    """How many entries the plan touched, as it was run."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    touched = [node for node in plan(rows) if node.get("Relation Name") == "console_auditentry"]
    return sum(node.get(name, 0) for node in touched for name in names)


def test_a_search_reads_what_it_finds(entries, starfall):
    for place in (starfall, starfall.team, starfall.superapp, THE_PLATFORM):
        for words, found in WORDS.items():
            query = QueryDict(mutable=True)
            query["q"] = words
            listing = activity_listing(place, query)
            assert (listing.count, read(listing.cut()) <= 5, read(listing.capped) <= 5) == (found, True, True), (place, words)


def test_the_history_of_an_object_reads_the_entries_about_it(entries, starfall):
    """They are found by the object, also where the system did it."""
    for place in (starfall, starfall.team, starfall.superapp, THE_PLATFORM):
        for number in (6, 7):
            listing = activity_listing(place, QueryDict(f"object=payments.merchant:{number}"))
            assert (listing.count, read(listing.cut()), read(listing.capped)) == (1, 1, 1), (place, number)


def test_a_search_in_what_the_system_did_looks_at_a_week_and_says_so(entries, starfall):
    listing = activity_listing(starfall.superapp, QueryDict("q=M-4&who=all"))
    assert (listing.count, len(listing.notices)) == (1, 1) and "past 7 days" in listing.notices[0]
    assert activity_listing(starfall.superapp, QueryDict("q=M-4&who=all&since=2099-01-01")).notices == []
