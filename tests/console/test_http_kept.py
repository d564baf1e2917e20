"""Kept connections to a trusted peer, against real servers on this machine."""

import socket
import threading

import pytest

from console import http_kept
from console.http_kept import send_kept
from console.http_messages import OutgoingRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Peer:
    """A server of one thread a connection. It gives `answers` in turn over each, and closes after the last one."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.requests, self.connections = answers, list[bytes](), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.gone = threading.Semaphore(0)  # a connection was closed
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                wire, _address = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(wire,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, wire: socket.socket) -> None:
        with wire:
            for answer in self.answers:
                request = wire.recv(65536)
                if not request:
                    break
                self.requests.append(request)
                wire.sendall(answer)
        self.gone.release()


@pytest.fixture
def peer(settings):
    made: list[Peer] = []

    def start(*answers: bytes) -> Peer:
        made.append(Peer(*answers))
        settings.LOCAL_DESTINATIONS = frozenset(peer.address for peer in made)
        return made[-1]

    http_kept._idle.clear()
    yield start
    for each in made:
        each.listener.close()


def call(peer: Peer, **changes):
    return send_kept(OutgoingRequest(**{"url": f"http://{peer.address}/a%2Fb?x=1", "body": b"{}", **changes}))


def test_the_second_call_goes_over_the_same_connection(peer):
    server = peer(OK, OK, OK)
    assert [call(server).body for _call in range(2)] == [b"OK", b"OK"]
    assert (server.connections, len(server.requests)) == (1, 2)
    assert server.requests[0].startswith(b"POST /a%2Fb?x=1 HTTP/1.1\r\n") and server.requests[0].endswith(b"\r\n\r\n{}")
    assert b"Accept-Encoding: identity" in server.requests[0]


def test_a_connection_that_was_closed_is_replaced(peer):
    server = peer(OK)
    assert call(server).body == b"OK"
    server.gone.acquire()
    assert call(server).body == b"OK"
    assert server.connections == 2


def test_a_connection_that_is_closed_at_the_next_call_is_replaced_once(peer, monkeypatch):
    server = peer(OK)
    call(server)
    server.gone.acquire()
    monkeypatch.setattr(http_kept.Wire, "fresh", lambda self: True)  # the peer closes while we are writing
    assert call(server).body == b"OK"
    assert server.connections == 2


def test_half_an_answer_is_no_answer_and_not_asked_for_again(peer):
    server = peer(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
    call(server)
    answer = call(server)
    assert (answer.status, answer.error_class, answer.connected) == (None, "protocol", True)
    assert len(server.requests) == 2


def test_an_old_connection_is_not_used(peer, monkeypatch):
    server = peer(OK, OK)
    call(server)
    monkeypatch.setattr(http_kept, "MAX_AGE", 0.0)
    assert call(server).status == 200
    assert server.connections == 2


@pytest.mark.parametrize("extra", [b"X", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nNO"])
def test_what_comes_unasked_is_not_taken_for_the_next_answer(peer, extra):
    server = peer(OK + extra, OK)
    assert [call(server).body for _call in range(2)] == [b"OK", b"OK"]


def test_an_interim_answer_ends_the_connection(peer):
    server = peer(b"HTTP/1.1 103 Early Hints\r\n\r\n", OK)
    assert call(server).status == 103
    assert http_kept._idle[("http", *_place(server), None)] == []


def _place(server: Peer) -> tuple[str, int]:
    host, _colon, port = server.address.partition(":")
    return host, int(port)


def test_the_deadline_covers_a_peer_that_drips(peer):
    server = peer(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", b"")
    server._serve = lambda wire: _drip(wire)
    assert call(server, deadline=0.3).error_class == "timeout"


def _drip(wire: socket.socket) -> None:
    wire.sendall(b"HTTP/1.1 200 OK\r\n")
    over = threading.Event()
    try:
        while not over.wait(0.02):
            wire.sendall(b"X: y\r\n")
    except OSError:
        wire.close()


def test_an_answer_is_cut_at_its_limit(peer):
    answer = call(peer(OK), answer_limit=1)
    assert (answer.error_class, answer.truncated, answer.body) == ("too_large", True, b"O")


def test_private_addresses_are_refused(peer, settings):
    server = peer(OK)
    settings.LOCAL_DESTINATIONS = frozenset()
    answer = call(server)
    assert (answer.error_class, answer.connected, server.connections) == ("refused_destination", False, 0)


def test_a_closed_port_is_told(peer):
    server = peer(OK)
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    assert call(server).unreachable


def test_a_line_break_in_a_header_is_not_sent(peer):
    server = peer(OK)
    assert call(server, headers={"X-One": "1\r\nX-Two: 2"}).error_class
    assert server.requests == []
