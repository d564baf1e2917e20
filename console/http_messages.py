"""What goes out and what comes back by console.http: plain values, and what may be shown of them."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

DEADLINE = 10.0  # seconds, from the call to the last byte of the answer
CONNECT_DEADLINE = 5.0  # seconds, of name, connection and TLS together
ANSWER_LIMIT = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRequest:
    """One attempt. Times in seconds, sizes in bytes. `tls` may carry a client certificate (`tls_context`)."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    deadline: float = DEADLINE
    connect_deadline: float = CONNECT_DEADLINE
    answer_limit: int = ANSWER_LIMIT
    tls: ssl.SSLContext | None = None
    inspect: bool = False  # keep the certificates that the receiver shows

    def __post_init__(self) -> None:
        if self.tls and not (self.tls.check_hostname and self.tls.verify_mode == ssl.CERT_REQUIRED):
            raise ValueError("TLS is always verified: use tls_context().")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an attempt. `error_class` is empty when a whole answer came, whatever its status.

    Error classes: dns, refused_destination, connect, tls, timeout, too_large, protocol. They, `detail` and `durations` tell
    closed ports from blocked addresses: show people `public_class` and `public_reason()`.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    truncated: bool = False
    durations: Mapping[str, float] = field(default_factory=dict)  # seconds: dns, connect, tls, first_byte, total
    error_class: str = ""
    detail: str = ""  # for operators: the reason code, or the name of the exception
    connected: bool = False
    chain: tuple[bytes, ...] = ()  # of a request that inspects: certificates in DER, the receiver's own first, verified or not
    tls_fault: str = ""  # why its certificate was refused: a name of console.http_attempt.TLS_FAULTS, or OpenSSL's words

    @property
    def unreachable(self) -> bool:
        """No connection came about: unknown name, blocked, closed and filtered are one and the same to the outside."""
        return bool(self.error_class) and not self.connected and self.error_class != "tls"

    @property
    def public_class(self) -> str:
        """The error class that may be shown and stored for people: `unreachable` stands for what must not be told apart."""
        return "unreachable" if self.unreachable else self.error_class

    def public_reason(self) -> str:
        """Return a sentence for people, empty when a whole answer came."""
        sentences = {
            "": "",
            "unreachable": _("The address could not be reached. Check that it is public and accepts connections."),
            "tls": _("The address has no TLS certificate that can be verified. Check its name, issuer and expiry."),
            "timeout": _("The address did not answer in time."),
            "too_large": _("The answer is longer than %(limit)s KiB.") % {"limit": ANSWER_LIMIT // 1024},
        }
        return sentences.get(self.public_class, _("The answer is not valid HTTP, or the connection was closed before its end."))


def excerpt(body: bytes, limit: int = 256) -> str:
    """Return the beginning of an answer as safe text of at most `limit` characters: printable only, on one line."""
    # A character has at most 4 bytes; one more tells that there is more.
    text = body[: (limit + 1) * 4].decode("utf-8", "replace")
    if not text.isprintable():  # most answers are: letter by letter costs forty times as much
        text = "".join(letter if letter.isprintable() else " " if letter.isspace() else "\ufffd" for letter in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
