"""Searching the records: whole ids, parts of numbers, pasted lists, and the jump to a record."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from orders import parts
from tests.orders.records import give_back, numbers, place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="the index is PostgreSQL's")


@pytest.fixture
def url(starfall):
    return reverse("orders:list", kwargs={"app_id": starfall.app_id})


@pytest.fixture
def detail(starfall):
    return lambda order: reverse("orders:detail", kwargs={"app_id": starfall.app_id, "pk": order.pk})


@pytest.fixture
def search(client, operator, url):
    client.force_login(operator)
    return lambda text, **more: client.get(url, {"q": text, **more})


@pytest.mark.parametrize("found_by", ["prepay-77", "player-77-longer", "sword", "2026-0042", "SHOP"])
def test_finds_whole_ids_and_parts_of_order_numbers(search, starfall, found_by):
    long_ago = timezone.now() - timedelta(days=900)
    place(starfall, "SHOP-2026-0042", prepay_id="prepay-77", open_id="player-77-longer", product_id="sword", created_at=long_ago)
    place(starfall, "OTHER", prepay_id="prepay-7")
    assert numbers(search(found_by)) == ["SHOP-2026-0042"]


@pytest.mark.parametrize("text", ["repay-77", "player-77", "swor", "042", "____", "%%%%"])
def test_parts_of_other_ids_and_short_parts_find_nothing(search, starfall, text):
    place(starfall, "SHOP-2026-0042", prepay_id="prepay-77", open_id="player-77-longer", product_id="sword")
    assert numbers(search(text)) == []


def test_a_short_text_is_the_beginning_of_a_number(search, starfall):
    place(starfall, "SH-1")
    place(starfall, "1-SH")
    assert numbers(search("SH")) == ["SH-1"]


def test_an_exact_number_jumps_to_the_order_whatever_its_age_and_its_record(search, starfall, detail):
    old = place(starfall, "ORDER-1", created_at=timezone.now() - timedelta(days=900), env=1, kind="standard")
    place(starfall, "ORDER-12")
    assert search(" ORDER-1 ").headers["Location"] == detail(old)


@pytest.mark.parametrize("text", ["ORDER-1,", "; ORDER-1 ;", "ORDER-1 ORDER-1", "ORDER-1\n"])
def test_one_number_between_separators_or_twice_jumps_too(search, starfall, detail, text):
    order = place(starfall, "ORDER-1", env=1)
    assert search(text).headers["Location"] == detail(order)


def test_of_a_number_used_in_both_environments_the_one_looked_at_counts(search, starfall, detail):
    live, sandbox = place(starfall, "ORDER-1"), place(starfall, "ORDER-1", env=1)
    assert search("ORDER-1").headers["Location"] == detail(live)
    assert search("ORDER-1", env=1).headers["Location"] == detail(sandbox)


def test_a_number_of_two_mini_programs_lists_both_to_the_superapp(client, superapp_operator, starfall, harbor_reader):
    place(starfall, "ORDER-1")
    place(harbor_reader, "ORDER-1")
    client.force_login(superapp_operator)
    response = client.get(reverse("orders:superapp-list", kwargs={"superapp": starfall.superapp.code}), {"q": "ORDER-1"})
    assert numbers(response) == ["ORDER-1", "ORDER-1"]


@pytest.mark.parametrize("between", ["\n", ", ", " ", "\r\n", ";\t"])
def test_a_pasted_list_says_what_was_found_and_what_was_not(search, starfall, harbor_reader, between):
    place(starfall, "ORDER-1")
    place(starfall, "ORDER-2", env=1)
    place(starfall, "ORDER-12")
    place(harbor_reader, "THEIRS")
    response = search(between.join(["ORDER-1", "ORDER-2", "MISSING", "THEIRS", "ORDER-1"]))
    assert sorted(numbers(response)) == ["ORDER-1", "ORDER-2"]
    page = response.content.decode()
    assert "2 of 4 numbers were found." in page and "Not found: MISSING, THEIRS." in page
    assert "Search: 4 numbers" in page


def test_numbers_outside_of_the_filters_are_told_apart(search, starfall):
    place(starfall, "ORDER-1", payment_state="paid")
    place(starfall, "ORDER-2")
    page = search("ORDER-1 ORDER-2 ORDER-3", payment="paid").content.decode()
    assert "1 of 3 numbers were found." in page
    assert "Not found: ORDER-3." in page and "Found, but outside of the filters: ORDER-2." in page


def test_two_hundred_numbers_of_full_length_fit_and_one_more_is_refused(search, starfall):
    wanted = [f"{number:032d}" for number in range(200)]
    for number in wanted[:3]:
        place(starfall, number)
    response = search("\n".join(wanted))
    assert len(numbers(response)) == 3
    assert "3 of 200 numbers were found." in response.content.decode()
    assert len(response.context["listing"].url()) < 7000
    refused = search("\n".join([*wanted, "ONE-MORE"])).content.decode()
    assert "Search for at most 200 numbers at once; these are 201." in refused


def test_numbers_that_are_too_long_together_are_refused_with_a_sentence_and_never_cut(search, starfall):
    told = "Search for at most 200 numbers of 7,000 characters in all at once. Take some away."
    numbers = [f"{number:064d}" for number in range(108)]
    page = search(" ".join(numbers)).content.decode()
    assert "maxlength" not in page.partition('type="search"')[2].partition(">")[0] and numbers[-1] in page
    assert page.count(told) > 1, "beside what the page says itself"
    assert search(" ".join(numbers[:107])).content.decode().count(told) == 1
    escaped = [sign * 200 for sign in "一二三四"]
    assert search(" ".join(escaped)).content.decode().count(told) > 1, "nine characters of the address each"


@pytest.mark.parametrize("name", ["list", "refund-list", "superapp-list", "superapp-refund-list"])
@pytest.mark.parametrize("kind", ["virtual", "standard"])
def test_all_lists_refuse_201_pasted_numbers_with_a_sentence(client, operator, superapp_operator, starfall, name, kind):
    of_superapp = name.startswith("superapp")
    client.force_login(superapp_operator if of_superapp else operator)
    place = {"superapp": starfall.superapp.code} if of_superapp else {"app_id": starfall.app_id}
    url = reverse(f"orders:{name}", kwargs=place)
    numbers = [f"NUMBER-{number}" for number in range(201)]
    page = client.get(url, {"kind": kind, "q": "\n".join(numbers)})
    told = page.content.decode()
    assert page.status_code == 200 and "Search for at most 200 numbers at once; these are 201. Take some away." in told
    assert "NUMBER-200" in told, "what was pasted stays"
    assert "0 of 200 numbers were found." in client.get(url, {"kind": kind, "q": " ".join(numbers[:200])}).content.decode()


def test_refunds_are_found_by_their_number_their_orders_or_a_part(client, operator, starfall):
    order = place(starfall, "ORDER-1", payment_state="paid", paid_amount=990)
    give_back(order, "REFUND-77")
    give_back(order, "REFUND-78")
    client.force_login(operator)
    url = reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})
    assert sorted(numbers(client.get(url, {"q": "FUND-7"}))) == ["REFUND-77", "REFUND-78"]
    response = client.get(url, {"q": "REFUND-77 ORDER-1 NONE"})
    assert sorted(numbers(response)) == ["REFUND-77", "REFUND-78"]
    assert "2 of 3 numbers were found." in response.content.decode()


@pytest.mark.parametrize("number", ["R 2026 0042", "R,2026;0042", "2026, 42"])
def test_a_refund_number_with_spaces_commas_or_semicolons_is_found_as_a_whole(client, operator, starfall, number):
    refund = give_back(place(starfall, "ORDER-1"), number)
    give_back(refund.order, "2026")
    client.force_login(operator)
    url = reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})
    detail = reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk})
    assert client.get(url, {"q": f" {number} "}).headers["Location"] == detail
    listed = client.get(url, {"q": number, "after": "head"})
    assert numbers(listed) == [number] and f"Search: {number}" in listed.content.decode()
    listing = listed.context["listing"]
    assert QueryDict(listing.url()[1:])["q"] == number, "its addresses keep the signs"
    assert 'data-several="64"' in listed.content.decode(), "and so does the script"


@pytest.mark.parametrize("text", ["R-1,", "R-1 R-1", "; R-1"])
def test_one_refund_number_between_separators_or_twice_is_found(client, operator, starfall, text):
    refunds = [give_back(place(starfall, f"ORDER-{number}"), number) for number in ("R-1", "R-2,")]
    url = reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})
    page_of = [reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk}) for refund in refunds]
    client.force_login(operator)
    assert client.get(url, {"q": text}).headers["Location"] == page_of[0]
    assert client.get(url, {"q": "R-2,"}).headers["Location"] == page_of[1], "a comma can be part of a number"
    assert numbers(client.get(url, {"q": f"{text}", "after": "x"})) == ["R-1"]


def test_words_that_are_no_number_as_a_whole_are_a_list_of_refunds(client, operator, starfall):
    order = place(starfall, "ORDER-1")
    for number in ("R-1", "R-2", "R-1, R-3"):
        give_back(order, number)
    client.force_login(operator)
    response = client.get(reverse("orders:refund-list", kwargs={"app_id": starfall.app_id}), {"q": "R-1, R-2"})
    assert sorted(numbers(response)) == ["R-1", "R-2"] and "2 of 2 numbers were found." in response.content.decode()


@on_postgresql
def test_a_database_that_allows_no_extension_finds_beginnings_only(search, starfall, settings):
    place(starfall, "ORDER-77")
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")
        cursor.execute("CREATE ROLE nobody_much")
        cursor.execute("SET LOCAL ROLE nobody_much")
    with transaction.atomic():
        assert parts.make_index(connection) is False
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    parts.finds_parts.cache_clear()
    try:
        assert not parts.finds_parts()
        assert numbers(search("DER-77")) == []
        assert numbers(search("ORDER-7")) == ["ORDER-77"]
    finally:
        parts.finds_parts.cache_clear()


@on_postgresql
def test_the_index_is_there(db):
    parts.finds_parts.cache_clear()
    assert parts.finds_parts()
