"""`manage.py demo`: loaded once, consistent, and written down for HTTP clients."""

import json
import stat
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from console.audit import first_broken_entry, seal_entries
from console.models import AuditEntry, MiniProgram, Superapp, Team, User
from items.models import Item, ReleaseEntry
from openserver import reconciling
from orders.models import Attempt, Delivery, DeliveryState, Order, Refund
from payments.models import DeliveryConfig
from simulator.demo import ACCOUNTS, outcomes, world
from simulator.demo.loading import adapt_addresses, load, write_file
from simulator.superapp import transactions

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.usefixtures("loaded_demo")]


def test_loading_again_changes_nothing():
    before = Order.objects.count(), Item.objects.count(), User.objects.count(), AuditEntry.objects.count()
    assert load() is False
    assert (Order.objects.count(), Item.objects.count(), User.objects.count(), AuditEntry.objects.count()) == before
    assert before[2] == len(ACCOUNTS) and before[0] > 1400


def test_what_must_hold_between_orders_refunds_and_deliveries_holds():
    call_command("check_invariants")


def test_the_superapps_list_agrees_but_for_payments_of_another_price():
    superapp = Superapp.objects.get()
    since, until = timezone.now() - timedelta(days=95), timezone.now()
    pages, cursor = [], 0
    while True:
        page = transactions(superapp, since=since, until=until, after=cursor)
        pages.append([reconciling._row(row) for row in page["transactions"]])
        if not page["next"]:
            break
        cursor = int(page["next"])
    found = list(reconciling.differences(superapp.pk, pages, since, until))
    mismatched = set(Order.objects.filter(alert="payment_mismatch").values_list("pk", flat=True))
    assert {(each.kind, each.order_id) for each in found} == {("state", pk) for pk in mismatched} and len(mismatched) == 2


def test_every_state_of_every_axis_is_there():
    moonlit = Order.objects.filter(mini_program__name="Moonlit Cards")
    assert set(moonlit.values_list("payment_state", flat=True)) == set(Order.Payment.values)
    assert set(moonlit.values_list("delivery_state", flat=True)) == set(DeliveryState.values) - {"held"}
    assert Order.objects.filter(mini_program__name="Harbor Reader", delivery_state="held").count() == 3
    assert set(moonlit.values_list("refund_state", flat=True)) == set(Order.RefundState.values)
    assert set(Refund.objects.values_list("state", flat=True)) == set(Refund.State.values)
    assert set(Item.objects.values_list("state", flat=True)) == set(Item.State.values)
    assert Item.objects.on_sale().filter(unreviewed=True).count() == 3
    assert Item.objects.on_sale().filter(state="released").exclude(draft_hash=F("live_hash")).exists(), "changes not released"
    assert list(ReleaseEntry.objects.exclude(why_reviewed="").values_list("product_id", flat=True)) == ["collector_box"]


def test_nothing_is_paid_before_it_was_ordered_or_in_the_future():
    now = timezone.now()
    assert not Order.objects.filter(paid_at__lt=F("created_at")).exists()
    assert not Order.objects.filter(paid_at__gt=now).exists() and not Order.objects.filter(created_at__gt=now).exists()
    assert not Refund.objects.filter(started_at__lt=F("order__paid_at")).exists()
    assert not Attempt.objects.filter(started_at__gt=now).exists()


def test_timelines_know_how_each_delivery_and_refund_ended():
    def noted(*verbs):
        return set(AuditEntry.objects.filter(verb__in=verbs).values_list("object_id", flat=True))

    def keys(rows):
        return {str(pk) for pk in rows.values_list("pk", flat=True)}

    refunds = Refund.objects.filter(state__in=["closed", "failed"])
    cancelled, held = Delivery.objects.filter(state="cancelled"), Order.objects.filter(delivery_state="held")
    assert keys(refunds) and keys(refunds) == noted("orders.refund.close", "orders.refund.fail")
    assert keys(cancelled) and keys(cancelled) == noted("orders.delivery.cancel")
    assert keys(held) and keys(held) == noted("orders.order.hold_delivery")


def test_only_attempts_that_were_due_are_made():
    at = timezone.now()
    for seconds, due in ((0, 0), (10, 1), (20, 2), (3600, 7)):
        young = Delivery(state="pending", first_due_at=at - timedelta(seconds=seconds))
        assert outcomes._due(young, SimpleNamespace(now=at)) == due


def test_the_audit_trail_can_be_sealed():
    while seal_entries():
        pass
    assert first_broken_entry() is None


def test_the_platforms_activity_says_who_made_what():
    rows = AuditEntry.objects.filter(by_platform=True).order_by("created_at")
    verbs = [verb.removeprefix("console.") for verb in rows.values_list("verb", flat=True)]
    assert verbs[0] == "superapp.create" and verbs.count("team.create") == 3 and verbs.count("mini_program.create") == 3
    assert {"invitation.send", "team.change_email"} <= set(verbs)
    assert set(rows.values_list("actor__email", flat=True)) == {"superadmin@demo.test", "platform@demo.test"}


def test_items_on_sale_have_pictures_of_their_own():
    on_sale = Item.objects.on_sale().select_related("live_image")
    assert len({item.live_image.sha256 for item in on_sale}) == len(on_sale) >= 12
    assert all(item.live_image.width == 480 for item in on_sale)


def test_demo_json_says_all_that_a_client_needs(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    path = write_file()
    content = json.loads(path.read_text())
    moonlit = next(row for row in content["mini_programs"] if row["name"] == "Moonlit Cards")
    starfall = next(row for row in content["mini_programs"] if row["name"] == "Starfall")
    assert starfall["app_keys"] is None and starfall["items"] == []
    assert set(moonlit["app_keys"]) == {"live", "sandbox"} and moonlit["currency"] == "USD"
    assert {"product_id": "gems_720", "name": "720 moon gems", "price": 990, "currency": "USD"} in moonlit["items"]
    assert "PRIVATE KEY" in (tmp_path / "demo" / f"{moonlit['app_id']}-key.pem").read_text()
    files = [path, *(tmp_path / "demo").iterdir()]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 5


def test_the_addresses_follow_the_port(settings):
    settings.BASE_URL = "http://127.0.0.1:9999"
    own = DeliveryConfig.objects.exclude(mini_program__name="Moonlit Cards").first()
    DeliveryConfig.objects.filter(pk=own.pk).update(url="https://games.example/push")
    adapt_addresses()
    assert Superapp.objects.get().backend_url == "http://127.0.0.1:9999/simulator/superapp"
    moonlit = DeliveryConfig.objects.get(mini_program__name="Moonlit Cards")
    assert moonlit.url.startswith("http://127.0.0.1:9999/simulator/developer/mp")
    assert DeliveryConfig.objects.get(pk=own.pk).url == "https://games.example/push"


def test_a_crash_half_way_leaves_nothing(monkeypatch):
    # Out of the way, so that it loads again; it crashes before people would be there twice.
    Superapp.objects.update(code="another")
    Team.objects.update(code=Concat("code", Value("-1")))
    MiniProgram.objects.update(app_id=Concat("app_id", Value("1")))

    def crash(*_arguments: object) -> None:
        raise RuntimeError("crash")

    monkeypatch.setattr(world, "_people", crash)
    with pytest.raises(RuntimeError):
        load()
    assert list(Superapp.objects.values_list("code", flat=True)) == ["another"]
    assert not Team.objects.filter(code="northlight").exists()


def test_production_refuses_the_demo(settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="for trials"):
        call_command("demo")
