"""What the people of the platform did: long ago they made the superapp, its teams and mini programs; today they go on."""

from console.actions import invitation, team
from console.models import MiniProgram, Superapp, Team
from simulator.demo.past import Past
from simulator.demo.world import World

VERBS = {Superapp: "console.superapp.create", Team: "console.team.create", MiniProgram: "console.mini_program.create"}


def build(world: World, past: Past) -> None:
    """The entries about what is there already."""
    rows: list[Superapp | Team | MiniProgram] = [world.superapp, *world.teams.values(), *world.programs.values()]
    for row in rows:
        who = world.people["superadmin" if isinstance(row, Superapp) else "platform"]
        past.note(VERBS[type(row)], row, row.created_at, actor=who, changes={"name": [None, row.name]})


def act(world: World) -> None:
    """A third team comes, and people are invited: by the actions, which write their entries themselves, dated today."""
    boss, admin = world.people["superadmin"], world.people["platform"]
    invitation.invite_user(email="ines@demo.test", name="Ines Duarte", actor=boss)
    made = team.create(world.superapp, name="Tidepool Works", linked_email="payments@tidepool.test", actor=admin)
    invitation.appoint(made, email="mara@tidepool.test", name="Mara Lindgren", actor=admin)
