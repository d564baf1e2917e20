"""The pages of an archived order and an archived refund: what they were, read out of the archive."""

from pathlib import Path

import pytest
from django.urls import reverse

from orders import archived
from orders.models import Order
from tests.orders.archive import LONG_AGO, archive, sold
from tests.orders.shop import new_order
from tests.people import own_role

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def store(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def made(starfall, harbor_reader):
    """An archived order with a refund, beside one of the same number of another mini program."""
    sold(harbor_reader, "ORDER-1", refund="R-9", open_id="somebody else")
    sold(starfall, "ORDER-1", refund="R-1", open_id="player-0001-abcd")
    (made,) = archive()
    return made


@pytest.fixture
def url(starfall) -> str:
    return reverse("orders:archived", kwargs={"app_id": starfall.app_id})


@pytest.fixture
def refund_url(starfall) -> str:
    return reverse("orders:archived-refund", kwargs={"app_id": starfall.app_id})


def test_tells_what_the_order_was_and_where_it_lies(client, operator, made, url):
    client.force_login(operator)
    page = client.get(url, {"env": "0", "number": "ORDER-1"}).content.decode()
    assert "Paid and delivered. Part of the money was refunded." in page
    assert "USD 19.80" in page and "USD -3.00" in page and "14 Mar 2025, 09:26" in page
    assert f"with the orders of March 2025, in archive {made.pk}" in page and made.file in page
    assert "Payload, byte for byte" in page and "Acknowledged." in page and "player-0001-abcd" in page
    assert "somebody else" not in page
    assert "Redeliver now" not in page and "workbench" not in page, "nothing is changed or signed again from here"


def test_tells_the_same_as_the_page_did_before(client, operator, starfall, made, url):
    """The rows of the file are the rows that were: the same page, but for the pieces that act."""
    new = sold(starfall, "ORDER-2", refund="R-2", open_id="player-0001-abcd")
    client.force_login(operator)
    before = client.get(reverse("orders:detail", kwargs={"app_id": starfall.app_id, "pk": new.pk}))
    archive()
    after = client.get(url, {"env": "0", "number": "ORDER-2"})
    assert not Order.objects.filter(out_trade_no="ORDER-2").exists()
    for name in ("verdict", "events"):
        assert after.context[name] == before.context[name], name
    for name in ("order", "notifications"):
        assert _columns(after.context[name]) == _columns(before.context[name]), name
    refunds = [_columns([each["row"] for each in answer.context["refunds"]]) for answer in (before, after)]
    assert refunds[0] == refunds[1] and len(refunds[0]) == 1
    deliveries = [answer.context["deliveries"] for answer in (before, after)]
    tried = [_columns([one["row"] for each in found for one in each["attempts"]]) for found in deliveries]
    assert tried[0] == tried[1] and len(tried[0]) == 2


def _columns(rows):
    rows = rows if isinstance(rows, list) else [rows]
    return [{each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields} for row in rows]


def test_refunds_are_for_those_who_may_view_them(client, northlight, operator, team_admin, made, url):
    asked = {"env": "0", "number": "ORDER-1"}
    client.force_login(operator)
    assert "Refund R-1 " in client.get(url, asked).content.decode()
    own_role(operator, northlight, team_admin, "orders.view_order", "orders.view_attempt")
    client.force_login(operator)
    page = client.get(url, asked).content.decode()
    assert not any(told in page for told in ("Refund R-1 ", "number=R-1", "USD -3.00"))
    assert "Refunds of this order</button>" in page
    assert "Redeliver now" not in page


def test_a_refund_and_its_order_lead_to_each_other(client, operator, made, url, refund_url):
    client.force_login(operator)
    page = client.get(refund_url, {"number": "R-1"}).content.decode()
    assert "USD -3.00" in page and "USD 19.80" in page and "The money is back with the player." in page
    assert "/orders/archived?env=0&amp;number=ORDER-1" in page
    assert "/refunds/archived?number=R-1" in client.get(url, {"env": "0", "number": "ORDER-1"}).content.decode()


def test_players_are_masked_for_all_but_the_team(client, superapp_operator, made, url, refund_url):
    client.force_login(superapp_operator)
    for page in (client.get(url, {"env": "0", "number": "ORDER-1"}), client.get(refund_url, {"number": "R-1"})):
        told = page.content.decode()
        assert "pla…abcd" in told and "player-0001-abcd" not in told and "Payload" not in told


def test_is_hidden_from_strangers_and_refused_to_the_approver(client, stranger, approver, made, url, refund_url):
    for person, status in ((stranger, 404), (approver, 403)):
        client.force_login(person)
        assert client.get(url, {"env": "0", "number": "ORDER-1"}).status_code == status
        assert client.get(refund_url, {"number": "R-1"}).status_code == status


@pytest.mark.parametrize("query", [{"number": "ORDER-1"}, {"env": "1", "number": "ORDER-1"}, {"env": "x", "number": "N\x00"}])
def test_what_is_not_in_the_archive_is_not_found(client, operator, starfall, made, url, refund_url, query):
    new_order(starfall, "YOUNG")
    client.force_login(operator)
    assert client.get(url, query).status_code == 404
    assert client.get(url, {"env": "0", "number": "YOUNG"}).status_code == 404
    assert client.get(refund_url, query).status_code == 404
    assert client.get(url).url == reverse("orders:list", kwargs={"app_id": starfall.app_id}), "without a number: to the search"


@pytest.mark.parametrize("fault", ["gone", "damaged"])
def test_a_file_that_cannot_be_read_leaves_what_is_known_without_it(client, operator, store, made, url, fault):
    file = store / made.file
    file.unlink() if fault == "gone" else file.write_bytes(file.read_bytes()[:-300])
    client.force_login(operator)
    answer = client.get(url, {"env": "0", "number": "ORDER-1"})
    page = answer.content.decode()
    assert answer.status_code == 200 and "The file of the archive cannot be read now" in page
    assert "March 2025" in page and made.file in page and "Virtual payment" in page


def test_columns_that_tables_or_files_have_not_are_left_out(client, operator, made, url, refund_url, monkeypatch):
    """Files are never written anew, so they outlive columns, and are older than others."""
    found = archived.find

    def with_another_column(*arguments):
        for line in found(*arguments):
            line["order"]["gone_since"] = 1
            assert line["refunds"][0].pop("product_id") == line["order"]["product_id"]
            yield line

    monkeypatch.setattr(archived, "find", with_another_column)
    client.force_login(operator)
    assert "Paid and delivered" in client.get(url, {"env": "0", "number": "ORDER-1"}).content.decode()
    assert client.get(refund_url, {"number": "R-1"}).status_code == 200


def test_needs_the_same_few_queries_whatever_the_archive_holds(client, operator, starfall, url, django_assert_max_num_queries):
    for number in range(5):
        sold(starfall, f"ORDER-{number}", refund=f"R-{number}", at=LONG_AGO)
    archive()
    client.force_login(operator)
    with django_assert_max_num_queries(14):
        client.get(url, {"env": "0", "number": "ORDER-1"})
