"""The rights of one request, 50 rows with two buttons each, of 10,000 teams: against guardian a row (bench/README.md)."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.core import ObjectPermissionChecker

from bench.measuring import Result, medians
from console.actions.membership import set_team_role
from console.matrix import codename
from console.models import Superapp, Team, User
from console.permissions import System, can

TEAMS = 10_000
MEMBER_OF = 50
BUTTONS = ("items.submit_release", "orders.redeliver")


def measure(rows: int) -> Result:
    """Somebody who works for 50 of the teams looks at a row of each; `rows` says nothing here."""
    superapp = Superapp.objects.create(name="Orbit")
    Team.objects.bulk_create([Team(name=f"Team {number}", superapp=superapp) for number in range(TEAMS)])
    shown = list(Team.objects.order_by("pk")[:MEMBER_OF])
    user = User.objects.create_user("bench@example.test", name="Bench")
    for team in shown:
        set_team_role(user, team, "senior_developer", actor=System("bench"))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    with CaptureQueriesContext(connection) as queries:
        answers = ours(user.pk, shown)
    if answers != usual(user.pk, shown) or not all(answers):
        raise RuntimeError("the two sides give different answers")
    times = medians(9, ours=lambda: ours(user.pk, shown), peer=lambda: usual(user.pk, shown))
    reads = len(queries) - 1  # one reads the user, on both sides
    goal = f"1 query, needed {reads}; ≥ 30 × faster than guardian's has_perm a row"
    met = reads == 1 and times["peer"] >= 30 * times["ours"]
    return Result(name="permissions", limit=None, unit="s", goal=goal, met=met, **times)


def ours(pk: int, teams: list[Team]) -> list[bool]:
    """The grants are read once and answer from memory."""
    user = User.objects.get(pk=pk)
    return [can(user, permission, team) for team in teams for permission in BUTTONS]


def usual(pk: int, teams: list[Team]) -> list[bool]:
    """What a template with guardian does: it asks for each row and button."""
    user = User.objects.get(pk=pk)
    return [ObjectPermissionChecker(user).has_perm(codename(permission), team) for team in teams for permission in BUTTONS]
