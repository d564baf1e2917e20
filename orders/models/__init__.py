"""Orders, refunds, and the deliveries that tell the developer's backend about them."""

from orders.models.archive import Archive, ArchivedOrder, ArchivedRefund
from orders.models.deliveries import Attempt, Delivery, DeliveryAlert, Notification
from orders.models.mismatches import PriceRefusal, Settlement
from orders.models.orders import DeliveryState, Environment, Order
from orders.models.receivers import Heartbeat, Receiver
from orders.models.reconciliations import Difference, Reconciliation
from orders.models.refunds import Refund
from orders.models.rollups import LateChange, RecentQuarter, Rollup, RollupProgress

__all__ = [
    "Archive",
    "ArchivedOrder",
    "ArchivedRefund",
    "Attempt",
    "Delivery",
    "DeliveryAlert",
    "DeliveryState",
    "Difference",
    "Environment",
    "Heartbeat",
    "LateChange",
    "Notification",
    "Order",
    "PriceRefusal",
    "Receiver",
    "RecentQuarter",
    "Reconciliation",
    "Refund",
    "Rollup",
    "RollupProgress",
    "Settlement",
]
