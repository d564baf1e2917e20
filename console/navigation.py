"""The navigation, declared once. Apps are named only as strings (URL names), because this app imports none of them."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.matrix import SCHEDULES, SIGNED_IN
from console.models import MiniProgram, Superapp, Team, User
from console.permissions import THE_PLATFORM, can


@dataclass(frozen=True)
class Entry:
    """One link: shown to those who hold `permission`, or one of several, on the container its URL needs."""

    label: str | Promise
    url_name: str
    permission: str | tuple[str, ...]
    icon: str
    key: str = ""
    #: The filter that makes a list of all kinds the record of one: "standard" or "" for the list as it opens.
    kind: str = ""


PROGRAM_SECTIONS: tuple[tuple[str | Promise, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry(_("Home"), "orders:home", "console.view_mini_program", "home", "h"),
            Entry(_("Activity"), "program-activity", "console.view_activity", "clock", "y"),
        ),
    ),
    (
        _("Virtual payment"),
        (
            Entry(_("Enable payment"), "payments:payment", "console.view_mini_program", "credit-card", "e"),
            Entry(_("Basic configurations"), "payments:delivery", "payments.view_delivery", "cog-6-tooth", "b"),
            Entry(_("Virtual items"), "items:list", "items.view_item", "cube", "i"),
            Entry(_("Order record"), "orders:list", "orders.view_order", "receipt-percent", "o"),
            Entry(_("After-sales record"), "orders:refund-list", "orders.view_refund", "arrow-uturn-left", "r"),
            Entry(_("Mismatches"), "orders:mismatches", "orders.view_order", "exclamation-triangle", "x"),
            Entry(_("Scheduled exports"), "program-export-schedules", SCHEDULES, "calendar", "d"),
        ),
    ),
    (
        _("Standard payment"),
        (
            Entry(_("Enable payment"), "payments:standard-payment", "console.view_mini_program", "wallet", "w"),
            Entry(_("Order record"), "orders:list", "orders.view_order", "receipt-percent", "j", kind="standard"),
            Entry(_("After-sales record"), "orders:refund-list", "orders.view_refund", "arrow-uturn-left", "k", kind="standard"),
        ),
    ),
)
TEAM_SECTIONS: tuple[tuple[str | Promise, tuple[Entry, ...]], ...] = (
    (
        _("Team"),
        (
            Entry(_("Merchant"), "payments:merchant", "payments.view_merchant", "building-storefront", "m"),
            Entry(_("Members"), "team-members", "console.view_members", "users", "u"),
            Entry(_("Activity"), "team-activity", "console.view_activity", "clock", "t"),
        ),
    ),
)
SUPERAPP_SECTIONS: tuple[tuple[str | Promise, tuple[Entry, ...]], ...] = (
    (
        _("Superapp"),
        (
            Entry(_("Approvals"), "payments:approvals", "payments.view_approvals", "check-badge", "a"),
            Entry(_("Payment management"), "payments:payment-management", "payments.view_payment_management", "banknotes", "p"),
            Entry(_("Merchants"), "payments:merchants", "payments.view_merchants", "building-storefront", "m"),
            Entry(_("Backend"), "payments:backend", "payments.view_backend", "server-stack", "b"),
            Entry(_("Items on sale"), "items:superapp-list", "payments.intervene", "cube", "i"),
            Entry(_("Order record"), "orders:superapp-list", "orders.view_order", "receipt-percent", "o"),
            Entry(_("After-sales record"), "orders:superapp-refund-list", "orders.view_refund", "arrow-uturn-left", "r"),
            Entry(_("Mismatches"), "orders:superapp-mismatches", "orders.view_order", "exclamation-triangle", "x"),
            Entry(_("Scheduled exports"), "superapp-export-schedules", SCHEDULES, "calendar", "d"),
            Entry(_("Members"), "superapp-members", "console.view_members", "users", "u"),
            Entry(_("Activity"), "superapp-activity", "console.view_activity", "clock", "t"),
        ),
    ),
    (
        _("Standard payment"),
        (
            Entry(_("Order record"), "orders:superapp-list", "orders.view_order", "receipt-percent", "j", kind="standard"),
            Entry(
                _("After-sales record"),
                "orders:superapp-refund-list",
                "orders.view_refund",
                "arrow-uturn-left",
                "k",
                kind="standard",
            ),
        ),
    ),
)
PLATFORM_ENTRIES: tuple[Entry, ...] = (
    Entry(_("Superapps"), "platform-superapps", "console.view_platform", "device-phone-mobile", "s"),
    Entry(_("Teams"), "platform-teams", "console.view_platform", "user-group", "q"),
    Entry(_("Users"), "platform-users", "console.view_platform", "users", "v"),
    Entry(_("Invitations"), "platform-invitations", "console.view_platform", "envelope", "n"),
    Entry(_("Activity"), "platform-activity", "console.view_activity", "clock", "y"),
)
#: What is everybody's own; on pages that belong to no place, beside it in the account menu.
OWN_ENTRIES: tuple[Entry, ...] = (
    Entry(_("Where you work"), "home", SIGNED_IN, "home", "h"),
    Entry(_("Notifications"), "notices", SIGNED_IN, "bell", "l"),
    Entry(_("Jobs"), "job-list", SIGNED_IN, "arrow-path", "z"),
    Entry(_("Who can do what"), "roles", SIGNED_IN, "identification", "c"),
)


def sections(request: HttpRequest, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections of the left navigation for the containers in `scope`, without entries nobody here may open."""
    user, built = request.user, []
    program, team, superapp = scope["mini_program"], scope["team"], scope["superapp"]
    if program:
        names = {"app_id": program.app_id}
        built += [_section(request, user, label, entries, program, names) for label, entries in PROGRAM_SECTIONS]
    if team:
        built += [_section(request, user, label, entries, team, {"team": team.code}) for label, entries in TEAM_SECTIONS]
    if superapp:
        names = {"superapp": superapp.code}
        built += [_section(request, user, label, entries, superapp, names) for label, entries in SUPERAPP_SECTIONS]
    built.append(_section(request, user, _("Platform"), PLATFORM_ENTRIES, THE_PLATFORM, {}))
    if not superapp:
        built.append({"label": _("Yours"), "entries": [_link(request, entry, {}) for entry in OWN_ENTRIES]})
    return [section for section in built if section["entries"]]


def _section(
    request: HttpRequest, user: Any, label: Any, entries: tuple[Entry, ...], container: Any, names: dict[str, str]
) -> dict[str, Any]:
    shown = [_link(request, entry, names) for entry in entries if _is_shown(entry, user, container)]
    return {"label": label, "entries": shown}


def _is_shown(entry: Entry, user: Any, container: Any) -> bool:
    enough = (entry.permission,) if isinstance(entry.permission, str) else entry.permission
    return any(can(user, permission, container) for permission in enough)


def _link(request: HttpRequest, entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    url = reverse(entry.url_name, kwargs=names)
    current = request.path == url if entry.url_name in ("home", "orders:home") else request.path.startswith(url)
    kind = getattr(getattr(request, "console_view", None), "record_kind", "") or request.GET.get("kind")
    current = current and (kind == "standard") == (entry.kind == "standard")
    url += f"?kind={entry.kind}" if entry.kind else ""
    return {"label": entry.label, "url": url, "icon": entry.icon, "key": entry.key, "current": current}


def switcher(user: User, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """Where else this person may go: superapps they work for, then teams with their mini programs (three queries)."""
    program, superapp = scope["mini_program"], scope["superapp"]
    groups: list[dict[str, Any]] = []
    superapps = [
        {
            "label": row.name,
            "hint": _("Superapp"),
            "url": reverse("superapp-home", kwargs={"superapp": row.code}),
            "current": not program and row == superapp,
        }
        for row in Superapp.objects.visible_to(user).order_by("name")[:50]
    ]
    if superapps:
        groups.append({"group": _("Superapps"), "items": superapps})
    for team in Team.objects.visible_to(user).order_by("name").prefetch_related("mini_programs")[:50]:
        items = [_program_link(row, program) for row in team.mini_programs.all()]
        groups.append({"group": team.name, "items": items})
    return groups


def _program_link(row: MiniProgram, current: MiniProgram | None) -> dict[str, Any]:
    url = reverse("orders:home", kwargs={"app_id": row.app_id})
    return {"label": row.name, "hint": row.get_kind_display(), "url": url, "current": row == current}
