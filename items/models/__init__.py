"""Virtual items: a draft that is edited and a live copy that is sold; releases that carry one into the other."""

from items.models.imports import Import
from items.models.items import PRICE_MAXIMUM, PRICE_MINIMUM, PRODUCT_ID, Item, ItemImage, ItemQuerySet, hash_content
from items.models.releases import Release, ReleaseEntry

__all__ = [
    "Import",
    "Item",
    "ItemImage",
    "ItemQuerySet",
    "PRICE_MAXIMUM",
    "PRICE_MINIMUM",
    "PRODUCT_ID",
    "Release",
    "ReleaseEntry",
    "hash_content",
]
