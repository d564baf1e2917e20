"""TLS of console.http, against real servers with certificates of the test's own."""

import asyncio
import datetime
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console import http, loops
from console.http import Client, OutgoingRequest
from tests.console.raw_http import OK, Server, answers, exceptions, talk

__all__ = ["exceptions", "talk"]  # fixtures


# --- TLS -------------------------------------------------------------------------------------------------------------------


def certificate_file(path, *, days=1.0, issuer=None, host="receiver.test"):
    """A key and a certificate for `host`, signed by itself or by the `issuer` (key, certificate); returns both."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[1].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(issuer[0] if issuer else key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return key, made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The file of a self-signed certificate for receiver.test."""
    path = tmp_path_factory.mktemp("tls") / "receiver.pem"
    certificate_file(path)
    return path


@pytest.fixture
def server_tls(certificate):
    return serving(certificate)


def serving(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate) -> ssl.SSLContext:
    context = http.tls_context()
    context.load_verify_locations(certificate)
    return context


def test_a_self_signed_certificate_is_refused(talk, server_tls):
    answer, server = talk(OK, host="receiver.test", scheme="https", tls=server_tls, body=b"secret")
    assert (answer.error_class, answer.public_class, server.requests) == ("tls", "tls", [])
    assert "certificate" in answer.public_reason()


def test_the_name_is_verified_though_the_connection_goes_to_an_address(exceptions, certificate, server_tls):
    async def go():
        async with Server(OK, server_tls) as server, Client(resolve=answers("127.0.0.1")) as client:
            exceptions.LOCAL_DESTINATIONS = frozenset({f"{name}:{server.port}" for name in ("receiver.test", "other.test")})
            return [
                await client.send(OutgoingRequest(url=f"https://{name}:{server.port}/", tls=trusting(certificate)))
                for name in ("receiver.test", "other.test")
            ]

    right, wrong = loops.run(go())
    assert (right.status, right.error_class) == (200, "")
    assert set(right.durations) == {"dns", "connect", "tls", "first_byte", "total"}
    assert wrong.error_class == "tls"


def test_a_context_that_does_not_verify_is_refused():
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname = False
    with pytest.raises(ValueError, match="always verified"):
        OutgoingRequest(url="https://example.com/", tls=lax)


def test_plain_text_behind_https_is_a_tls_error(exceptions):
    async def plain(reader, writer):
        await reader.read(1)
        writer.write(OK)
        writer.close()  # from Python 3.12 on a server waits for its open connections when it is closed

    async def go():
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server, Client() as client:
            port = server.sockets[0].getsockname()[1]
            exceptions.LOCAL_DESTINATIONS = frozenset({f"127.0.0.1:{port}"})
            return await client.send(OutgoingRequest(url=f"https://127.0.0.1:{port}/"))

    assert loops.run(go()).error_class == "tls"


def test_a_receiver_that_never_ends_its_side_of_tls_keeps_no_connection(exceptions, certificate, server_tls):
    """A socket of ours, and so one of the files a process may open, for half a minute after each of thousands of pushes."""
    ended = []

    def answer_and_stay(listener: socket.socket) -> None:
        with server_tls.wrap_socket(listener.accept()[0], server_side=True) as wrapped:
            wrapped.recv(4096)
            wrapped.sendall(OK)
            with socket.socket(fileno=wrapped.detach()) as bare:  # whoever reads it as TLS would end it too
                bare.settimeout(5)
                with suppress(TimeoutError):
                    with suppress(ConnectionResetError):
                        while bare.recv(4096):
                            pass
                    ended.append(True)

    async def go(port: int, thread: threading.Thread) -> http.Answer:
        async with Client(resolve=answers("127.0.0.1")) as client:
            answer = await client.send(OutgoingRequest(url=f"https://receiver.test:{port}/", tls=trusting(certificate)))
            await asyncio.to_thread(thread.join)  # while the client is there for the next push
            return answer

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        exceptions.LOCAL_DESTINATIONS = frozenset({f"receiver.test:{port}"})
        (thread := threading.Thread(target=answer_and_stay, args=(listener,))).start()
        assert loops.run(go(port, thread)).status == 200
    assert ended
