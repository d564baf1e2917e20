"""The second factor: which acts need a fresh one, the way to it, and back to the page with what was typed (docs/roles.md).

A page says `fresh_factor = True` (console.views.base) and asks here. Fresh is a code entered in this session at most ten minutes
ago, at sign-in or since. Whoever has no factor is led to set one up, unless settings.SECOND_FACTOR_REQUIRED is off for a trial.
"""

import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from console.models import User

TYPED, RETURN = "factor_typed", "factor_return"  # in the session
LARGEST = 64 * 1024  # bytes of a form kept while its sender fetches a code


def has_factor(user: User) -> bool:
    """Whether this person has set up an authenticator app."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def is_fresh(request: HttpRequest) -> bool:
    """Whether a code was entered in this session at most ACCOUNT_REAUTHENTICATION_TIMEOUT seconds ago."""
    records = get_authentication_records(request, request.user)
    codes = [record["at"] for record in records if record.get("method") == "mfa"]
    return bool(codes) and 0 <= time.time() - codes[-1] <= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def ask(request: HttpRequest, user: User) -> HttpResponse | None:
    """Where to go first, None when the act may go on. What a POST holds is kept for the page it came from."""
    if not has_factor(user):
        return _to_set_up(request) if settings.SECOND_FACTOR_REQUIRED else None
    if is_fresh(request):
        return None
    if request.method == "POST":
        said = _("Nothing was done yet. Enter a code, then you are back on the page with what you typed; press the button again.")
        messages.info(request, said)
    back = _keep(request)
    return _redirect(request, f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}")


def typed_before(request: HttpRequest) -> QueryDict | None:
    """What was sent from this page when the factor was no longer fresh; once, and only to the page it came from."""
    kept = request.session.get(TYPED)
    if not kept or kept["path"] != request.path:
        return None
    del request.session[TYPED]
    return QueryDict(kept["data"])


def _to_set_up(request: HttpRequest) -> HttpResponse:
    messages.warning(
        request,
        _(
            "This act needs a second factor: it decides about money or gives rights and keys, and a password alone can be "
            "stolen. Set up an authenticator app first; then you can go on."
        ),
    )
    request.session[RETURN] = _keep(request)
    return _redirect(request, reverse("mfa_activate_totp"))


def _keep(request: HttpRequest) -> str:
    """Remember a form that was sent; returns the page to come back to."""
    back = _page_of(request)
    if request.method == "POST":
        data = request.POST.copy()
        data.pop("csrfmiddlewaretoken", None)
        for name in [name for name, value in data.items() if "PRIVATE KEY-----" in value]:
            del data[name]  # a session is no place for secrets; it has to be pasted once more
        text = data.urlencode()
        if data and len(text) <= LARGEST:
            request.session[TYPED] = {"path": urlsplit(back).path, "data": text}
    return back


def _page_of(request: HttpRequest) -> str:
    """The page that was looked at: of a POST the one that held the form, which may stand on another page."""
    if request.method != "POST":
        return request.get_full_path()
    came_from = request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    parts = urlsplit(came_from)
    if own and parts.path:
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return request.path if _has_page(request) else "/"


def _has_page(request: HttpRequest) -> bool:
    match = request.resolver_match
    return hasattr(getattr(match.func, "view_class", None), "get") if match else False


def _redirect(request: HttpRequest, url: str) -> HttpResponse:
    """For htmx a redirect of the whole window: a code is not asked for inside a part of a page."""
    htmx: Any = getattr(request, "htmx", False)
    return HttpResponseClientRedirect(url) if htmx else HttpResponseRedirect(url)
