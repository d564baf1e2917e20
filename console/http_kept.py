"""Requests over kept connections, for the one peer that is trusted and called for every order: a superapp's backend.

Developers' receivers get a fresh connection for each attempt (docs/reliability.md, 6; console/http.py): whoever they are, they
shall hold nothing of ours. A superapp's backend is set by the platform together with the superapp, and opening a connection costs
more than the call. The rules of the edge stay: the destination's form is checked for every call, the resolved addresses are all
judged and the connection goes to one of them, TLS is verified, one total deadline, the answer is cut, nothing is decompressed and
redirects are not followed. A connection is used for at most MAX_AGE, so that a name that moves is looked up and judged again.
"""

import asyncio
import io
import os
import select
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from console.destinations import Address, Destination, DestinationRefused, check_addresses, check_destination, literal_address
from console.http import default_tls, own_headers, running
from console.http_messages import Answer, OutgoingRequest

MAX_AGE = 60.0  # seconds
MAX_IDLE = 32  # connections of one peer

Peer = tuple[str, str, int, ssl.SSLContext | None]


class BrokenWire(OSError):
    """The peer closed a connection before a whole answer came."""


@dataclass(slots=True)
class Wire:
    """An open connection; `deadline` is that of the call that uses it now. Times are monotonic seconds."""

    sock: socket.socket
    born: float
    deadline: float
    used: bool = False
    heard: bool = False  # a byte of the present call's answer came

    def limit(self) -> None:
        """Let the next wait end at the deadline. Raises TimeoutError when it is over."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)

    def fresh(self) -> bool:
        """Whether it may be used once more; an idle connection with something to read was closed, or is out of step."""
        return time.monotonic() - self.born < MAX_AGE and not self._readable()

    def _readable(self) -> bool:
        poll = select.poll()  # select() knows descriptors below 1024 only
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client reads from; it waits until the deadline and not for so long at each read."""
        return io.BufferedReader(_Reader(self), 16 * 1024)


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self.wire.limit()
        count = self.wire.sock.recv_into(buffer)
        self.wire.heard = self.wire.heard or count > 0
        return count


_idle: dict[Peer, list[Wire]] = defaultdict(list)
_lock = threading.Lock()


def send_kept(request: OutgoingRequest) -> Answer:
    """Return what came of one call; blocks for at most the request's deadline (seconds). Never raises for network faults.

    A kept connection that turns out to be closed before a byte of the answer came is replaced by a new one, once: the call
    must be harmless to repeat.
    """
    deadline, wires = time.monotonic() + request.deadline, list[Wire]()
    try:
        destination = check_destination(request.url)
        peer = _peer(destination, request)
        try:
            return _exchange(request, peer, _take(peer, wires, deadline) or _open(peer, destination, request, wires, deadline))
        except (OSError, HTTPException) as error:
            if isinstance(error, TimeoutError) or not wires or not wires[-1].used or wires[-1].heard:
                raise
            return _exchange(request, peer, _open(peer, destination, request, wires, deadline))
    except (DestinationRefused, OSError, HTTPException, UnicodeError) as error:
        for wire in wires:
            wire.sock.close()
        return Answer(error_class=_class(error, connected=bool(wires)), detail=type(error).__name__, connected=bool(wires))


def _peer(destination: Destination, request: OutgoingRequest) -> Peer:
    scheme = urlsplit(destination.url).scheme
    return scheme, destination.host, destination.port, (request.tls or default_tls()) if scheme == "https" else None


def _take(peer: Peer, wires: list[Wire], deadline: float) -> Wire | None:
    while True:
        with _lock:
            if not _idle[peer]:
                return None
            wire = _idle[peer].pop()
        if wire.fresh():
            wire.deadline, wire.used, wire.heard = deadline, True, False
            wires.append(wire)
            return wire
        wire.sock.close()


def _open(peer: Peer, destination: Destination, request: OutgoingRequest, wires: list[Wire], deadline: float) -> Wire:
    scheme, host, port, tls = peer
    by = min(time.monotonic() + request.connect_deadline, deadline)
    addresses = check_addresses(destination, _addresses(destination, seconds=by - time.monotonic()))
    sock = _connected(addresses, port, by)
    try:
        if tls:
            sock.settimeout(max(by - time.monotonic(), 0.001))
            sock = tls.wrap_socket(sock, server_hostname=host)  # verifies the name
    except BaseException:
        sock.close()
        raise
    wires.append(Wire(sock, time.monotonic(), deadline))
    return wires[-1]


def _addresses(destination: Destination, *, seconds: float) -> Iterable[str]:
    """Return all addresses of a host, not judged yet. Raises gaierror, UnicodeError, and TimeoutError after `seconds`."""
    if literal := literal_address(destination.host):
        return [str(literal)]
    loop = running()
    return loop.run(_within(loop.client.addresses(destination), seconds))


async def _within(work: Awaitable[Iterable[str]], seconds: float) -> Iterable[str]:
    async with asyncio.timeout(seconds):
        return await work


def _connected(addresses: frozenset[Address], port: int, by: float) -> socket.socket:
    """Connect to one of the judged addresses. Raises OSError, TimeoutError at `by`."""
    fault: OSError = TimeoutError()
    for address in addresses:
        sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(by - time.monotonic(), 0.001))
            sock.connect((str(address), port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            fault = error
    raise fault


def _exchange(request: OutgoingRequest, peer: Peer, wire: Wire) -> Answer:
    begun = time.monotonic()
    wire.limit()
    wire.sock.sendall(_head(request) + request.body)
    response = HTTPResponse(wire, method=request.method)  # type: ignore[arg-type]  # it needs makefile() only
    response.begin()
    body = response.read(request.answer_limit + 1)
    truncated = len(body) > request.answer_limit
    if not truncated and response.length:
        raise BrokenWire("The answer ended early.")
    # After an interim answer another one comes: it must not be taken for that of the next call.
    if truncated or response.will_close or response.status < 200:
        wire.sock.close()
    else:
        _keep(peer, wire)
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body=body[: request.answer_limit],
        truncated=truncated,
        durations={"total": round(time.monotonic() - begun, 6)},
        error_class="too_large" if truncated else "",
        connected=True,
    )


def _head(request: OutgoingRequest) -> bytes:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, "Content-Length": str(len(request.body)), **own_headers(request)}
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise UnicodeError("A header holds a line break.")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _keep(peer: Peer, wire: Wire) -> None:
    with _lock:
        if len(_idle[peer]) < MAX_IDLE:
            _idle[peer].append(wire)
            return
    wire.sock.close()


def _class(error: Exception, *, connected: bool) -> str:
    """The error class, as console.http names it. The order matters: TimeoutError, gaierror and SSLError are kinds of OSError."""
    if isinstance(error, DestinationRefused):
        return "refused_destination"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "dns"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "protocol" if connected else "connect"


def _forget_after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _idle.clear()  # the parent goes on using them


os.register_at_fork(after_in_child=_forget_after_fork)
