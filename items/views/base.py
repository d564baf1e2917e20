"""What the pages of one item share."""

from typing import Any

from django.urls import reverse

from console.errors import Invisible
from console.views.base import ConsoleView
from items.models import Item


class ItemPage(ConsoleView):
    """A page about the item that the URL names; deleted ones stay visible, because orders point to them."""

    item: Item

    def find_container(self, *, product_id: str = "", **names: Any) -> None:
        """The mini program, then its item. Raises Invisible."""
        super().find_container(**names)
        rows = Item.objects.select_related("image", "live_image", "edited_by", "mini_program")
        try:
            self.item = rows.get(mini_program=self.mini_program, product_id=product_id)
        except Item.DoesNotExist:
            raise Invisible from None

    def context(self, **more: Any) -> dict[str, Any]:
        """The item and its address."""
        return super().context(item=self.item, item_url=self.item_url(), **more)

    def item_url(self, page: str = "items:detail") -> str:
        """A page of this item."""
        app_id, product_id = self.item.mini_program.app_id, self.item.product_id
        if page == "items:release-submit":
            return reverse(page, kwargs={"app_id": app_id}) + f"?ids={product_id}"
        return reverse(page, kwargs={"app_id": app_id, "product_id": product_id})
