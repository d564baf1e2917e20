"""What a check found to do and an applied import did: its rows with names. `Import.plan` holds them as JSON, a list a row."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from items.models import Import


class Addition(NamedTuple):
    """A row that becomes a new item. `price` is minor units of the import's currency, `image` a SHA-256 or ""."""

    row: int
    product_id: str
    name: str
    price: int
    description: str
    image: str


class Change(NamedTuple):
    """A row that changes the item `pk`, which had this version at the check. `fields` are [old, new] of each that differs."""

    row: int
    pk: int
    version: int
    product_id: str
    fields: dict[str, list[Any]]


@dataclass
class Plan:
    """`pictures` are the names in the .zip of the images that the rows name, by SHA-256."""

    new: list[Addition] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Import) -> "Plan":
        """The plan of an import, with one query.

        Read beside the row and not through it: a plan is megabytes, and save() writes every column that was read.
        """
        stored = Import.objects.values_list("plan", flat=True).get(pk=run.pk)
        return cls(
            [Addition(*row) for row in stored.get("new", [])],
            [Change(*row) for row in stored.get("changed", [])],
            stored.get("pictures", {}),
        )

    @property
    def images(self) -> set[str]:
        """SHA-256 of all images that items get."""
        changed = {change.fields["image"][1] for change in self.changed if "image" in change.fields}
        return {addition.image for addition in self.new} | changed

    @property
    def old_images(self) -> set[str]:
        """SHA-256 of all images that changed items had."""
        return {change.fields["image"][0] for change in self.changed if "image" in change.fields}

    def stored(self) -> dict[str, Any]:
        """The value of `Import.plan`."""
        return {"new": self.new, "changed": self.changed, "pictures": self.pictures}
