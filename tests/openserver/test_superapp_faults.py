"""A superapp that is down, slow or lying: a clear answer, the order stays retriable, and never a second prepay.

The stand-in speaks raw HTTP and keeps a ledger like a superapp's: one prepay for each number, however often it is asked.
"""

import json
import socket
import struct
import threading

import pytest

from orders.models import Order
from tests.openserver.standard import place as place_standard

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
DEADLINE = 0.3  # seconds, instead of ten


class Ledger:
    """A raw HTTP server; `fault` is what happens to answers, None for a good one."""

    def __init__(self) -> None:
        self.fault = None
        self.prepays: dict[str, str] = {}
        self.asked: list[str] = []
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                peer, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        with peer:
            number = self.read(peer)
            if number is None:
                return
            self.asked.append(number)
            # The superapp holds the order before anything can go wrong with its answer.
            prepay_id = self.prepays.setdefault(number, f"pp-{len(self.prepays) + 1}")
            content = json.dumps({"returnCode": "0", "data": {"prepayId": prepay_id, "prepay_id": prepay_id}}).encode()
            try:
                (self.fault or good)(peer, content, self.over)
            except OSError:
                pass

    def read(self, peer: socket.socket) -> str | None:
        received = b""
        while b"\r\n\r\n" not in received:
            more = peer.recv(65536)
            if not more:
                return None
            received += more
        head, _empty, body = received.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            body += peer.recv(65536)
        order = json.loads(body)
        return order.get("outTradeNo") or order["out_trade_no"]

    def close(self) -> None:
        self.over.set()
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # close() alone would let the waiting accept() take one more
        self.listener.close()


def answer(content: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status.encode(), len(content), content)


def good(peer, content, over):
    peer.sendall(answer(content))


def hangs(peer, content, over):
    over.wait(20)


def reset(peer, content, over):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes(peer, content, over):
    pass


def half(peer, content, over):
    peer.sendall(answer(content)[:-9])


def slow_headers(peer, content, over):
    for letter in answer(content):
        peer.sendall(bytes([letter]))
        if over.wait(0.02):
            return


def slow_body(peer, content, over):
    peer.sendall(answer(content)[:-20])
    over.wait(20)


def fails(peer, content, over):
    peer.sendall(answer(b"fault", "500 Internal Server Error"))


def unavailable(peer, content, over):
    peer.sendall(answer(content, "503 Service Unavailable"))


def nonsense(peer, content, over):
    peer.sendall(answer(b"<html>It works!</html>"))


def no_http(peer, content, over):
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def refuses(peer, content, over):
    peer.sendall(answer(b'{"returnCode": "SYSTEM_BUSY", "returnMessage": "later", "data": null}'))


def refuses_with_a_number(peer, content, over):
    peer.sendall(answer(b'{"returnCode": 1, "data": {"prepayId": "pp-x", "prepay_id": "pp-x"}}'))


def endless_header(peer, content, over):
    peer.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n" + content)


def redirects(peer, content, over):
    peer.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")


FAULTS = [
    hangs, reset, closes, half, slow_headers, slow_body, fails, unavailable, nonsense, no_http, refuses, refuses_with_a_number,
    endless_header, redirects,
]  # fmt: skip


@pytest.fixture
def ledger(seller, settings, monkeypatch):
    """Orbit's backend from now on."""
    stand_in = Ledger()
    settings.LOCAL_DESTINATIONS = frozenset({f"127.0.0.1:{stand_in.port}"})
    seller.superapp.backend_url = f"http://127.0.0.1:{stand_in.port}/backend"
    seller.superapp.save()
    monkeypatch.setattr("openserver.superapp.DEADLINE", DEADLINE)
    yield stand_in
    stand_in.close()


def virtual(shop):
    """Send the same signed order, however often."""
    body = shop.order(shop.sign_data(outTradeNo="N-1"))
    return lambda: shop.place(body)


def standard(shop):
    return lambda: place_standard(shop, out_trade_no="N-1")


@pytest.mark.parametrize("kind", [virtual, standard])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_clear_answer_and_the_same_request_goes_on(seller, ledger, fault, kind):
    send, ledger.fault = kind(seller), fault
    failed = send()
    assert (failed.code, failed.status, failed.data) == ("SUPERAPP_UNAVAILABLE", 502, None)
    assert "same request again" in failed.message  # also of what trickles: one deadline for all of it
    order = Order.objects.get()
    assert (order.payment_state, order.prepay_id, order.prepay_lease_until) == ("created", "", None)
    ledger.fault = None
    assert "pp-1" in str(send().data)
    assert "pp-1" in str(send().data)
    assert (ledger.prepays, ledger.asked) == ({"N-1": "pp-1"}, ["N-1", "N-1"])
    assert (Order.objects.get().payment_state, Order.objects.get().prepay_id) == ("unpaid", "pp-1")


@pytest.mark.parametrize("kind", [virtual, standard])
def test_it_may_fail_often_before_it_answers(seller, ledger, kind):
    send = kind(seller)
    for fault in (reset, hangs, nonsense, refuses):
        ledger.fault = fault
        assert send().code == "SUPERAPP_UNAVAILABLE"
    ledger.fault = None
    assert send().code == "0"
    assert (Order.objects.count(), ledger.prepays, len(ledger.asked)) == (1, {"N-1": "pp-1"}, 5)


def test_a_payment_that_is_told_while_the_answer_was_lost_is_recorded(seller, ledger):
    send, ledger.fault = virtual(seller), reset
    assert send().code == "SUPERAPP_UNAVAILABLE"
    # The player paid all the same: the superapp holds the order although its answer never came.
    assert seller.notify_paid("N-1").code == "0"
    assert Order.objects.get().payment_state == "paid"
    assert send().code == "ORDER_NO_REUSED"


def test_nobody_listens(seller, ledger):
    send = virtual(seller)
    ledger.close()
    assert send().code == "SUPERAPP_UNAVAILABLE"
    assert Order.objects.get().payment_state == "created"
