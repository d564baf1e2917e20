"""Prices that openServer refused: counted by item, price and day, never a row for each call."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders import tasks
from orders.actions import price_refusal
from orders.mismatch_lines import lines
from orders.mismatches import CASES, count, open_rows
from orders.models import PriceRefusal

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
PRICE = next(case for case in CASES if case.name == "price")


def refuse(program, *, asked=980, product_id="gem", number="N-1", price=990):
    owners = {"mini_program_id": program.pk, "team_id": program.team_id, "superapp_id": program.superapp_id}
    told = {"product_id": product_id, "asked": (asked, "USD"), "priced": (price, "USD"), "out_trade_no": number}
    price_refusal.count_refusal(owners, **told)


def test_the_same_price_of_a_day_is_one_row_that_counts(starfall):
    for number in ("N-1", "N-2", "N-3"):
        refuse(starfall, number=number)
    refuse(starfall, asked=970)
    rows = PriceRefusal.objects.order_by("pk").values_list("asked_price", "times", "last_number")
    assert list(rows) == [(980, 3, "N-3"), (970, 1, "N-1")]


def test_a_caller_cannot_fill_the_table(starfall, harbor_reader, monkeypatch):
    monkeypatch.setattr(price_refusal, "MOST_KINDS", 5)
    for price in range(1, 41):
        refuse(starfall, asked=price)
    refuse(harbor_reader, asked=1)
    assert PriceRefusal.objects.filter(mini_program=starfall).count() == 6
    beyond = PriceRefusal.objects.get(mini_program=starfall, product_id="")
    assert beyond.times == 35
    assert "35 times, for more items and prices than a day lists" in lines(PRICE, open_rows(PRICE, starfall))[0].detail
    refuse(starfall, asked=1)  # a known one goes on counting
    assert PriceRefusal.objects.get(mini_program=starfall, asked_price=1).times == 2


def test_what_is_older_than_the_desk_looks_back_is_deleted(starfall):
    refuse(starfall)
    refuse(starfall, asked=1)
    PriceRefusal.objects.filter(asked_price=1).update(day=timezone.now().date() - timedelta(days=91))
    assert count(open_rows(PRICE, starfall)) == 1
    assert tasks.forget_refusals() == 1
    assert PriceRefusal.objects.get().asked_price == 980


def test_the_desk_says_what_was_asked_and_leads_to_the_item(client, operator, starfall):
    refuse(starfall, number="N-77")
    client.force_login(operator)
    page = client.get(reverse("orders:mismatches", kwargs={"app_id": starfall.app_id}) + "?case=price").content.decode()
    assert "The game asked USD 9.80, the item costs USD 9.90. Refused 1 time. Last order number: N-77." in page
    assert reverse("items:detail", kwargs={"app_id": starfall.app_id, "product_id": "gem"}) in page


def test_the_superapp_sees_them_too_and_nobody_else_does(starfall, harbor_reader):
    refuse(starfall)
    assert count(open_rows(PRICE, starfall.superapp)) == 1
    assert count(open_rows(PRICE, harbor_reader)) == 0


def test_counting_a_known_one_is_one_statement(starfall, django_assert_num_queries):
    refuse(starfall)
    with django_assert_num_queries(1):
        refuse(starfall)
