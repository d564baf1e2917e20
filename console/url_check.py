"""What a URL check shows: what DNS answers and why an address is refused, the TLS chain (also of one that cannot be
verified, and why), the redirect, the time to answer.

Everything is sent by console.http, and nothing to an address that is not public. The digits of such an address are not shown, and
an unreachable one always takes the same time: the button is no port scanner and no way to read an internal DNS.
"""

import asyncio
import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cryptography import x509

from console.destinations import DestinationRefused, check_destination, is_public
from console.http import Client, probe, running
from console.http_messages import CONNECT_DEADLINE, Answer, OutgoingRequest

MOST_ADDRESSES, MOST_CERTIFICATES, MOST_NAMES, NAME_LENGTH = 16, 6, 8, 120
PUBLIC = "public"


class Found(NamedTuple):
    """An address that DNS answered: as text if it is public, else only its kind."""

    address: str
    kind: str


class Certificate(NamedTuple):
    """One certificate of the chain, verified or not. `names` are those it is for; `ends` in UTC."""

    subject: str
    issuer: str
    ends: datetime
    names: tuple[str, ...] = ()

    @property
    def days_left(self) -> int:
        """Whole days until it ends; negative once it has ended."""
        return (self.ends - datetime.now(UTC)).days


@dataclass(frozen=True, kw_only=True)
class Check:
    """What came of a check. `refusal` is the sentence about the URL's form or addresses; then nothing was sent."""

    url: str
    refusal: str = ""
    addresses: tuple[Found, ...] = ()
    answer: Answer = Answer()
    certificates: tuple[Certificate, ...] = ()

    @property
    def location(self) -> str:
        """Where a redirect leads to; it is not followed."""
        redirects = self.answer.status is not None and 300 <= self.answer.status < 400
        return self.answer.headers.get("location", "")[:2048] if redirects else ""


def kind_of(address: str) -> str:
    """What kind of address it is: "public", or why it is none of ours to call."""
    if is_public(address):
        return PUBLIC
    try:
        ip: Any = ipaddress.ip_address(address)
    except ValueError:
        return "reserved"
    ip = getattr(ip, "ipv4_mapped", None) or ip
    kinds = ("loopback", "link_local", "multicast", "private")
    return next((kind for kind in kinds if getattr(ip, f"is_{kind}")), "reserved")


async def look_up(url: str, *, client: Client) -> tuple[Found, ...]:
    """What DNS answers for the host of `url`, within CONNECT_DEADLINE; () for nothing. Raises DestinationRefused for its form."""
    destination, found = check_destination(url), list[str]()
    with suppress(OSError, UnicodeError):
        async with asyncio.timeout(CONNECT_DEADLINE):
            found = sorted(set(await client.addresses(destination)))[:MOST_ADDRESSES]
    kinds = [(address, kind_of(address)) for address in found]
    return tuple(Found(address if kind == PUBLIC or destination.local else "", kind) for address, kind in kinds)


async def check(request: OutgoingRequest, *, client: Client) -> Check:
    """Look the name up, then send `request` as console.http does. Never raises for what a destination or the network does."""
    try:
        addresses = await look_up(request.url, client=client)
    except DestinationRefused as refused:
        return Check(url=request.url, refusal=refused.sentence)
    answer = await probe(request, client=client)
    refusal = answer.public_reason() if answer.error_class == "refused_destination" else ""
    return Check(
        url=request.url, refusal=refusal, addresses=addresses, answer=answer, certificates=tuple(_certificates(answer.chain))
    )


def check_sync(*requests: OutgoingRequest) -> list[Check]:
    """All at the same time; blocks for at most the longest deadline and a lookup (seconds)."""
    background = running()

    async def all_of_them() -> list[Check]:
        return await asyncio.gather(*(check(request, client=background.client) for request in requests))

    return background.run(all_of_them())


def look_up_sync(url: str) -> tuple[Found, ...]:
    """As `look_up`, for a form that refused the URL."""
    background = running()
    return background.run(look_up(url, client=background.client))


def _certificates(chain: Iterable[bytes]) -> Iterable[Certificate]:
    for der in list(chain)[:MOST_CERTIFICATES]:
        try:
            found = x509.load_der_x509_certificate(der)
            yield Certificate(_name(found.subject), _name(found.issuer), found.not_valid_after_utc, tuple(_names(found)))
        except ValueError:  # OpenSSL could read it, a stricter reader cannot: the chain is shown without it
            continue


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return _shown(str(common[0].value) if common else name.rfc4514_string())


def _names(certificate: x509.Certificate) -> list[str]:
    """The first host names and addresses that the certificate is for."""
    with suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [_shown(str(each.value)) for each in names if isinstance(each, (x509.DNSName, x509.IPAddress))][:MOST_NAMES]
    return []


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:NAME_LENGTH]
