"""The one door for outgoing HTTP, against real servers on this machine."""

import asyncio
import gzip
import ipaddress
import os
import socket
import threading

import pytest

from console import http, loops
from console.http import Answer, Client, OutgoingRequest
from tests.console.raw_http import OK, Server, answers, exceptions, free_port, send, talk

__all__ = ["exceptions", "talk"]  # fixtures


def test_a_request_is_sent_as_written_and_answered(talk):
    answer, server = talk(OK, path="/a%2Fb?x=%41&y", body=b'{"a":1}', headers={"X-One": "1"})
    assert (answer.status, answer.body, answer.error_class, answer.truncated) == (200, b"OK", "", False)
    head, body = server.requests[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /a%2Fb?x=%41&y HTTP/1.1\r\n") and body == b'{"a":1}'
    assert b"Accept-Encoding: identity" in head and b"X-One: 1" in head and b"Connection: close" in head
    assert set(answer.durations) == {"dns", "connect", "first_byte", "total"}
    assert sum(answer.durations.values()) <= 2 * answer.durations["total"] + 0.001
    assert answer.public_reason() == "" and answer.headers["content-length"] == "2"


def test_headers_of_the_transport_cannot_be_overridden(talk):
    headers = {"accept-encoding": "gzip", "HOST": "evil", "content-length": "5", "Connection": "keep-alive"}
    head = talk(OK, headers=headers, body=b"ab")[1].requests[0].lower()
    assert b"evil" not in head and b"gzip" not in head and b"content-length: 2" in head and b"keep-alive" not in head


def test_the_whole_exchange_has_one_deadline(talk):
    async def drip(writer, stop):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not stop.is_set():
            writer.write(b"X: y\r\n")
            await writer.drain()
            await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=0.02)

    answer, _server = talk(drip, deadline=0.3)
    assert answer.error_class == answer.public_class == "timeout"
    assert answer.status is None and answer.connected


def test_a_slow_body_hits_the_deadline_too(talk):
    async def drip(writer, stop):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        while not stop.is_set():
            writer.write(b"x")
            await writer.drain()
            await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=0.02)

    assert talk(drip, deadline=0.3)[0].error_class == "timeout"


def test_an_answer_is_cut_at_its_limit(talk):
    async def flood(writer, stop):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stop.is_set():
            writer.write(b"x" * 65536)
            await writer.drain()

    answer, _server = talk(flood)
    assert (answer.status, answer.truncated, answer.error_class) == (200, True, "too_large")
    assert len(answer.body) == 64 * 1024


@pytest.mark.parametrize(("size", "truncated"), [(64 * 1024, False), (64 * 1024 + 1, True)])
def test_sixty_four_kilobytes_are_the_limit(talk, size, truncated):
    answer, _server = talk(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    assert answer.truncated is truncated and len(answer.body) == 64 * 1024


def test_a_compressed_answer_stays_compressed(talk):
    bomb = gzip.compress(b"0" * 20_000_000)
    answer, _server = talk(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)
    assert answer.body == bomb[: 64 * 1024] and answer.body.startswith(b"\x1f\x8b")


def test_a_redirect_is_an_answer_and_not_followed(talk):
    answer, server = talk(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", method="GET")
    assert (answer.status, answer.error_class) == (302, "") and len(server.requests) == 1
    assert answer.headers["location"] == "/elsewhere"


def test_every_attempt_has_a_fresh_connection_and_no_cookies(exceptions):
    ports = []

    async def note(writer, _stop):
        ports.append(writer.get_extra_info("peername")[1])
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def go():
        async with Server(note) as server, Client(resolve=answers("127.0.0.1")) as client:
            exceptions.LOCAL_DESTINATIONS = frozenset({f"receiver.test:{server.port}"})
            request = OutgoingRequest(url=f"http://receiver.test:{server.port}/")
            assert [(await client.send(request)).status for _ in range(2)] == [200, 200]
            return server.requests

    requests = loops.run(go())
    assert len(set(ports)) == 2 and not any(b"cookie" in request.lower() for request in requests)


def test_proxies_of_the_environment_are_not_used(talk, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert talk(OK)[0].status == 200


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b"\x00" * 100])
def test_what_is_no_http_is_a_protocol_error(talk, reply):
    answer, _server = talk(reply)
    assert answer.error_class == "protocol" and "not valid HTTP" in answer.public_reason()


# --- Addresses -------------------------------------------------------------------------------------------------------------


def test_a_local_server_without_an_exception_gets_nothing(talk):
    answer, server = talk(OK, allowed=False)
    assert (answer.error_class, answer.detail, server.requests) == ("refused_destination", "port", [])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "localhost.", "2130706433", "0177.0.0.1", "0x7f000001", "127.1", "[::1]"]
)
def test_this_machine_is_refused_however_it_is_written(host):
    answer = send(f"http://{host}/")
    assert answer.error_class in {"refused_destination", "dns"} and not answer.connected and answer.unreachable


@pytest.mark.parametrize("addresses", [["8.8.8.8", "127.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::1"], ["fe80::1%2"], []])
def test_one_private_answer_of_the_name_refuses_all(addresses, monkeypatch):
    connected = []
    monkeypatch.setattr(http, "_checked_socket", lambda info: connected.append(info))
    answer = send("http://mixed.test/", resolve=answers(*addresses))
    assert (answer.error_class, answer.detail, connected) == ("refused_destination", "not_public", [])


def test_the_name_is_asked_once_and_the_connection_goes_to_that_answer(exceptions):
    asked = []

    async def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async def go():
        async with Server(OK) as server, Client(resolve=rebinding) as client:
            exceptions.LOCAL_DESTINATIONS = frozenset({f"receiver.test:{server.port}"})
            answer = await client.send(OutgoingRequest(url=f"http://receiver.test:{server.port}/"))
            return answer, server.requests[0]

    answer, sent = loops.run(go())
    assert answer.status == 200 and asked == ["receiver.test"] and b"Host: receiver.test" in sent


def test_a_socket_is_only_made_for_a_checked_address():
    async def make(host: str) -> None:
        checked = frozenset({ipaddress.ip_address("8.8.8.8")})
        http._current.set(http._Attempt(deadline=0, limit=asyncio.timeout(None), addresses=checked))
        http._checked_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, 80))).close()

    loops.run(make("8.8.8.8"))
    for host in ("127.0.0.1", "8.8.4.4", "134744072", "localhost", "::1"):
        with pytest.raises(http.AddressRefused):
            loops.run(make(host))


def test_the_connection_itself_is_refused_when_the_address_was_not_checked(talk, monkeypatch):
    # As if the resolver in use answered something else than what was judged.
    async def other(self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    monkeypatch.setattr(http._CheckedResolver, "resolve", other)
    answer, server = talk(OK, host="receiver.test", addresses=["127.0.0.9"])
    assert answer.error_class == "refused_destination" and server.requests == []


def test_a_name_that_does_not_resolve_is_a_dns_error():
    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert send("http://nowhere.test/", resolve=unknown).error_class == "dns"


def test_a_name_server_that_never_answers_hits_the_connect_deadline():
    async def silent(host, port):
        await asyncio.Event().wait()

    answer = send("http://silent.test/", resolve=silent, connect_deadline=0.1)
    assert answer.error_class == "timeout" and answer.unreachable


def test_blocked_closed_unknown_and_silent_look_the_same(exceptions):
    async def silent(host, port):
        await asyncio.Event().wait()

    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    closed = free_port()
    exceptions.LOCAL_DESTINATIONS = frozenset({f"127.0.0.1:{closed}"})
    seen = [
        send("http://a.test/", resolve=answers("10.0.0.1")),
        send("http://b.test/", resolve=unknown),
        send("http://c.test/", resolve=silent, connect_deadline=0.1),
        send(f"http://127.0.0.1:{closed}/"),
    ]
    assert [answer.error_class for answer in seen] == ["refused_destination", "dns", "timeout", "connect"]
    assert {(answer.public_class, answer.public_reason()) for answer in seen} == {("unreachable", seen[0].public_reason())}


def test_a_probe_of_an_unreachable_address_always_takes_the_connect_deadline():
    async def go():
        loop = asyncio.get_running_loop()
        async with Client(resolve=answers("10.0.0.1")) as client:
            begun = loop.time()
            answer = await http.probe(OutgoingRequest(url="http://a.test/", connect_deadline=0.2), client=client)
            return answer, loop.time() - begun

    answer, took = loops.run(go())
    assert answer.unreachable and took >= 0.19


def test_a_form_check_refuses_private_and_unknown_names_with_one_sentence():
    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async def check(resolve):
        async with Client(resolve=resolve) as client:
            return await http.check_resolved("https://a.test/", client=client)

    sentences = set()
    for resolve in (unknown, answers("10.0.0.1"), answers("8.8.8.8", "::1")):
        with pytest.raises(http.DestinationRefused) as caught:
            loops.run(check(resolve))
        sentences.add(caught.value.sentence)
    assert len(sentences) == 1
    assert loops.run(check(answers("8.8.8.8"))).host == "a.test"


# --- Synchronous callers -----------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver(exceptions, httpserver):
    httpserver.expect_request("/").respond_with_data("OK")
    exceptions.LOCAL_DESTINATIONS = frozenset({f"{httpserver.host}:{httpserver.port}"})
    return OutgoingRequest(url=httpserver.url_for("/"))


def test_many_threads_share_one_loop(receiver):
    results: list[Answer] = []
    threads = [threading.Thread(target=lambda: results.append(http.send_sync(receiver))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in results] == [200] * 8
    assert [thread.name for thread in threading.enumerate()].count("outgoing-http") == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_sends_too_and_leaves_the_parent_working(receiver):
    assert http.send_sync(receiver).status == 200
    child = os.fork()
    if child == 0:
        os._exit(0 if http.send_sync(receiver).status == 200 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert http.send_sync(receiver).status == 200


def test_sending_synchronously_inside_the_loop_is_an_error_and_no_deadlock(receiver):
    async def inside():
        http.send_sync(receiver)

    http.send_sync(receiver)
    with pytest.raises(RuntimeError, match="await"):
        http.running().run(inside())


def test_a_form_check_works_synchronously():
    with pytest.raises(http.DestinationRefused, match="cannot be reached"):
        http.check_resolved_sync("https://localhost/")


# --- Lookups and excerpts ------------------------------------------------------------------------------------------------------


def test_the_same_name_is_looked_up_once_at_a_time(monkeypatch):
    asked, go_on = [], threading.Event()

    def slow(host, port, **_kind):
        asked.append(host)
        go_on.wait(5)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    monkeypatch.setattr("console.lookups.socket.getaddrinfo", slow)

    async def go():
        lookups = http.Lookups()
        waiting = [asyncio.create_task(lookups.resolve("a.test", 80)) for _ in range(5)]
        impatient = waiting.pop()
        await asyncio.sleep(0)
        impatient.cancel()
        go_on.set()
        return await asyncio.gather(*waiting)

    assert loops.run(go()) == [["8.8.8.8"]] * 4 and asked == ["a.test"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"plain", "plain"),
        (b"a\r\nb\tc", "a  b c"),
        (b"a\x00\x1b[31m", "a\ufffd\ufffd[31m"),
        ("皮肤 \u202egnp".encode(), "皮肤 \ufffdgnp"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_an_excerpt_is_printable_and_on_one_line(body, shown):
    assert http.excerpt(body) == shown


def test_an_excerpt_is_cut_with_an_ellipsis():
    assert http.excerpt(b"x" * 256) == "x" * 256
    assert http.excerpt(b"x" * 257) == "x" * 255 + "…"
    assert http.excerpt("🎮".encode() * 100_000, limit=10) == "🎮" * 9 + "…"
