"""What openServer asks this app: may this item be bought, and at which price (docs/items.md, "What is sold")."""

from typing import NamedTuple

from items.models import Item

LIVE, SANDBOX = 0, 1


class Sellable(NamedTuple):
    """What an order is checked against; `price` is one unit in minor units of `currency`."""

    name: str
    price: int
    currency: str


def find_sellable(program_id: int, product_id: str, env: int) -> Sellable | None:
    """The live copy of an item on sale (env 0), or the draft of an existing item (env 1, to try it before its release).

    None when there is no such item, or none that may be bought. `product_id` is compared with its case.
    """
    rows = Item.objects.filter(mini_program_id=program_id, product_id=product_id)
    if env == LIVE:
        found = rows.on_sale().values_list("live_name", "live_price", "live_currency").first()
    elif env == SANDBOX:
        found = rows.existing().values_list("name", "price", "currency").first()
    else:
        return None
    return Sellable(*found) if found else None
