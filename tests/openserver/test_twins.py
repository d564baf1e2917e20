"""Identical requests at once: one order, one prepay, equal answers (docs/reliability.md)."""

import datetime
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from werkzeug import Response

from orders.models import Order
from tests.openserver.conftest import BASE, text_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer."),
]
CROWD = 200


def at_once(raws: list[bytes]) -> list[tuple[int, str, str]]:
    """Send all of them from threads that start together; returns status, returnCode and data of each answer."""
    gate = threading.Barrier(len(raws))

    def send(raw: bytes) -> tuple[int, str, str]:
        gate.wait()
        try:
            answer = Client().post(f"{BASE}/orders", raw, content_type="application/json")
            body = answer.json()
            return answer.status_code, body["returnCode"], text_of(body["data"])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(raws)) as pool:
        return list(pool.map(send, raws))


def slowly(order):
    time.sleep(0.5)  # the superapp takes its time, so that all twins come while it is being asked
    return Response(text_of({"returnCode": "0", "data": {"prepayId": "pp-1"}}))


@pytest.fixture
def room():
    """Enough connections: one for each twin."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        return int(cursor.fetchone()[0])


def test_200_identical_orders_at_once(shop, backend, room):
    backend.answer = slowly
    raw = text_of(shop.order(shop.sign_data(outTradeNo="N-1"))).encode()
    crowd = min(CROWD, room - 20)
    answers: list = []
    for _wave in range(-(-CROWD // crowd)):
        answers += at_once([raw] * crowd)
    assert set(answers) == {(200, "0", '{"outTradeNo":"N-1","prepayId":"pp-1"}')}
    assert len(answers) >= CROWD
    assert Order.objects.count() == len(backend.asked) == 1


def test_different_orders_with_one_number_at_once(shop, backend, room):
    backend.answer = slowly
    raws = [text_of(shop.order(shop.sign_data(outTradeNo="N-1", attach=str(each)))).encode() for each in range(40)]
    answers = at_once(raws)
    codes = [code for _status, code, _data in answers]
    assert (codes.count("0"), codes.count("ORDER_NO_REUSED")) == (1, 39)
    assert len(backend.asked) == 1


def test_a_faulty_superapp_is_not_asked_by_every_twin(shop, backend, room):
    def fails(order):
        time.sleep(0.5)
        return Response("fault", status=500)

    backend.answer = fails
    raw = text_of(shop.order()).encode()
    answers = at_once([raw] * 50)
    assert {code for _status, code, _data in answers} == {"SUPERAPP_UNAVAILABLE"}
    assert len(backend.asked) <= 5


def test_of_many_who_could_take_over_from_a_crashed_one_only_one_asks(shop, backend, room):
    body = shop.order(shop.sign_data(outTradeNo="N-1"))
    backend.answer = lambda order: Response("", status=500)
    shop.place(body)
    Order.objects.update(prepay_lease_until=timezone.now() - datetime.timedelta(seconds=1))
    backend.answer = slowly
    backend.asked.clear()
    answers = at_once([text_of(body).encode()] * 30)
    assert set(answers) == {(200, "0", '{"outTradeNo":"N-1","prepayId":"pp-1"}')}
    assert len(backend.asked) == 1
