"""Orders of the last 24 hours, for pages of apps that know no orders."""

from typing import Any

from django import template

from orders.reach import Reach, last_day

register = template.Library()


@register.simple_tag
def last_day_orders(item: Any) -> Reach:
    """What ending the sale of this item reaches."""
    return last_day(item.mini_program_id, [item.product_id]).get(item.product_id, Reach())
