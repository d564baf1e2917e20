"""One attempt of console.http: its deadline, judged addresses and times; and the TLS contexts that tell it when they begin."""

import asyncio
import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from console.destinations import Address

#: OpenSSL's X509_V_ERR_… → what people are told of.
TLS_FAULTS = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "unknown_issuer",
    20: "unknown_issuer",
    21: "unknown_issuer",
    62: "wrong_name",
    64: "wrong_name",
}


@dataclass(slots=True)
class Attempt:
    """What one attempt knows of itself; connector callbacks find it by the context variable."""

    deadline: float  # in time of the event loop
    limit: asyncio.Timeout
    inspect: bool = False  # keep the certificates that were shown
    addresses: frozenset[Address] = frozenset()
    started: float = field(default_factory=time.perf_counter)
    marks: dict[str, float] = field(default_factory=dict)
    tls: ssl.SSLObject | None = None
    transport: asyncio.Transport | None = None

    def end(self) -> None:
        """Close the connection now: the loop would hold it for half a minute when the receiver does not end its side of TLS."""
        if self.transport is not None:
            self.transport.abort()

    def mark(self, name: str) -> None:
        self.marks[name] = time.perf_counter()

    @property
    def connected(self) -> bool:
        return "connected" in self.marks

    def chain(self) -> tuple[bytes, ...]:
        """The certificates that the receiver showed, its own first, in DER; () when they are not kept.

        OpenSSL 3 knows them after a handshake that it broke off too: nothing has to be sent to see them.
        """
        if self.tls is None:
            return ()
        # Public from Python 3.13 on; the same method has been there since 3.10.
        shown = getattr(self.tls, "get_unverified_chain", None) or self.tls._sslobj.get_unverified_chain  # type: ignore[attr-defined]
        return tuple(_der(each) for each in shown() or ())

    @staticmethod
    def fault(error: Exception) -> str:
        """Why a certificate was refused: a name of TLS_FAULTS, or OpenSSL's words; "" for any other error."""
        cause = getattr(error, "certificate_error", error)
        return TLS_FAULTS.get(getattr(cause, "verify_code", 0), "") or str(getattr(cause, "verify_message", ""))

    def durations(self) -> dict[str, float]:
        """Return the seconds each stage took, for the stages that ended; `first_byte` is when the answer's head was complete."""
        at, seconds = self.marks, dict[str, float]()
        at["begun"], at["ended"] = self.started, time.perf_counter()
        if tcp := at.get("tls_begun", at.get("connected")):
            at["tcp"] = tcp
        for name, begin, end in _STAGES:
            if begin in at and end in at:
                seconds[name] = at[end] - at[begin]
        return seconds


_STAGES = (
    ("dns", "begun", "resolved"), ("connect", "resolved", "tcp"), ("tls", "tls_begun", "connected"),
    ("first_byte", "connected", "head"), ("total", "begun", "ended"),
)  # fmt: skip

current: ContextVar[Attempt] = ContextVar("console_http_attempt")


def _der(certificate: Any) -> bytes:
    """Python 3.13 gives DER, the versions before an object that holds it."""
    return certificate if isinstance(certificate, bytes) else bytes(certificate.public_bytes(_DER))


_DER = 2  # ssl._ssl.ENCODING_DER


class _TimedContext(ssl.SSLContext):
    """Notes when the TLS handshake begins: aiohttp reports connection and handshake as one."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        wrapped, attempt = super().wrap_bio(*args, **kwargs), current.get(None)
        if attempt:
            attempt.mark("tls_begun")
            attempt.tls = wrapped if attempt.inspect else None
        return wrapped


def tls_context(certificate_file: str | None = None, *, password: str | None = None) -> ssl.SSLContext:
    """Return a verifying TLS context (1.2 or newer), with a client certificate if files are given."""
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)  # requires a certificate and checks the name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if certificate_file:
        context.load_cert_chain(certificate_file, password=password)
    return context


@cache
def default_tls() -> ssl.SSLContext:
    """The context of requests that bring none."""
    return tls_context()  # reading the root certificates takes tens of milliseconds
