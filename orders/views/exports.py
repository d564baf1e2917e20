"""Exports of the order record and the after-sales record."""

from typing import ClassVar

from console.views.exports import ListExport


class OrderExport(ListExport):
    """Orders of a mini program."""

    permission: ClassVar[str] = "orders.view_order"
    record = "orders"


class SuperappOrderExport(OrderExport):
    """Orders of all mini programs of a superapp."""


class RefundExport(ListExport):
    """Refunds of a mini program."""

    permission: ClassVar[str] = "orders.view_refund"
    record = "refunds"


class SuperappRefundExport(RefundExport):
    """Refunds of all mini programs of a superapp."""
