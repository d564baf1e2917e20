"""The one door for outgoing HTTP (docs/architecture.md; docs/reliability.md, "The edge").

Every request: the destination's form is checked, its name resolved, all addresses judged, and the connection goes to one of
exactly those addresses (TLS still verifies the name). One monotonic deadline covers everything; a per-read time-out does not
end against a receiver that sends a byte a second. The answer is cut at 64 KiB and never decompressed, redirects are not
followed, proxies of the environment and cookies not used, and each attempt has a fresh connection.
"""

import asyncio
import atexit
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from console.destinations import Address, Destination, check_addresses, literal_address
from console.destinations import DestinationRefused as DestinationRefused
from console.destinations import check_destination as check_destination
from console.destinations import is_public as is_public
from console.http_attempt import Attempt as _Attempt
from console.http_attempt import current as _current
from console.http_attempt import default_tls as default_tls
from console.http_attempt import tls_context as tls_context
from console.http_messages import CONNECT_DEADLINE, Answer, OutgoingRequest
from console.http_messages import excerpt as excerpt
from console.lookups import Lookups
from console.loops import new_loop

Result = TypeVar("Result")
Resolve = Callable[[str, int], Awaitable[Iterable[str]]]

USER_AGENT = "payment-console/1"
_OURS_TO_SET = ("Host", "Content-Length", "Transfer-Encoding", "Connection")


class AddressRefused(OSError):
    """A connection was about to go to an address that was not checked."""


class _CheckedResolver(AbstractResolver):
    """Gives aiohttp the addresses that were judged, so that no second lookup can answer differently."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=str(address), port=port, family=_family(address), proto=0, flags=0)
            for address in _current.get().addresses
        ]

    async def close(self) -> None:
        return None


class _NotingConnector(aiohttp.TCPConnector):
    """Notes when a connection, TLS included, stands. aiohttp's tracing would too, and make a dozen objects for each request."""

    async def connect(self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        connection = await super().connect(req, traces, timeout)
        attempt = _current.get()
        attempt.mark("connected")
        attempt.transport = connection.transport
        attempt.limit.reschedule(attempt.deadline)
        return connection


class Client:
    """Sends many requests in one event loop: `async with Client() as client: await client.send(request)`.

    No limit of connections: whoever sends many at once (the dispatcher) caps them per endpoint.
    """

    def __init__(self, *, resolve: Resolve | None = None) -> None:
        self._lookups = Lookups()
        self._resolve = resolve or self._lookups.resolve
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = _new_session()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session and give up lookups under way."""
        self._lookups.close()
        if self._session is not None:
            await self._session.close()

    async def send(self, request: OutgoingRequest) -> Answer:
        """Return what came of one attempt. Never raises for what a destination or the network does."""
        begun = asyncio.get_running_loop().time()
        limit = asyncio.timeout_at(begun + min(request.connect_deadline, request.deadline))
        attempt = _Attempt(deadline=begun + request.deadline, limit=limit, inspect=request.inspect)
        token = _current.set(attempt)
        try:
            async with limit:
                return await self._exchange(request, attempt)
        except (DestinationRefused, aiohttp.ClientError, OSError, UnicodeError) as error:
            return _failed(error, attempt)
        finally:
            attempt.end()
            _current.reset(token)

    async def _exchange(self, request: OutgoingRequest, attempt: _Attempt) -> Answer:
        destination = check_destination(request.url)
        attempt.addresses = check_addresses(destination, await self.addresses(destination))
        attempt.mark("resolved")
        assert self._session is not None, "use `async with Client()`"
        async with self._session.request(
            request.method,
            _exact_url(destination),
            data=request.body or None,
            headers=own_headers(request),
            allow_redirects=False,
            ssl=request.tls or default_tls(),
        ) as response:
            attempt.mark("head")
            return await _read(response, request, attempt)

    async def addresses(self, destination: Destination) -> Iterable[str]:
        """Every address of the host, not judged yet."""
        literal = literal_address(destination.host)
        return [str(literal)] if literal else await self._resolve(destination.host, destination.port)


async def send(request: OutgoingRequest, *, client: Client | None = None) -> Answer:
    """Return what came of one attempt; with `client`, in its session. Never raises for what a destination or the network does."""
    if client is not None:
        return await client.send(request)
    async with Client() as own:
        return await own.send(request)


async def probe(request: OutgoingRequest, *, client: Client | None = None) -> Answer:
    """As `send`, for a button that a person presses: an unreachable destination always takes `connect_deadline` seconds.

    Without that, the time would tell a closed port from a filtered one and from a blocked address.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + min(request.connect_deadline, request.deadline)
    answer = await send(request, client=client)
    if answer.unreachable:
        await asyncio.sleep(due - loop.time())
    return answer


async def check_resolved(url: str, *, client: Client) -> Destination:
    """Return the destination if form and addresses are allowed; nothing is sent. Raises DestinationRefused.

    A name that does not resolve, or not within CONNECT_DEADLINE, is refused with the same sentence as a private address.
    """
    destination = check_destination(url)
    addresses: Iterable[str] = []
    with suppress(OSError, UnicodeError):
        async with asyncio.timeout(CONNECT_DEADLINE):
            addresses = await client.addresses(destination)
    check_addresses(destination, addresses)
    return destination


def _new_session() -> aiohttp.ClientSession:
    connector = _NotingConnector(
        resolver=_CheckedResolver(),
        use_dns_cache=False,
        socket_factory=_checked_socket,
        force_close=True,
        limit=0,
    )
    return aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the attempt's own deadline covers everything
        trust_env=False,
    )


def _checked_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket of a connection, if it goes to an address that was judged. Literal hosts pass here too."""
    family, kind, protocol, _name, target = address_info
    address = literal_address(target[0])
    if address is None or address not in _current.get().addresses:
        raise AddressRefused("This address was not checked.")
    return socket.socket(family, kind, protocol)


@lru_cache(maxsize=4096)
def _exact_url(destination: Destination) -> URL:
    """Return the URL as it was written, byte for byte: signatures cover path and query."""
    url = URL(destination.url, encoded=True)
    if (url.host or "").lower() != destination.host or url.port != destination.port:
        # Two parsers that disagree about the host are an attack.
        raise DestinationRefused("host", "")
    return url


def own_headers(request: OutgoingRequest) -> CIMultiDict[str]:
    """The request's headers without those that the transport sets, and with ours."""
    headers = CIMultiDict(request.headers)
    for name in _OURS_TO_SET:
        headers.popall(name, None)
    headers["Accept-Encoding"] = "identity"
    headers.setdefault("User-Agent", USER_AGENT)
    return headers


async def _read(response: aiohttp.ClientResponse, request: OutgoingRequest, attempt: _Attempt) -> Answer:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > request.answer_limit:
            response.close()
            break
    truncated = len(body) > request.answer_limit
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=bytes(body[: request.answer_limit]),
        truncated=truncated,
        durations=attempt.durations(),
        error_class="too_large" if truncated else "",
        connected=True,
        chain=attempt.chain(),
    )


def _failed(error: Exception, attempt: _Attempt) -> Answer:
    error_class, detail = _classify(error)
    answer = Answer(
        error_class=error_class, detail=detail, connected=attempt.connected, durations=attempt.durations(),
        tls_fault=attempt.fault(error),
    )  # fmt: skip
    # A certificate of an address that counts as unreachable would tell that somebody is there.
    return answer if answer.unreachable else replace(answer, chain=attempt.chain())


def _classify(error: Exception) -> tuple[str, str]:
    """Return the error class and its detail. The order matters: TimeoutError and gaierror are kinds of OSError."""
    detail = type(error).__name__
    if isinstance(error, DestinationRefused):
        return "refused_destination", error.reason_code
    if isinstance(error, AddressRefused) or isinstance(getattr(error, "os_error", None), AddressRefused):
        return "refused_destination", detail
    if isinstance(error, aiohttp.InvalidURL):
        return "refused_destination", detail
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "dns", detail
    if isinstance(error, TimeoutError):
        return "timeout", detail
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return "tls", detail
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connect", detail
    return ("protocol" if isinstance(error, aiohttp.ClientError) else "connect"), detail


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if isinstance(address, ipaddress.IPv6Address) else socket.AF_INET


# --- For synchronous callers: one event loop in a background thread for the whole process ------------------------------
# A loop per call would build a session each time. The loop is made on first use, and again in a child after a fork.


class _Background:
    """A running event loop in a daemon thread, with one client."""

    def __init__(self) -> None:
        self.loop = new_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="outgoing-http", daemon=True)
        self.thread.start()
        self.client = self.run(_opened_client())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if threading.current_thread() is self.thread:
            work.close()
            raise RuntimeError("Inside the event loop: await console.http.send() instead.")
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def close(self) -> None:
        closing = asyncio.run_coroutine_threadsafe(self.client.close(), self.loop)
        try:
            closing.result(timeout=2)
        except FutureTimeoutError:
            pass  # the process ends anyway
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=2)


_lock = threading.Lock()
_background: _Background | None = None
# A child keeps its parent's loop alive and untouched: closing it would unregister the parent's descriptors, which the two share.
_left_by_parent: list[_Background] = []


def send_sync(request: OutgoingRequest) -> Answer:
    """Return what came of one attempt; blocks for at most the request's deadline (seconds). Never raises for network faults."""
    background = running()
    return background.run(send(request, client=background.client))


def probe_sync(request: OutgoingRequest) -> Answer:
    """As `console.http.probe`: for buttons; an unreachable destination always takes the request's `connect_deadline`."""
    background = running()
    return background.run(probe(request, client=background.client))


def check_resolved_sync(url: str) -> Destination:
    """Return the destination if form and resolved addresses are allowed: for forms. Raises DestinationRefused."""
    background = running()
    return background.run(check_resolved(url, client=background.client))


async def _opened_client() -> Client:
    return await Client().__aenter__()


def running() -> _Background:
    """The loop of this process, begun when it is first needed."""
    global _background
    with _lock:
        if _background is None:
            _background = _Background()
        return _background


def _forget_after_fork() -> None:
    global _background, _lock
    _lock = threading.Lock()
    if _background is not None:
        _left_by_parent.append(_background)
        _background = None


def _close_at_exit() -> None:
    global _background
    if _background is not None:
        _background.close()
        _background = None


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(_close_at_exit)
