"""The peers of the exports: what one would write or install instead (bench/README.md). Each takes the first PEER_ROWS rows."""

import csv
import io
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import rustpy_xlsxwriter
import xlsxwriter
from django.db.models import QuerySet
from django.utils import timezone
from import_export import fields, resources
from openpyxl import Workbook

from console.columns import mask
from console.export_formats import guarded
from console.filters import months_before, start_of
from console.models import Superapp
from console.money import to_major
from orders.models import Order

PEER_ROWS = 20_000


def rows(place: Superapp) -> QuerySet[Order]:
    """The paid orders of the last twelve months."""
    since = start_of(months_before(timezone.localdate(), 12))
    found = Order.objects.filter(superapp=place, payment_state="paid", created_at__gte=since)
    return found.select_related("mini_program").order_by("-created_at", "-id")[:PEER_ROWS]


def cells(order: Order) -> list[Any]:
    """The same cells as the export's."""
    return [
        guarded(order.out_trade_no), guarded(order.mini_program.name), guarded(order.product_name), guarded(order.product_id),
        to_major(order.amount, order.currency), order.amount, order.get_payment_state_display(),
        order.get_delivery_state_display(), order.get_refund_state_display(), mask(order.open_id), order.get_env_display(),
        _local(order.created_at), _local(order.paid_at), order.quantity, to_major(order.paid_amount, order.currency),
        order.paid_amount, to_major(-order.refunded_amount, order.currency), -order.refunded_amount, order.get_kind_display(),
    ]  # fmt: skip


def _local(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def all_cells(place: Superapp) -> Iterator[list[Any]]:
    """From model instances, a chunk at a time."""
    return map(cells, rows(place).iterator())


def by_csv(place: Superapp) -> None:
    """The csv module."""
    with open(os.devnull, "w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(all_cells(place))


def by_xlsxwriter(place: Superapp) -> None:
    """XlsxWriter in constant memory."""
    book = xlsxwriter.Workbook(io.BytesIO(), {"constant_memory": True})
    sheet = book.add_worksheet()
    for number, line in enumerate(all_cells(place)):
        sheet.write_row(number, 0, line)
    book.close()


def by_openpyxl(place: Superapp) -> None:
    """openpyxl, write-only."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in all_cells(place):
        sheet.append(line)
    book.save(io.BytesIO())


class OrderResource(resources.ModelResource):
    """django-import-export as its documentation shows it."""

    program = fields.Field("mini_program__name")

    class Meta:
        model = Order
        fields = (
            "out_trade_no", "program", "product_name", "product_id", "amount", "payment_state", "delivery_state", "refund_state",
            "open_id", "env", "created_at", "paid_at", "quantity", "paid_amount", "refunded_amount", "kind",
        )  # fmt: skip


def by_rust(place: Superapp) -> None:
    """A writer in Rust, fed with plain values: no model instances, no words, no guard, no major units."""
    names = ("mini_program__name", *(name for name in OrderResource.Meta.fields if name != "program"))
    rustpy_xlsxwriter.write_worksheet(map(_naive, rows(place).values(*names).iterator()), io.BytesIO())


def _naive(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("created_at", "paid_at"):
        row[name] = timezone.make_naive(row[name]) if row[name] else None
    return row


def by_import_export(place: Superapp, file: str) -> None:
    """django-import-export; `file` is csv or xlsx."""
    OrderResource().export(queryset=rows(place)).export(file)
