"""`manage.py check_invariants`: silent about sound rows, names each row that breaks a rule."""

from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from orders.models import Archive, ArchivedOrder, ArchivedRefund, Attempt, Delivery, Order, Refund, Rollup
from orders.rollups import KEPT, roll
from payments.models import owners_of
from tests.orders.records import place


@pytest.fixture
def delivered(starfall):
    """A paid and delivered order of which a part is refunded and another part is being refunded."""
    own, now = owners_of(starfall), timezone.now()
    states = {"payment_state": "paid", "delivery_state": "delivered", "refund_state": "partially_refunded"}
    amounts = {"amount": 990, "paid_amount": 990, "refunded_amount": 300, "refunding_amount": 90}
    order = Order.objects.create(**own, out_trade_no="ORDER-1", open_id="player", currency="USD", **states, **amounts)
    delivery = Delivery.objects.create(**own, order=order, event="goods", body="{}", state="delivered")
    answered = {"outcome": "acknowledged", "started_at": now, "mini_program": starfall}
    Attempt.objects.create(delivery=delivery, number=1, url="https://a.test/", **answered)
    refund = {"order": order, "out_trade_no": "ORDER-1", "currency": "USD", "started_at": now}
    Refund.objects.create(**own, **refund, refund_no="R-1", amount=300, state="success")
    Refund.objects.create(**own, **refund, refund_no="R-2", amount=90, state="processing")
    Refund.objects.create(**own, **refund, refund_no="R-3", amount=500, state="failed")
    return order


def test_sound_rows_pass(delivered, capsys):
    call_command("check_invariants")
    assert "hold for 1 orders" in capsys.readouterr().out


def archive(program, **fields):
    shelf = {"superapp": program.superapp, "month": date(2025, 3, 1), "kind": "virtual", "env": 0}
    counted = {"orders": 0, "refunds": 0, "totals": {}} | fields
    return Archive.objects.create(**shelf, **counted, file="archive/2025-03/x.jsonl.gz", size=1)


def bury(model, **fields):
    program = Order.objects.get().mini_program
    counted = {"orders": int(model is ArchivedOrder), "refunds": int(model is ArchivedRefund)}
    model.objects.create(mini_program=program, archive=archive(program, **counted), **fields)


def elsewhere(*rows):
    """These rows belong to another mini program now."""
    program = Order.objects.get().mini_program
    program.pk, program.app_id = None, "other"
    program.save()
    for each in rows:
        each.update(mini_program=program)


BREAKS = {
    "order_and_delivery_agree": lambda: Order.objects.update(delivery_state="pending"),
    "paid_order_has_a_delivery": lambda: Delivery.objects.update(event="test"),
    "delivered_is_acknowledged": lambda: Attempt.objects.update(outcome="bad_status"),
    "refunding_sum": lambda: Refund.objects.filter(refund_no="R-2").delete(),
    "refunded_sum": lambda: Refund.objects.filter(refund_no="R-1").update(amount=299),
    "refund_state": lambda: Order.objects.update(refund_state="refunded"),
    "refund_currency": lambda: Refund.objects.filter(refund_no="R-3").update(currency="JPY"),
    "delivery_owner": lambda: elsewhere(Delivery.objects.all(), Attempt.objects.all()),
    "refund_owner": lambda: elsewhere(Refund.objects.filter(refund_no="R-3")),
    "refund_item": lambda: Refund.objects.filter(refund_no="R-3").update(product_id="other"),
    "attempt_owner": lambda: elsewhere(Attempt.objects.all()),
    "order_number_not_archived": lambda: bury(ArchivedOrder, env=0, out_trade_no="ORDER-1"),
    "refund_number_not_archived": lambda: bury(ArchivedRefund, refund_no="R-1"),
    "archived_orders": lambda: archive(Order.objects.get().mini_program, orders=1),
    "archived_refunds": lambda: archive(Order.objects.get().mini_program, refunds=1),
}


@pytest.mark.parametrize("rule", BREAKS)
def test_a_row_that_breaks_a_rule_is_named_by_that_rule_alone(rule, delivered, capsys):
    BREAKS[rule]()
    with pytest.raises(CommandError, match="1 rows break"):
        call_command("check_invariants")
    assert capsys.readouterr().out.startswith(f"{rule}: ")


def test_a_paid_standard_order_needs_no_push(delivered):
    Delivery.objects.update(event="test")
    Order.objects.update(kind="standard")
    call_command("check_invariants")


def test_a_bucket_of_the_figures_that_is_not_what_its_rows_say_is_named(delivered, starfall, capsys):
    at = timezone.now() - timedelta(days=2)
    place(starfall, "OLD", created_at=at)
    roll()
    call_command("check_invariants")
    Rollup.objects.filter(minutes=15).update(orders=2)
    with pytest.raises(CommandError, match="1 rows break"):
        call_command("check_invariants")
    quarter = f"{at.replace(minute=at.minute // 15 * 15):%Y-%m-%d %H:%M} UTC"
    told = f"figures: {starfall.app_id} env 0 USD, 15 minutes from {quarter}: orders 2 by the rollup, 1 by the rows"
    assert told in capsys.readouterr().out


def test_figures_that_miss_a_row_or_have_one_too_many_are_named(delivered, starfall, capsys):
    place(starfall, "OLD", created_at=timezone.now() - timedelta(days=2))
    place(starfall, "OLDER", created_at=timezone.now() - timedelta(days=5))
    roll()
    Rollup.objects.filter(start__gte=timezone.now() - timedelta(days=3)).delete()
    with pytest.raises(CommandError, match="2 rows break"):
        call_command("check_invariants")
    assert "orders 0 by the rollup, 1 by the rows" in capsys.readouterr().out
    Order.objects.filter(out_trade_no="OLDER").delete()
    with pytest.raises(CommandError, match="4 rows break"):
        call_command("check_invariants")
    assert "orders 1 by the rollup, 0 by the rows" in capsys.readouterr().out


@pytest.mark.parametrize(("lost", "said"), [("the oldest", 2), ("all", 4)])
def test_figures_that_are_gone_before_the_oldest_one_that_is_there_are_named(delivered, starfall, capsys, lost, said):
    """As after a restore without some of the table, or with a step that was marked as made and was not."""
    place(starfall, "OLD", created_at=timezone.now() - timedelta(days=2))
    place(starfall, "OLDEST", created_at=timezone.now() - timedelta(days=5))
    roll()
    call_command("check_invariants")
    Rollup.objects.filter(**{} if lost == "all" else {"start__lt": timezone.now() - timedelta(days=3)}).delete()
    with pytest.raises(CommandError, match=f"{said} rows break"):
        call_command("check_invariants")
    assert capsys.readouterr().out.count("orders 0 by the rollup, 1 by the rows") == said


def test_rows_that_are_final_need_no_figures(delivered, starfall):
    place(starfall, "OLD", created_at=timezone.now() - KEPT - timedelta(hours=1))
    roll()
    call_command("check_invariants")


def test_a_bucket_with_a_late_change_to_be_taken_up_is_no_fault(delivered, starfall):
    place(starfall, "OLD", created_at=timezone.now() - timedelta(days=2))
    roll()
    place(starfall, "LATE", created_at=timezone.now() - timedelta(days=2))
    call_command("check_invariants")
