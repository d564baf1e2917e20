"""What openServer says of orders that are in the archive."""

import pytest

from orders.archived import order_page
from orders.mismatch_lines import lines
from orders.mismatches import CASES, count, open_rows
from orders.models import ArchivedOrder, Notification, Order
from orders.tasks import match_notifications
from payments.models import Credential
from tests.openserver import standard
from tests.orders.archive import LONG_AGO, archive, put_back, sold

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def gone(shop) -> ArchivedOrder:
    """N-1 of Starfall, sold and archived."""
    sold(shop.program, "N-1", refund="R-1")
    archive()
    return ArchivedOrder.objects.get()


def case(name="archived"):
    return next(case for case in CASES if case.name == name)


def test_its_number_is_refused_for_ever(shop, gone):
    answered = shop.place(data=shop.sign_data(outTradeNo="N-1"))
    assert (answered.code, answered.status) == ("ORDER_NO_REUSED", 409)
    assert "archived" in answered.message
    assert not Order.objects.exists()
    assert shop.place(data=shop.sign_data(outTradeNo="N-1", env=1)).code == "0", "the sandbox has numbers of its own"


def test_a_standard_payment_does_not_get_its_number_either(seller):
    assert standard.place(seller).code == "0"
    put_back(Order.objects.get(), LONG_AGO)
    archive()
    assert (standard.place(seller).code, Order.objects.count()) == ("ORDER_NO_REUSED", 0)
    asked = standard.query(seller)
    assert (asked.code, asked.status) == ("ORDER_ARCHIVED", 410)


def test_a_developer_who_asks_for_it_learns_where_it_is(shop, reader, gone):
    path = f"/orders/N-1?appId={shop.program.app_id}"
    answered = shop.by_developer("GET", path)
    assert (answered.code, answered.status) == ("ORDER_ARCHIVED", 410)
    assert "2025-03" in answered.message and f"archive {gone.archive_id}" in answered.message
    assert shop.by_developer("GET", path + "&env=1").code == "ORDER_NOT_FOUND"
    assert reader.by_developer("GET", f"/orders/N-1?appId={reader.program.app_id}").code == "ORDER_NOT_FOUND"


@pytest.mark.parametrize("tell", ["notify_paid", "notify_refund"])
def test_what_is_told_of_it_is_kept_and_stands_on_the_mismatch_desk(shop, reader, gone, tell):
    answered = getattr(shop, tell)("N-1")
    assert (answered.code, answered.status) == ("ORDER_ARCHIVED", 410)
    kept = Notification.objects.get()
    assert (kept.verdict, kept.mini_program, kept.order) == ("archived", shop.program, None)
    for place in (shop.program, shop.superapp):
        (line,) = lines(case(), open_rows(case(), place))
        assert (line.number, line.program, f"archive {gone.archive_id}" in line.detail) == ("N-1", shop.program.name, True)
        assert line.url == order_page(shop.program.app_id, env=0, number="N-1")
    assert count(open_rows(case(), reader.program)) == 0
    assert count(open_rows(case("unknown"), shop.superapp)) == 0
    assert match_notifications() == 0


def test_another_programs_order_of_the_same_number_is_not_mistaken_for_it(shop, reader):
    number = "NUMBER-1"
    sold(shop.program, number)
    archive()
    assert reader.notify_paid(number).code == "ORDER_NOT_FOUND"
    reader.place(data=reader.sign_data(outTradeNo=number))
    assert Order.objects.get().payment_state == "paid", "what was kept is applied"
    assert shop.notify_paid(number).code == "ORDER_ARCHIVED"
    assert reader.notify_paid(number).code == "0"


def test_what_nobody_signed_is_not_taken_for_it(shop, gone):
    Credential.objects.filter(mini_program=shop.program).update(state="revoked")
    assert shop.notify_paid("N-1").code == "ORDER_NOT_FOUND"
    assert Notification.objects.get().verdict == "unknown_order"


def test_a_standard_notification_of_an_archived_payment_is_kept(seller):
    sold(seller.program, "S-1", kind="standard", merchant_no="M-1")
    archive()
    for told in (standard.transaction(seller), standard.refund(seller)):
        assert seller.by_superapp("POST", "/pay/notifications", told).code == "ORDER_ARCHIVED"
        kept = Notification.objects.latest("pk")
        assert (kept.verdict, kept.mini_program) == ("archived", seller.program)
