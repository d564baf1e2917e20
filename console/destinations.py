"""Where outgoing requests may go (docs/domain.md, "Destination rules"; docs/reliability.md, "The edge").

The text of a URL is judged by form only; whether it may be called is judged on the addresses its name resolves to. Python's
`is_global` is not asked: it differs between versions and lets NAT64, 6to4 and multicast pass.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 2048  # characters
PORTS = {"http": 80, "https": 443}

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST_NAME = re.compile(r"(?=.{1,254}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")

# What is not global unicast in the IANA special-purpose registry, and the deprecated 6to4 relay.
_IPV4_REFUSED = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
_IPV6_ALLOWED = ipaddress.IPv6Network("2000::/3")
_IPV6_REFUSED = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",  # documentation
    )
]


class DestinationRefused(Exception):
    """A URL that may not be called: a stable `reason_code` and a `sentence` for the person who entered it."""

    def __init__(self, reason_code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason_code = reason_code
        self.sentence = sentence


class Destination(NamedTuple):
    """A URL of allowed form; if `local`, settings.LOCAL_DESTINATIONS excepts it from the port and address rules."""

    url: str
    scheme: str
    host: str  # lower case, IPv6 without brackets
    port: int
    local: bool


def check_destination(url: str) -> Destination:
    """Return the destination of `url` if its form is allowed; nothing is resolved yet. Raises DestinationRefused.

    http on port 80 or https on port 443, no credentials, no fragment, at most 2,048 characters of the ASCII that URLs have.
    """
    scheme, host, port = _form(url)
    local = f"{_bracketed(host)}:{port}" in {text.lower() for text in settings.LOCAL_DESTINATIONS}
    if port != PORTS[scheme] and not local:
        raise DestinationRefused(
            "port",
            _("The address uses port %(found)s. Use port 80 with http:// or port 443 with https://.") % {"found": port},
        )
    return Destination(url, scheme, host, port, local)


@lru_cache(maxsize=4096)
def _form(url: str) -> tuple[str, str, int]:
    _check_characters(url)
    parts = _split(url)
    return parts.scheme, _host(parts), _port(parts)


@lru_cache(maxsize=4096)
def is_public(address: Address | str) -> bool:
    """Say whether an address is global unicast by our own list; mapped IPv4 is judged as IPv4, other text is not public."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        if ip.ipv4_mapped is None:
            return ip in _IPV6_ALLOWED and not any(ip in network for network in _IPV6_REFUSED)
        ip = ip.ipv4_mapped
    return not any(ip in network for network in _IPV4_REFUSED)


@lru_cache(maxsize=4096)
def literal_address(host: str) -> Address | None:
    """Return the address if `host` is one in standard notation; None for names and for octal, decimal or short forms."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def check_addresses(destination: Destination, addresses: Iterable[str]) -> frozenset[Address]:
    """Return the addresses a connection may go to. One that is not public refuses all: who mixes them, aims at us.

    Raises DestinationRefused, with the same sentence as for a name that does not resolve.
    """
    found = list(addresses)
    if not found or not (destination.local or all(is_public(address) for address in found)):
        raise unreachable()
    return frozenset(literal_address(address) or ipaddress.ip_address(address) for address in found)


def unreachable() -> DestinationRefused:
    """Return the one refusal for names that do not resolve and for addresses that are not public."""
    return DestinationRefused(
        "not_public",
        _("This address cannot be reached from here. Use a name that resolves to public addresses only."),
    )


def _check_characters(url: str) -> None:
    if not isinstance(url, str) or not url.strip():
        raise DestinationRefused("empty", _("There is no address. Enter one that begins with https:// or http://."))
    if len(url) > MAX_URL:
        raise DestinationRefused(
            "too_long",
            _("The address has %(found)s characters. Use at most %(most)s.") % {"found": len(url), "most": MAX_URL},
        )
    if re.search(r"[\x00-\x20\x7f-\xa0]", url):
        raise DestinationRefused("control_characters", _("The address holds a space or a control character. Remove it."))
    if not _URL_CHARACTERS.fullmatch(url):
        raise DestinationRefused(
            "characters",
            _("The address holds a character that URLs do not have. Write international names in their xn-- form."),
        )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _bad_host() from None
    if parts.scheme not in PORTS:
        raise DestinationRefused("scheme", _("The address must begin with https:// or http://."))
    if "@" in parts.netloc:
        raise DestinationRefused(
            "credentials", _("The address holds a user name or password before “@”. Remove it; requests are signed.")
        )
    if "#" in url:
        raise DestinationRefused("fragment", _("The address holds a fragment after “#”, which is never sent. Remove it."))
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        if "%" in host or not isinstance(literal_address(host), ipaddress.IPv6Address):
            raise _bad_host()
        return host
    if not _HOST_NAME.fullmatch(host):
        raise _bad_host()
    return host


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise DestinationRefused("port", _("The port of the address is not a number from 1 to 65535.")) from None
    return PORTS[parts.scheme] if port is None else port


def _bad_host() -> DestinationRefused:
    return DestinationRefused("host", _("The address has no valid host name. Write it as in https://example.com/path."))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
