"""Exports that the demo's people get by themselves."""

from console.actions import export_schedule
from simulator.demo.world import World


def build(world: World) -> None:
    """The sales of each day and the refunds of each week of Moonlit, in the zone of its team."""
    program = world.programs["moonlit"]
    operator, admin = world.people["operator"], world.people["team-admin"]
    columns = ["number", "paid", "item", "amount", "currency", "payment", "delivery"]
    common = {"file": "xlsx", "zone": "Asia/Shanghai", "actor": operator}
    export_schedule.create(
        program, "orders", name="Paid orders of the day", query="time=paid&payment=paid", every="day", columns=columns,
        recipients=[operator, admin], **common,
    )  # fmt: skip
    columns = ["number", "started", "order", "item", "amount", "currency", "state", "reason"]
    export_schedule.create(
        program, "refunds", name="Refunds of the week", query="", every="week", columns=columns, recipients=[operator], **common
    )
