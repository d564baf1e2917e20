"""A thousand items submitted for release and then approved, in one go, against the bare statements and against one by one."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from bench.database import programs
from bench.measuring import Result, medians
from console.actions.membership import set_superapp_role, set_team_role
from console.lifecycle import move
from console.models import MiniProgram, User
from console.permissions import System
from items.models import Item, Release, ReleaseEntry
from items.submitting import manifest
from payments.models import Merchant, MerchantBinding, owners_of

ITEMS, ROUNDS = 1_000, 3
SINGLY = 5  # items of the peer, whose time is scaled up: it is linear
SETUP = System("bench")


@dataclass
class Place:
    """A mini program that may release, who submits and who decides, each with a browser that is signed in."""

    program: MiniProgram
    senior: User
    approver: User
    team: Client = field(default_factory=Client)
    superapp: Client = field(default_factory=Client)
    numbers: Any = field(default_factory=count)

    def items(self, number: int) -> list[Item]:
        """So many new items."""
        content = {"price": 990, "currency": "USD", "description": "Shines", "edited_by": self.senior, **owners_of(self.program)}
        made = [Item(product_id=f"coin_{next(self.numbers):08d}", name="Coin", **content) for _item in range(number)]
        for item in made:
            item.draft_hash = item.content_hash()
        return Item.objects.bulk_create(made)

    def submit(self, shown: str) -> Release:
        """The form of the page that asks."""
        url = reverse("items:release-submit", kwargs={"app_id": self.program.app_id})
        answer = self.team.post(url, {"shown": shown, "message": ""})
        assert answer.status_code == 302, answer.content
        return Release.objects.latest("pk")

    def review_url(self, page: str, release: Release) -> str:
        """A page of the reviewer."""
        return reverse(f"items:{page}", kwargs={"superapp": self.program.superapp.code, "pk": release.pk})


def measure(_rows: int) -> Result:
    """Always a thousand: that is the most one submission takes."""
    place = _place()
    made = {"ours": place.items(ITEMS * (ROUNDS + 1)), "limit": place.items(ITEMS * (ROUNDS + 1))}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) items_item")
    sides = {"ours": lambda: ours(place, _take(made["ours"])), "limit": lambda: limit(place, _take(made["limit"]))}
    for side in sides.values():  # once without the clock, so that nobody pays for imports and empty caches
        side()
    times = medians(ROUNDS, **sides, peer=lambda: peer(place))
    times["peer"] *= ITEMS / SINGLY
    met = times["ours"] <= 5 * times["limit"] and times["peer"] >= 50 * times["ours"]
    goal = "≤ 5 × the bare updates and audit inserts; ≥ 50 × faster than one by one through the page"
    return Result(name="bulk", unit="s", goal=goal, met=met, **times)


def ours(place: Place, items: list[Item]) -> None:
    """Two posts: submit all, approve all."""
    release = place.submit(manifest((item.pk, item.draft_hash) for item in items))
    entries = ReleaseEntry.objects.filter(release=release).values_list("pk", "content_hash")
    place.superapp.post(place.review_url("release-decide", release), {"all": "approve", "shown": manifest(entries)})
    if Item.objects.filter(pk__in=[item.pk for item in items], on_sale=True).count() != ITEMS:
        raise RuntimeError("not all of them went on sale")


def peer(place: Place) -> None:
    """Item by item: look at the page, submit, look at the review, approve."""
    url = reverse("items:release-submit", kwargs={"app_id": place.program.app_id})
    for item in place.items(SINGLY):
        place.team.get(url, {"ids": item.product_id})
        release = place.submit(manifest([(item.pk, item.draft_hash)]))
        place.superapp.get(place.review_url("release-review", release))
        entry = release.entries.get()
        form = {f"choice-{entry.pk}": "approve", f"hash-{entry.pk}": entry.content_hash}
        place.superapp.post(place.review_url("release-decide", release), form)
        if not Item.objects.get(pk=item.pk).on_sale:
            raise RuntimeError("it did not go on sale")


_AUDIT = """
INSERT INTO console_auditentry (created_at, team_id, superapp_id, mini_program_id, actor_id, actor_label, verb, object_type,
    object_id, object_label, changes, note, request_id, address, mac, chain_mac)
SELECT now(), team_id, superapp_id, mini_program_id, %s, 'Bench', %s, 'items.item', id::text, name, '{"state": ["a", "b"]}', '',
    '', '', repeat('0', 64), '' FROM items_item WHERE id = ANY(%s)
"""
_ENTRIES = """
INSERT INTO items_releaseentry (release_id, item_id, state, product_id, name, price, currency, description, content_hash,
    old_name, old_currency, old_description, edited_by_id, editors, requested_by_id, reason, reason_part, why_reviewed)
SELECT %s, id, 'in_progress', product_id, name, price, currency, description, draft_hash, '', '', '', edited_by_id, '[]', %s, '',
    '', '' FROM items_item WHERE id = ANY(%s)
"""
_LIVE = """
UPDATE items_item SET state = 'released', on_sale = true, live_name = name, live_price = price, live_currency = currency,
    live_description = description, live_hash = draft_hash, released_at = now() WHERE id = ANY(%s)
"""


def limit(place: Place, items: list[Item]) -> None:
    """Two transactions of nothing but the statements that change rows, made up by the database itself."""
    ids = [item.pk for item in items]
    senior, approver = place.senior.pk, place.approver.pk
    own = owners_of(place.program)
    with transaction.atomic(), connection.cursor() as cursor:
        release = Release.objects.create(**own, requested_by=place.senior)
        cursor.execute(_ENTRIES, [release.pk, senior, ids])
        cursor.execute("UPDATE items_item SET state = 'under_review' WHERE id = ANY(%s)", [ids])
        cursor.execute(_AUDIT, [senior, "items.release.submit", ids])
    with transaction.atomic(), connection.cursor() as cursor:
        decided = "UPDATE items_releaseentry SET state = 'approved', decided_by_id = %s, decided_at = now() WHERE release_id = %s"
        cursor.execute(decided, [approver, release.pk])
        cursor.execute(_LIVE, [ids])
        cursor.execute(_AUDIT, [approver, "items.release_entry.approve", ids])
        cursor.execute(_AUDIT, [approver, "items.release.approve", ids])
        Release.objects.filter(pk=release.pk).update(decided_by=approver)


def _take(items: list[Item]) -> list[Item]:
    taken = items[:ITEMS]
    del items[:ITEMS]
    return taken


def _place() -> Place:
    program = programs(5)[0]
    senior, approver = (User.objects.create_user(f"{name}@bench.test", "x", name=name) for name in ("Senior", "Approver"))
    set_team_role(senior, program.team, "senior_developer", actor=SETUP)
    set_superapp_role(approver, program.superapp, "approver", actor=SETUP)
    merchant = Merchant.objects.create(superapp=program.superapp, merchant_id="M-1", name="M", currency="USD")
    where = {"team": program.team, "superapp": program.superapp, "bound_team": program.team, "requested_by": senior}
    move(MerchantBinding.objects.create(**where, merchant=merchant), "approve", actor=approver)
    place = Place(program, senior, approver)
    place.team.force_login(senior)
    place.superapp.force_login(approver)
    return place
