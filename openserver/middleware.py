"""The short way of openServer's calls (docs/openserver.md): what people's pages need, a signed call does not.

A call has no session, no cookie and no language, and its views are exempt from CSRF because callers sign. Running through all
that cost more than the order itself. The page for people below /openserver/v1/, `docs`, takes the way of pages.
"""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve
from django.utils import translation

from console.audit import Origin, origin
from openserver.authentication import PROVEN
from openserver.envelope import refused
from openserver.errors import RateLimited
from openserver.limits import check_address, count_address

PREFIX = "/openserver/v1/"
PAGE = "/openserver/v1/docs"
# What the middleware of pages would set, stricter: an answer for programs loads nothing and is shown nowhere.
HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Frame-Options": "DENY"}


class CallsMiddleware:
    """Answers calls of openServer itself; passes everything else on. What stands before it in MIDDLEWARE holds for both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if not path.startswith(PREFIX) or path == PAGE:
            return self.get_response(request)
        request.get_host()  # refuses a host that is not ours, as CommonMiddleware does for pages
        request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        token = origin.set(Origin(request_id, request.META.get("REMOTE_ADDR", "")))
        translation.deactivate()  # the thread's last page may have been in another language
        try:
            return _answer(request, path)
        finally:
            origin.reset(token)


def _answer(request: HttpRequest, path: str) -> HttpResponse:
    match = resolve(path.removeprefix(PREFIX[:-1]), urlconf="openserver.urls")
    request.resolver_match = match
    answer = _within_limits(match, request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Content-Length", str(len(answer.content)))
    return answer


def _within_limits(match: ResolverMatch, request: HttpRequest) -> HttpResponse:
    address = request.META.get("REMOTE_ADDR", "")
    try:
        check_address(address)
    except RateLimited as error:
        return refused(error)
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    if PROVEN not in request.META:
        count_address(address)
    return answer
