"""The caller's address behind reverse proxies."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


def _is_trusted(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.TRUSTED_PROXIES)


def client_address(remote: str, forwarded_for: str) -> str:
    """Return the nearest address that is not one of our proxies, read from the right.

    The left end of X-Forwarded-For is whatever the caller wrote; only what our own proxies appended counts.
    """
    for address in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not _is_trusted(remote):
            break
        remote = address
    return remote


class TrustedProxies:
    """Sets REMOTE_ADDR once, so that lock-out, audit and log all see the same address; drops unproven headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        remote = request.META.get("REMOTE_ADDR", "")
        if _is_trusted(remote):
            request.META["REMOTE_ADDR"] = client_address(remote, request.META.get("HTTP_X_FORWARDED_FOR", ""))
        else:
            for header in FORWARDED:
                request.META.pop(header, None)
        return self.get_response(request)
