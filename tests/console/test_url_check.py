"""What a URL check tells, against real servers, and what it keeps to itself."""

import asyncio
import datetime
import socket
import ssl

import pytest

from console import loops, url_check
from console.http import Client, OutgoingRequest
from console.url_check import Found, kind_of
from tests.console.raw_http import OK, Server, answers, exceptions
from tests.console.test_http_tls import certificate, certificate_file, server_tls, serving, trusting

__all__ = ["certificate", "exceptions", "server_tls"]  # fixtures


def checked(exceptions, reply, *, host="receiver.test", scheme="http", tls=None, found=("127.0.0.1",), **request):
    """Check a real server under a name that is excepted, as on a developer's machine."""

    async def go():
        async with Server(reply, tls) as server, Client(resolve=answers(*found)) as client:
            exceptions.LOCAL_DESTINATIONS = frozenset({f"{host}:{server.port}"})
            asked = OutgoingRequest(url=f"{scheme}://{host}:{server.port}/push", inspect=True, body=b"{}", **request)
            return await url_check.check(asked, client=client)

    return loops.run(go())


def test_tells_addresses_time_and_answer(exceptions):
    found = checked(exceptions, OK, found=("127.0.0.1", "127.0.0.1"))
    assert found.addresses == (Found("127.0.0.1", "loopback"),)
    assert (found.answer.status, found.refusal, found.location) == (200, "", "")
    assert found.answer.durations["total"] > 0


@pytest.fixture
def refused_certificates(tmp_path):
    """Fault → (the file a server shows, what the client trusts, the host that is asked for)."""
    certificate_file(tmp_path / "self_signed.pem", days=200.5)
    certificate_file(tmp_path / "expired.pem", days=-2.5)
    issuer = certificate_file(tmp_path / "issuer.pem", host="issuer.test")
    certificate_file(tmp_path / "issued.pem", days=9.5, issuer=issuer)
    certificate_file(tmp_path / "good.pem", days=40.5)
    return {
        "self_signed": (tmp_path / "self_signed.pem", None, "receiver.test"),
        "unknown_issuer": (tmp_path / "issued.pem", tmp_path / "good.pem", "receiver.test"),
        "expired": (tmp_path / "expired.pem", tmp_path / "expired.pem", "receiver.test"),
        "wrong_name": (tmp_path / "good.pem", tmp_path / "good.pem", "other.test"),
    }


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("fault", "days_left"), [("self_signed", 200), ("unknown_issuer", 9), ("expired", -3), ("wrong_name", 40)]
)
def test_shows_a_certificate_that_is_refused_and_why_and_sends_nothing(
    exceptions, refused_certificates, fault, days_left, version
):
    shown, trusted, host = refused_certificates[fault]
    context = serving(shown)
    context.maximum_version = version

    async def go():
        async with Server(OK, context) as server, Client(resolve=answers("127.0.0.1")) as client:
            exceptions.LOCAL_DESTINATIONS = frozenset({f"{host}:{server.port}"})
            tls = trusting(trusted) if trusted else None
            asked = OutgoingRequest(url=f"https://{host}:{server.port}/push", body=b"{}", inspect=True, tls=tls)
            return await url_check.check(asked, client=client), server.requests

    found, came = loops.run(go())
    assert (found.answer.error_class, found.answer.tls_fault, came) == ("tls", fault, [])
    (certificate,) = found.certificates
    assert (certificate.subject, certificate.names, certificate.days_left) == ("receiver.test", ("receiver.test",), days_left)


def test_of_an_unreachable_address_no_certificate_is_shown(exceptions, certificate, server_tls):
    async def never(writer, stop):
        raise AssertionError("nothing is sent")

    found = checked(exceptions, never, scheme="https", tls=server_tls, host="receiver.test", connect_deadline=0.0)
    assert found.answer.unreachable and found.certificates == ()


def test_tells_a_trusted_chain(exceptions, certificate, server_tls):
    async def go():
        async with Server(OK, server_tls) as server, Client(resolve=answers("127.0.0.1")) as client:
            exceptions.LOCAL_DESTINATIONS = frozenset({f"receiver.test:{server.port}"})
            url = f"https://receiver.test:{server.port}/"
            return await url_check.check(OutgoingRequest(url=url, tls=trusting(certificate), inspect=True), client=client)

    (shown,) = loops.run(go()).certificates
    assert (shown.subject, shown.issuer, shown.days_left) == ("receiver.test", "receiver.test", 0)
    assert shown.names == ("receiver.test",)
    assert shown.ends > datetime.datetime.now(datetime.UTC)


def test_a_request_that_does_not_inspect_keeps_no_chain(exceptions, certificate, server_tls):
    async def go():
        async with Server(OK, server_tls) as server, Client(resolve=answers("127.0.0.1")) as client:
            exceptions.LOCAL_DESTINATIONS = frozenset({f"receiver.test:{server.port}"})
            return await client.send(OutgoingRequest(url=f"https://receiver.test:{server.port}/", tls=trusting(certificate)))

    assert loops.run(go()).chain == ()


def test_tells_where_a_redirect_leads_and_does_not_go_there(exceptions):
    reply = b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0\r\n\r\n"
    found = checked(exceptions, reply)
    assert (found.answer.status, found.location) == (302, "https://elsewhere.test/")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("93.184.215.14", "public"), ("127.0.0.1", "loopback"), ("::1", "loopback"), ("10.1.2.3", "private"),
        ("192.168.0.1", "private"), ("169.254.169.254", "link_local"), ("224.0.0.1", "multicast"), ("100.64.0.1", "reserved"),
        ("::ffff:10.0.0.1", "private"), ("fe80::1", "link_local"), ("64:ff9b::a00:1", "reserved"), ("2002::1", "private"),
        ("no address", "reserved"),
    ],
)  # fmt: skip
def test_says_why_an_address_is_refused(address, kind):
    # Whether 6to4 counts as private differs between versions of Python; that it is not public does not.
    assert kind_of(address) in ({kind} if address != "2002::1" else {"private", "reserved"})


def test_one_address_that_is_not_public_refuses_all_and_shows_no_digits_of_it(exceptions):
    async def go():
        async with Client(resolve=answers("93.184.215.14", "10.20.30.40")) as client:
            return await url_check.check(OutgoingRequest(url="https://mixed.test/", connect_deadline=0.1), client=client)

    found = loops.run(go())
    assert set(found.addresses) == {Found("93.184.215.14", "public"), Found("", "private")}
    assert found.answer.status is None and found.answer.public_class == "unreachable"
    assert "10.20.30.40" not in repr((found.addresses, found.refusal, found.answer.public_reason()))


def test_a_closed_port_and_a_blocked_address_take_the_same_time_and_words(exceptions):
    async def go(port):
        exceptions.LOCAL_DESTINATIONS = frozenset({f"a.test:{port}"} if port != 80 else ())
        async with Client(resolve=answers("127.0.0.1")) as client:
            begun = asyncio.get_running_loop().time()
            result = await url_check.check(OutgoingRequest(url=f"http://a.test:{port}/", connect_deadline=0.2), client=client)
            return result.answer.error_class, result.answer.public_reason(), asyncio.get_running_loop().time() - begun

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        closed = loops.run(go(taken.getsockname()[1]))
    blocked = loops.run(go(80))
    assert (closed[0], blocked[0]) == ("connect", "refused_destination")
    assert closed[1] == blocked[1]
    assert min(closed[2], blocked[2]) >= 0.19


@pytest.mark.parametrize("url", ["ftp://a.test/", "https://a@b.test/", "https://a.test:8443/", "https://0x7f.1/#x"])
def test_a_refused_form_sends_nothing(exceptions, url):
    async def go():
        async with Client(resolve=answers("93.184.215.14")) as client:
            return await url_check.check(OutgoingRequest(url=url), client=client)

    found = loops.run(go())
    assert found.refusal and not found.addresses and found.answer.status is None
