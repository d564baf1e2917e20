"""Orders of the last 24 hours, for pages of apps that know no orders."""

from typing import Any

from django import template

from orders.reach import Reach, last_day, total

register = template.Library()


@register.simple_tag
def last_day_orders(item: Any) -> Reach:
    """What ending the sale of this item reaches."""
    return last_day(item.mini_program_id, [item.product_id]).get(item.product_id, Reach())


@register.simple_tag
def last_day_reach(items: Any) -> dict[str, Any]:
    """`rows`: each item with its orders; `total`: of all of them. One query for each mini program."""
    by_program: dict[int, list[str]] = {}
    for item in items:
        by_program.setdefault(item.mini_program_id, []).append(item.product_id)
    found = {program: last_day(program, product_ids) for program, product_ids in by_program.items()}
    rows = [(item, found[item.mini_program_id].get(item.product_id, Reach())) for item in items]
    return {"rows": rows, "total": total(reach for _item, reach in rows)}
