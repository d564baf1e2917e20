"""The peers of the import: what one would write or install instead (bench/README.md)."""

import io
from decimal import Decimal
from typing import Any

import openpyxl
from django.db import transaction
from import_export import fields, resources
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from tablib import Dataset

from console.models import MiniProgram, User
from items.forms import ItemForm
from items.models import Item
from payments.models import owners_of

PEER_ROWS = 1_000
HEAD = ("product_id", "name", "price", "description")


def openpyxl_rows(content: bytes) -> list[tuple[Any, ...]]:
    """The cells as openpyxl reads them."""
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    if not isinstance(sheet, ReadOnlyWorksheet):
        raise TypeError(type(sheet))
    return list(sheet.iter_rows(min_row=3, max_col=5, values_only=True))


def by_forms(program: MiniProgram, actor: User, content: bytes) -> None:
    """What one writes first: openpyxl, a form a row, bulk_create and bulk_update. Without audit and differences."""
    known = {item.product_id: item for item in Item.objects.filter(mini_program=program)}
    new = []
    for product_id, name, price, description, _image in openpyxl_rows(content):
        item = known.get(product_id)
        data = {"product_id": product_id, "name": name, "price": str(price), "description": description or "", "version": "1"}
        form = ItemForm(data, program=program, currency="USD", item=item)
        if not form.is_valid():
            raise RuntimeError(form.errors)
        if item is None:
            item = Item(**owners_of(program), product_id=product_id, currency="USD", edited_by=actor)
            new.append(item)
        for key in ("name", "price", "description"):
            setattr(item, key, form.cleaned_data[key])
        item.draft_hash = item.content_hash()
    with transaction.atomic():
        Item.objects.bulk_create(new, batch_size=1_000)
        Item.objects.bulk_update(known.values(), ["name", "price", "description", "draft_hash"], batch_size=100)


class ItemResource(resources.ModelResource):
    """django-import-export as its documentation shows it, for the items of one mini program. Without audit."""

    price = fields.Field("price", "price")

    class Meta:
        model = Item
        fields = HEAD
        import_id_fields = ("product_id",)
        use_transactions = True

    def __init__(self, program: MiniProgram, actor: User) -> None:
        super().__init__()
        self.program, self.actor = program, actor

    def get_queryset(self) -> Any:
        """The items of this mini program."""
        return Item.objects.filter(mini_program=self.program)

    def before_save_instance(self, instance: Item, row: Any, **_options: Any) -> None:
        """Whose it is, and the hash of what it holds."""
        for name, value in owners_of(self.program).items():
            setattr(instance, name, value)
        instance.currency, instance.edited_by = "USD", self.actor
        instance.draft_hash = instance.content_hash()


def by_import_export(program: MiniProgram, actor: User, content: bytes) -> None:
    """django-import-export: the preview with its differences, then the import, of the first PEER_ROWS rows."""
    lines = [(row[0], row[1], int(Decimal(str(row[2])) * 100), row[3] or "") for row in openpyxl_rows(content)[:PEER_ROWS]]
    for is_preview in (True, False):
        found = ItemResource(program, actor).import_data(Dataset(*lines, headers=HEAD), dry_run=is_preview, raise_errors=True)
        if (found.totals["new"], found.totals["update"]) != (PEER_ROWS // 2, PEER_ROWS // 2):
            raise RuntimeError(found.totals)
