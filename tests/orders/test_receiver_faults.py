"""A receiver for each of faults.py: real sockets, one dispatcher. Each attempt says what it came to, and nothing hangs."""

import asyncio
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.utils import timezone

from console import http
from console.models import MiniProgram
from orders.models import Attempt, Delivery
from tests.orders import faults
from tests.orders.faults import AT_ONCE, BYTE, DRIP, FIN, FLOOD, GROUPS, HANG, PAUSE, RIGHT, RST, SILENT, Case, whole
from tests.orders.shop import Limits, dispatch, new_order, open_push, pay

pytestmark = [pytest.mark.django_db(transaction=True)]
#: Two seconds for those who never answer, instead of ten. The others are never waited for.
IMPATIENT, QUICK = Limits(poll=0.02, sweep=0.0, deadline=2.0), Limits(poll=0.02, sweep=0.0)
SHORT = 0.02  # seconds of a PAUSE


class Receivers:
    """A listening socket for each case, in one event loop. `requests` counts what came to which."""

    def __init__(self, cases: list[Case]) -> None:
        self.cases, self.ports, self.requests = cases, dict[str, int](), dict[str, int]()
        self.ready, self.stop = threading.Event(), asyncio.Event()
        self.tls: dict[str, ssl.SSLContext] = {}

    async def run(self) -> None:
        self.loop = asyncio.get_running_loop()
        servers = [await self._listen(case) for case in self.cases]
        self.ready.set()
        await self.stop.wait()
        for server in servers:
            server.close()

    async def _listen(self, case: Case) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.requests[case.name] = self.requests.get(case.name, 0) + 1
            try:
                if AT_ONCE not in case.script:
                    await read_request(reader)
                await play(case.script, reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self.tls.get(case.name))
        self.ports[case.name] = server.sockets[0].getsockname()[1]
        return server


async def read_request(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(size)


async def play(script: tuple, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    steps = list(script)
    if FLOOD in steps:
        start = steps.index(FLOOD)
        await play(tuple(steps[:start]), reader, writer)
        while not writer.is_closing():
            await play(tuple(steps[start + 1 :]), reader, writer)
        return
    for number, step in enumerate(steps):
        if step == DRIP:
            for byte in steps[number + 1]:
                writer.write(bytes([byte]))
                await writer.drain()
            return
        await take(step, reader, writer)


async def take(step: bytes | str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if isinstance(step, bytes):
        writer.write(step)
        await writer.drain()
    elif step == PAUSE:
        await asyncio.sleep(SHORT)  # lets what was sent arrive apart from what follows
    elif step == BYTE:
        await reader.readexactly(1)
    elif step == HANG:
        await reader.read()
    elif step == RST:
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif step == FIN:
        writer.close()


@contextmanager
def listening(receivers: Receivers) -> Iterator[Receivers]:
    thread = threading.Thread(target=lambda: asyncio.run(receivers.run()))
    thread.start()
    receivers.ready.wait()
    try:
        yield receivers
    finally:
        receivers.loop.call_soon_threadsafe(receivers.stop.set)
        thread.join()


def paid_orders(receivers: Receivers, scheme: str, like: MiniProgram, person) -> dict[str, int]:
    """A mini program and a paid order for each case; returns the ids of the deliveries."""
    ids = {}
    for number, case in enumerate(receivers.cases):
        program = MiniProgram.objects.create(name=case.name[:60], kind=like.kind, team=like.team, superapp=like.superapp)
        keys = open_push(program, person, f"{scheme}://127.0.0.1:{receivers.ports[case.name]}/push")
        order = new_order(program, f"ORDER-{number}")
        pay(order, keys[0])
        ids[case.name] = order.deliveries.get().pk
    return ids


def results(ids: dict[str, int]) -> dict[str, tuple[str, str]]:
    """What the one attempt of each case came to."""
    attempts = {attempt.delivery_id: attempt for attempt in Attempt.objects.filter(number=1)}
    rows = {name: attempts[pk] for name, pk in ids.items()}
    return {name: (row.outcome, row.return_code or row.error) for name, row in rows.items()}


def test_there_are_more_than_a_hundred_faults():
    names = [case.name for group in GROUPS for case in group]
    assert len(set(names)) == len(names) > 100


@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: cases[0].name)
def test_every_fault_comes_to_what_it_should(cases, starfall, team_admin, settings):
    with listening(Receivers(cases)) as receivers:
        settings.LOCAL_DESTINATIONS = frozenset(f"127.0.0.1:{port}" for port in receivers.ports.values())
        ids = paid_orders(receivers, "http", starfall, team_admin)
        dispatch(IMPATIENT if cases is SILENT else QUICK)
    found = results(ids)
    assert {case.name: found[case.name] for case in cases if found[case.name] != (case.outcome, case.more)} == {}
    assert set(receivers.requests.values()) == {1}, "somebody was called twice: a redirect was followed, or an attempt repeated"
    states = set(Delivery.objects.values_list("state", "schedule_step"))
    assert states == {("delivered", 0) if cases is faults.ACKNOWLEDGED else ("pending", 1)}


# --- TLS -------------------------------------------------------------------------------------------------------------------


def certificate(*, name: str = "127.0.0.1", days: tuple[int, int] = (-1, 1)) -> tuple[bytes, bytes]:
    """A self-signed certificate with its key in front, and the certificate alone, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), timezone.now()
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    made = x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
    pem = made.add_extension(x509.BasicConstraints(True, None), critical=True).sign(key, SHA256()).public_bytes(Encoding.PEM)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem, pem


def server_context(path: Path, pem: bytes) -> ssl.SSLContext:
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


TLS_CASES = [
    Case("in order", (whole(RIGHT),), "acknowledged", "0"),
    Case("expired", (whole(RIGHT),), "no_answer", "tls"),
    Case("not valid yet", (whole(RIGHT),), "no_answer", "tls"),
    Case("of another address", (whole(RIGHT),), "no_answer", "tls"),
    Case("signed by itself", (whole(RIGHT),), "no_answer", "tls"),
    Case("TLS 1.1", (whole(RIGHT),), "no_answer", "unreachable"),  # the server of asyncio closes without saying why
    Case("no TLS", (AT_ONCE, whole(RIGHT)), "no_answer", "tls"),
    Case("silence in the handshake", (AT_ONCE, HANG), "no_answer", "unreachable"),
    Case("FIN in the handshake", (AT_ONCE, FIN), "no_answer", "unreachable"),
]


@pytest.fixture
def tls_servers(tmp_path, monkeypatch) -> dict[str, ssl.SSLContext]:
    """A context for each case that speaks TLS. All certificates are trusted but one."""
    made = {
        "in order": certificate(),
        "expired": certificate(days=(-9, -1)),
        "not valid yet": certificate(days=(1, 9)),
        "of another address": certificate(name="127.0.0.2"),
        "signed by itself": certificate(),
        "TLS 1.1": certificate(),
    }
    trusting = http.tls_context()
    trusting.load_verify_locations(cadata="".join(pem.decode() for name, (_key, pem) in made.items() if "itself" not in name))
    monkeypatch.setattr(http, "default_tls", lambda: trusting)
    contexts = {name: server_context(tmp_path / name, pem) for name, (pem, _pem) in made.items()}
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        contexts["TLS 1.1"].set_ciphers("DEFAULT@SECLEVEL=0")  # or the server itself gives up
        contexts["TLS 1.1"].minimum_version = contexts["TLS 1.1"].maximum_version = ssl.TLSVersion.TLSv1_1
    return contexts


def test_tls_that_cannot_be_verified_gets_nothing(starfall, team_admin, settings, tls_servers):
    receivers = Receivers(TLS_CASES)
    receivers.tls = tls_servers
    with listening(receivers):
        settings.LOCAL_DESTINATIONS = frozenset(f"127.0.0.1:{port}" for port in receivers.ports.values())
        ids = paid_orders(receivers, "https", starfall, team_admin)
        dispatch(IMPATIENT)
    assert results(ids) == {case.name: (case.outcome, case.more) for case in TLS_CASES}
