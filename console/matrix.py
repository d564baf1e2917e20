"""The permission matrix: the single source of menus, buttons, views, API and tests (docs/roles.md).

A permission is granted on a container, a team or a superapp; rows follow their container. Those of the platform itself belong to
its two roles and to nobody else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEAM, SUPERAPP, PLATFORM = "team", "superapp", "platform"

#: Views that need no more than a signed-in user state this; what they show is the user's own.
SIGNED_IN = "signed_in"

ROLES = {
    "super_admin": _("Super admin"),
    "platform_admin": _("Platform admin"),
    "team_admin": _("Team admin"),
    "senior_developer": _("Senior developer"),
    "developer": _("Developer"),
    "operator": _("Operator"),
    "superapp_admin": _("Superapp admin"),
    "superapp_senior_developer": _("Superapp senior developer"),
    "superapp_operator": _("Superapp operator"),
    "approver": _("Approver"),
}
PLATFORM_ROLES = ("super_admin", "platform_admin")
TEAM_ROLES = ("team_admin", "senior_developer", "developer", "operator")
SUPERAPP_ROLES = ("superapp_admin", "superapp_senior_developer", "superapp_operator", "approver")
COLUMNS = {TEAM: PLATFORM_ROLES + TEAM_ROLES, SUPERAPP: PLATFORM_ROLES + SUPERAPP_ROLES, PLATFORM: PLATFORM_ROLES}


@dataclass(frozen=True)
class Row:
    """One row of the matrix. `cells` has one mark a column of COLUMNS: R may look, Y may do, - may not."""

    permission: str
    label: str | Promise
    container: str
    cells: str

    @property
    def roles(self) -> frozenset[str]:
        """The roles that hold the permission."""
        return frozenset(role for role, mark in zip(COLUMNS[self.container], self.cells, strict=True) if mark != "-")


# Columns: super admin, platform admin, then the roles of the container in the order of COLUMNS.
MATRIX = (
    Row("console.view_mini_program", _("Mini program: home page and readiness"), TEAM, "RRYYYY"),
    Row("console.view_activity", _("Activity: view"), TEAM, "RRYYYY"),
    Row("payments.request_payment", _("Enable payment (virtual, standard): request, cancel"), TEAM, "--Y---"),
    Row("payments.view_merchant", _("Merchant binding: view"), TEAM, "RRYYYY"),
    Row("payments.bind_merchant", _("Merchant binding: bind, change, unbind"), TEAM, "--Y---"),
    Row("payments.view_delivery", _("Delivery push: view"), TEAM, "RRYYYY"),
    Row("payments.configure_delivery", _("Delivery push: configure, modify, switch on/off, test"), TEAM, "--YY--"),
    Row("payments.manage_credentials", _("Delivery push: request certificates and keys, rotate, revoke"), TEAM, "--YY--"),
    Row("payments.view_exemption", _("Approval exemption: view"), TEAM, "RRYYYY"),
    Row("payments.request_exemption", _("Approval exemption: request"), TEAM, "--YY--"),
    Row("items.view_item", _("Virtual items: view"), TEAM, "RRYYYY"),
    Row("items.download_template", _("Virtual items: download template"), TEAM, "--YYY-"),
    Row("items.edit_item", _("Virtual items: add, import, edit"), TEAM, "--YYY-"),
    Row("items.submit_release", _("Virtual items: submit release requests, withdraw them"), TEAM, "--YY--"),
    Row("items.remove_item", _("Virtual items: delete, remove from sale"), TEAM, "--Y---"),
    Row("orders.view_order", _("Order record: list, details, export"), TEAM, "YYYYYY"),
    Row("orders.view_refund", _("After-sales record: list, details, export"), TEAM, "YYYYYY"),
    Row("orders.view_attempt", _("Delivery attempts: view"), TEAM, "RRYYYY"),
    Row("orders.redeliver", _("Delivery: redeliver one or many"), TEAM, "--YY--"),
    Row("console.view_members", _("Team members and their roles: view"), TEAM, "RRY---"),
    Row("console.manage_members", _("Team members and their roles: change"), TEAM, "--Y---"),
    Row("console.view_superapp", _("Superapp: home page"), SUPERAPP, "RRYYYY"),
    Row("console.view_activity", _("Activity: view"), SUPERAPP, "RRYYYY"),
    Row("payments.view_payment_management", _("Payment management: view"), SUPERAPP, "RRY---"),
    Row("payments.manage_payment", _("Payment management: switch on/off, currencies"), SUPERAPP, "--Y---"),
    Row("payments.view_merchants", _("Merchants: view"), SUPERAPP, "RRYYYY"),
    Row("payments.edit_merchants", _("Merchants: add, edit"), SUPERAPP, "--YY--"),
    Row("payments.view_backend", _("Superapp backend: view, never the secret"), SUPERAPP, "RRYY--"),
    Row("payments.edit_backend", _("Superapp backend: address and secret key"), SUPERAPP, "--YY--"),
    Row("payments.view_approvals", _("Approvals: view the queue and what was decided"), SUPERAPP, "RRY--Y"),
    Row("payments.decide", _("Approvals: approve, reject"), SUPERAPP, "--Y--Y"),
    Row("payments.intervene", _("Disable payment, revoke an exemption, take items down"), SUPERAPP, "--Y--Y"),
    Row("orders.view_order", _("Orders of its mini programs: view, export"), SUPERAPP, "YYY-Y-"),
    Row("orders.view_refund", _("After-sales of its mini programs: view, export"), SUPERAPP, "YYY-Y-"),
    Row("console.view_members", _("Superapp members and their roles: view"), SUPERAPP, "RRY---"),
    Row("console.manage_members", _("Superapp members and their roles: change"), SUPERAPP, "--Y---"),
    Row("console.view_platform", _("Superapps, teams, mini programs and users: view"), PLATFORM, "YY"),
    Row("console.view_activity", _("Activity of the platform's own people: view, export"), PLATFORM, "YY"),
    Row("console.manage_superapps", _("Superapps: create, edit, appoint the first admin"), PLATFORM, "YY"),
    Row("console.manage_teams", _("Teams and mini programs: create, edit; linked e-mail; first admin"), PLATFORM, "YY"),
    Row("console.manage_users", _("Users: invite, close, open again"), PLATFORM, "YY"),
    Row("console.manage_platform_admins", _("Platform admins: create, dismiss"), PLATFORM, "Y-"),
)
PERMISSIONS = frozenset(row.permission for row in MATRIX)
#: Held on a superapp, these say nothing about its teams: who belongs to a team is the team's own affair.
OWN = frozenset({"console.view_members", "console.manage_members"})
#: Any of them is enough for the pages of scheduled exports; each schedule asks for that of its own list.
SCHEDULES = ("orders.view_order", "orders.view_refund", "console.view_activity")
#: Acts with these need a fresh second factor: a page that acts with one of them has to say `fresh_factor` (console.checks).
FRESH = frozenset(
    {
        "payments.decide",
        "payments.intervene",
        "payments.manage_credentials",
        "payments.edit_backend",
        "console.manage_members",
        "console.manage_users",
        "console.manage_platform_admins",
    }
)
#: Every role of a team has it: without it nobody finds the mini programs.
BASE = "console.view_mini_program"
#: A role that a team makes for itself has no part in who its members are: whoever gives roles could take every right.
TEAM_ADMIN_ONLY = frozenset({"console.manage_members"})
#: What an act is of no use without: whoever may edit items has to see them.
NEEDS = {
    "payments.bind_merchant": "payments.view_merchant",
    "payments.configure_delivery": "payments.view_delivery",
    "payments.manage_credentials": "payments.view_delivery",
    "payments.request_exemption": "payments.view_delivery",
    "payments.view_exemption": "payments.view_delivery",
    "items.download_template": "items.view_item",
    "items.edit_item": "items.view_item",
    "items.submit_release": "items.view_item",
    "items.remove_item": "items.view_item",
    "orders.view_attempt": "orders.view_order",
    "orders.redeliver": "orders.view_order",
}


def codename(permission: str) -> str:
    """The name under which guardian keeps a permission: "items.edit_item" is "items_edit_item" of the container's model."""
    return permission.replace(".", "_")


def model_permissions(container: str) -> list[tuple[str, Any]]:
    """`Meta.permissions` of the container's model, read off the matrix."""
    return [(codename(row.permission), row.permission) for row in MATRIX if row.container == container]


def permissions_of(role: str, container: str) -> frozenset[str]:
    """What `role` may do on a container of this kind."""
    return frozenset(row.permission for row in MATRIX if row.container == container and role in row.roles)


def composable() -> list[Row]:
    """The rows of the team part that a team's own role may hold, in the order of the matrix."""
    return [row for row in MATRIX if row.container == TEAM and row.permission not in TEAM_ADMIN_ONLY]


def complete(permissions: Iterable[str]) -> list[str]:
    """A set of permissions with what each of them needs, in the order of the matrix; unknown ones are dropped."""
    wanted = {BASE, *permissions}
    wanted |= {NEEDS[permission] for permission in wanted if permission in NEEDS}
    return [row.permission for row in composable() if row.permission in wanted]
