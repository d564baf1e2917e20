"""A tenant with 5,000 pushes that get no answer: what another tenant sells is pushed before a single one of them ends.

Asserted is the order of events and not the time: no result of the stuck ones can come before the test lets it.
"""

import json
import threading
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from orders.dispatcher import Dispatcher, Limits
from orders.models import Attempt, Delivery, Order
from payments.models import owners_of
from tests.orders.shop import dispatching, new_order, open_push, pay, until

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 5000
OK = {"returnCode": "0", "returnMessage": "", "data": "OK", "requestId": "1"}
#: Nothing of the stuck ones ends by itself while the test runs.
PATIENT = Limits(deadline=3000.0, lease=timedelta(hours=1), poll=0.02)


@pytest.fixture
def stuck(harbor_reader, stranger, settings):
    """A receiver that answers nobody before `release` is set, and the mini program whose 5,000 pushes are due there."""
    release = threading.Event()
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{server.port}"}
        server.expect_request("/").respond_with_handler(lambda _request: Response(str(release.wait())))
        open_push(harbor_reader, stranger, server.url_for("/"))
        fill(harbor_reader)
        harbor_reader.release = release
        yield harbor_reader
        release.set()


def fill(program) -> None:
    """5,000 paid orders whose pushes are due, longer than any other."""
    owned = owners_of(program)
    fields = {"amount": 990, "currency": "USD", "payment_state": "paid", "paid_amount": 990, "delivery_state": "pending"}
    made = Order.objects.bulk_create(Order(**owned, **fields, out_trade_no=f"STUCK-{number}") for number in range(MANY))
    Delivery.objects.bulk_create([Delivery(**owned, order=order, event="goods", body="{}") for order in made])


@pytest.fixture
def well(starfall, team_admin, settings):
    """A mini program whose receiver acknowledges at once."""
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{server.port}"}
        server.expect_request("/").respond_with_response(Response(json.dumps(OK)))
        starfall.keys = open_push(starfall, team_admin, server.url_for("/"))
        yield starfall


def sell(program, *numbers: int) -> None:
    """Orders that are paid now."""
    for number in numbers:
        pay(new_order(program, f"ORDER-{number}"), program.keys[0])


def delivered(program) -> int:
    """How many orders of the program its receiver has acknowledged."""
    return Order.objects.filter(mini_program=program, delivery_state="delivered").count()


def test_what_another_tenant_sells_is_delivered_while_all_5000_are_stuck(stuck, well):
    with dispatching(PATIENT):
        until(lambda: Delivery.objects.filter(mini_program=stuck, state="delivering").count() == 8)
        for already in range(0, 40, 10):  # in four goes: it is not only the first that passes
            sell(well, *range(already, already + 10))
            until(lambda: delivered(well) == already + 10, seconds=120)  # noqa: B023
        assert not Attempt.objects.filter(delivery__mini_program=stuck).exists(), "one of the stuck ended"
        states = Delivery.objects.filter(mini_program=stuck).values_list("state", flat=True)
        assert (len(states), list(states).count("delivering")) == (MANY, 8), "more are in hand than an endpoint may have"
        stuck.release.set()
    assert not Attempt.objects.filter(delivery__mini_program=well).exclude(number=1).exists()


def test_the_second_claim_has_what_is_new_whatever_waits_before_it(stuck, well):
    dispatcher = Dispatcher(threading.Event(), Limits(sweep=3600))
    sell(well, *range(20))
    first = dispatcher._claim_rows()
    assert (len(first.pushes), first.more) == (8, True), "the oldest are of one endpoint, which may have eight"
    for push in first.pushes:
        dispatcher._receiver(push).take(200, 0.0)
    second = dispatcher._claim_rows()
    assert {push.row.out_trade_no for push in second.pushes} <= {f"ORDER-{number}" for number in range(20)}
    assert (len(second.pushes), {push.row.mini_program_id for push in second.pushes}) == (8, {well.pk})
