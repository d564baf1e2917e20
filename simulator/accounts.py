"""The people of the demo; their password is `demo`."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PASSWORD = "demo"  # noqa: S105  (the demo prints it on its sign-in page)


class Account(NamedTuple):
    """A demo account. `where` is "platform", "superapp", "northlight" or "harbor"; `role` a role of the matrix."""

    email: str
    name: str
    label: str | Promise
    where: str
    role: str

    def __str__(self) -> str:
        return f"{self.email:<34} {self.label}"


ACCOUNTS = (
    Account("team-admin@demo.test", "Tara Nguyen", _("Team admin, Northlight Games"), "northlight", "team_admin"),
    Account("senior@demo.test", "Sam Okafor", _("Senior developer, Northlight Games"), "northlight", "senior_developer"),
    Account("developer@demo.test", "Devi Rao", _("Developer, Northlight Games"), "northlight", "developer"),
    Account("operator@demo.test", "Otto Lindqvist", _("Operator, Northlight Games"), "northlight", "operator"),
    Account("approver@demo.test", "Ada Moreau", _("Approver, Orbit"), "superapp", "approver"),
    Account("superapp-admin@demo.test", "Sven Castillo", _("Superapp admin, Orbit"), "superapp", "superapp_admin"),
    Account(
        "superapp-developer@demo.test",
        "Dora Weiss",
        _("Superapp senior developer, Orbit"),
        "superapp",
        "superapp_senior_developer",
    ),
    Account("superapp-operator@demo.test", "Olga Petrova", _("Superapp operator, Orbit"), "superapp", "superapp_operator"),
    Account("superadmin@demo.test", "Sue Takahashi", _("Super admin"), "platform", "super_admin"),
    Account("platform@demo.test", "Pat Silva", _("Platform admin"), "platform", "platform_admin"),
    Account("stranger@demo.test", "Sally Brandt", _("Team admin, Harbor Studio"), "harbor", "team_admin"),
)
