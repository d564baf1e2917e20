"""What waits for the delivery push of a mini program, for its page, which knows no orders."""

from typing import Any

from django import template
from django.db.models import Count, Q

from console.permissions import can
from orders.models import Delivery, DeliveryState
from orders.redelivery import PERMISSION, failed

register = template.Library()


@register.simple_tag
def waiting_pushes(program: Any, actor: Any) -> dict[str, Any]:
    """How many events failed and wait (`failed`) or are held, live and sandbox; whether the reader may redeliver."""
    held = Delivery.objects.filter(mini_program=program, state=DeliveryState.HELD)
    counts = held.aggregate(live=Count("pk", filter=Q(env=0)), sandbox=Count("pk", filter=Q(env=1)))
    return {"failed": failed(program).count(), "may_redeliver": can(actor, PERMISSION, program), **counts}
