"""System checks: the site does not start with a route nobody decided about (docs/roles.md)."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.urls import URLPattern, URLResolver, get_resolver

from console.matrix import FRESH, PERMISSIONS, SIGNED_IN
from console.views.base import ConsoleView

#: Routes that need no signed-in user, each with the reason. The URL × role test reads this list too.
PUBLIC_ROUTES = {
    "account_login": "signing in",
    "account_logout": "asks to confirm",
    "account_signup": "answers that sign-up is closed",
    "account_email_verification_sent": "says that a mail was sent; shows no data",
    "account_inactive": "says why an account cannot sign in",
    "account_reset_password": "for those who cannot sign in",
    "account_reset_password_done": "for those who cannot sign in",
    "account_reset_password_from_key": "holds a one-time token",
    "account_reset_password_from_key_done": "for those who cannot sign in",
    "mfa_authenticate": "second step of signing in",
    "demo-sign-in": "exists in demo mode only",
    "invitation": "holds a one-time token",
    "linked-email-confirm": "holds a one-time token",
    "health": "for load balancers; figures need the metrics token",
    "metrics": "for Prometheus; needs the metrics token and does not exist without one",
    "set-language": "changes a cookie only",
}
#: Route name prefixes and namespaces whose callers prove themselves in another way.
PUBLIC_PREFIXES = {
    "openserver:": "callers sign their requests (docs/openserver.md)",
    "simulator:": "exists in demo mode and tests only, and acts for fictitious parties",
}
#: Pages of allauth that require a signed-in user by themselves.
SIGNED_IN_PREFIXES = ("account_", "mfa_")


def routes(resolver: Any = None, prefix: str = "", path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every route as (full name, path pattern, view)."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            namespace = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from routes(pattern, namespace, path + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + (pattern.name or ""), path + str(pattern.pattern), pattern.callback


def is_public(name: str) -> bool:
    """Whether the route is on the list of public ones."""
    return name in PUBLIC_ROUTES or name.startswith(tuple(PUBLIC_PREFIXES))


@register()
def every_route_states_its_permission(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An Error for each route whose view is no ConsoleView with a known permission, and that is not listed as public."""
    problems: list[CheckMessage] = []
    for name, path, view in routes():
        if is_public(name) or name.startswith(SIGNED_IN_PREFIXES):
            continue
        page = getattr(view, "view_class", None)
        if not (isinstance(page, type) and issubclass(page, ConsoleView)):
            hint = "See docs/adding-a-verb.md."
            problems.append(Error(f"The route {name or path!r} has no ConsoleView.", hint=hint, id="console.E001"))
        elif page.permission not in PERMISSIONS | {SIGNED_IN}:
            problems.append(Error(f"{page.__name__} states no known permission: {page.permission!r}.", id="console.E002"))
        elif page.permission in FRESH and hasattr(page, "post") and not _says_whether_fresh(page):
            hint = "Set `fresh_factor: ClassVar[bool]` on the view: True for an act, False with a reason (docs/roles.md)."
            problems.append(Error(f"{page.__name__} does not say whether it needs a fresh factor.", hint=hint, id="console.E003"))
    return problems


def _says_whether_fresh(page: type[ConsoleView]) -> bool:
    return any("fresh_factor" in vars(ancestor) for ancestor in page.__mro__ if ancestor is not ConsoleView)


@register()
def the_pool_is_wide_enough(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A Warning when jobs of a worker's threads may wait in vain for a connection."""
    pool = settings.DATABASES["default"].get("OPTIONS", {}).get("pool")
    needed = settings.CONNECTIONS_OF_A_JOB * settings.CELERY_WORKER_CONCURRENCY
    if not pool or pool["max_size"] >= needed:
        return []
    told = f"DATABASE_POOL_MAX is {pool['max_size']}, and a worker needs up to {needed}: exports wait for a connection and fail."
    return [Warning(told, hint="Raise it, unset it, or lower WORKER_CONCURRENCY.", id="console.W001")]


@register(Tags.security, deploy=True)
def the_second_factor_is_required(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An Error when approvers and key holders could act with a password alone."""
    if settings.SECOND_FACTOR_REQUIRED:
        return []
    return [Error("SECOND_FACTOR_REQUIRED is off.", hint="It is for trials on one machine; unset it.", id="console.E004")]
