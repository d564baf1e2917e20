"""Virtual items and their images."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from console.errors import Refused
from console.lifecycle import state_check
from console.models import TeamOwnedQuerySet, User
from items.models.imports import Import
from payments.models import ProgramOwned, reason_given

PRICE_MINIMUM, PRICE_MAXIMUM = 1, 99_999_999
PRODUCT_ID = RegexValidator(r"\A[A-Za-z0-9_-]{1,64}\Z", _("Use 1 to 64 letters, digits, hyphens and underscores."))


def hash_content(content: Sequence[Any]) -> str:
    """SHA-256 (hex) over the values of `Item.CONTENT`, for those who have no instance."""
    return hashlib.sha256(_encoded(content).encode()).hexdigest()


_encoded = json.JSONEncoder(ensure_ascii=False).encode


class ItemImage(ProgramOwned):
    """A picture, re-encoded on upload and kept once per mini program and content."""

    sha256 = models.CharField(max_length=64)
    file = models.ImageField(upload_to="items/%Y/%m/", width_field="width", height_field="height")
    thumbnail = models.ImageField(upload_to="items/%Y/%m/")
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mini_program", "sha256"], name="image_once")]

    def __str__(self) -> str:
        return self.sha256[:12]


class ItemQuerySet(TeamOwnedQuerySet):
    def existing(self) -> "ItemQuerySet":
        """Items that were not deleted."""
        return self.exclude(state=Item.State.DELETED)

    def on_sale(self) -> "ItemQuerySet":
        """Items whose live copy can be bought."""
        return self.filter(on_sale=True)


class Item(ProgramOwned):
    """One virtual item. The unprefixed fields are the draft; `live_*` is what orders are checked against while `on_sale`.

    `state` is where the draft stands in review. The live copy stays on sale while a changed draft is edited, reviewed or
    rejected; only remove and take down end the sale.
    """

    class State(models.TextChoices):
        UNRELEASED = "unreleased", _("Unreleased")
        UNDER_REVIEW = "under_review", _("Under review")
        RELEASED = "released", _("Released")
        REJECTED = "rejected", _("Rejected")
        REMOVED = "removed", _("Removed")
        TAKEN_DOWN = "taken_down", _("Taken down")
        DELETED = "deleted", _("Deleted")

    class Part(models.TextChoices):
        """What a reason can be about; values are fields of the form."""

        PRODUCT_ID = "product_id", _("Item ID")
        NAME = "name", _("Name")
        PRICE = "price", _("Price")
        IMAGE = "image", _("Image")
        DESCRIPTION = "description", _("Description")

    CONTENT = ("product_id", "name", "price", "currency", "image_id", "description")

    product_id = models.CharField(_("item ID"), max_length=64, validators=[PRODUCT_ID])
    state = FSMField(choices=State.choices, default=State.UNRELEASED, protected=True)
    name = models.CharField(_("name"), max_length=64)
    price = models.PositiveIntegerField(
        _("price"),
        help_text="Minor units of `currency`.",
        validators=[MinValueValidator(PRICE_MINIMUM), MaxValueValidator(PRICE_MAXIMUM)],
    )
    currency = models.CharField(_("currency"), max_length=3)
    image = models.ForeignKey(ItemImage, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    description = models.CharField(_("description"), max_length=1024, blank=True, default="")
    draft_hash = models.CharField(max_length=64, editable=False)
    on_sale = models.BooleanField(default=False)
    needs_review = models.BooleanField(default=False, help_text="Taken down by the superapp: reviewed next time even if exempt.")
    unreviewed = models.BooleanField(
        default=False, db_default=False, help_text="The live copy was released under an exemption, without review."
    )
    live_name = models.CharField(max_length=64, blank=True, default="")
    live_price = models.PositiveIntegerField(null=True)
    live_currency = models.CharField(max_length=3, blank=True, default="")
    live_image = models.ForeignKey(ItemImage, null=True, on_delete=models.PROTECT, related_name="+")
    live_description = models.CharField(max_length=1024, blank=True, default="")
    live_hash = models.CharField(max_length=64, blank=True, default="")
    released_at = models.DateTimeField(null=True)
    last_reason = models.CharField(
        max_length=500, blank=True, default="", help_text="Why the last release was rejected or the item taken down."
    )
    reason_part = models.CharField(
        max_length=20, choices=Part.choices, blank=True, default="", db_default="", help_text="What `last_reason` is about."
    )
    looked_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Who looked at what was released without review."
    )
    looked_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1, help_text="Counts edits, so that a stale form is noticed.")
    created_at = models.DateTimeField(default=timezone.now)
    edited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    edited_at = models.DateTimeField(default=timezone.now)
    last_import = models.ForeignKey(Import, null=True, on_delete=models.SET_NULL, related_name="items")

    objects = ItemQuerySet.as_manager()

    class Meta:
        constraints = [
            # Deleted items stay as tombstones, so an id is never free again.
            models.UniqueConstraint(fields=["mini_program", "product_id"], name="product_id_once"),
            # Unique in any case. It makes what is sold a part of the key that an order locks: on PostgreSQL a release waits for
            # the orders under way, and an order for the release; edits hold up neither (docs/items.md, "Two copies").
            models.UniqueConstraint(
                fields=["mini_program", "id", "on_sale", "live_price", "live_currency"], name="live_copy_is_key"
            ),
            state_check(
                "state",
                ["unreleased", "under_review", "released", "rejected", "removed", "taken_down", "deleted"],
                name="item_state_known",
            ),
            models.CheckConstraint(condition=Q(price__gte=PRICE_MINIMUM, price__lte=PRICE_MAXIMUM), name="item_price_range"),
            models.CheckConstraint(
                condition=Q(on_sale=False)
                | (Q(live_price__gte=PRICE_MINIMUM) & Q(state__in=["released", "under_review", "rejected"])),
                name="item_on_sale_has_live_copy",
            ),
        ]
        indexes = [
            models.Index(fields=["mini_program", "-edited_at", "-id"], name="item_by_edit"),
            models.Index(fields=["superapp", "-released_at", "-id"], condition=Q(on_sale=True), name="item_on_sale"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.product_id})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The hash always fits the draft."""
        self.draft_hash = self.content_hash()
        super().save(*args, **kwargs)

    def content_hash(self) -> str:
        """SHA-256 (hex) over the draft; what a reviewer was shown is bound to it."""
        return hash_content([getattr(self, field) for field in self.CONTENT])

    @property
    def has_unreleased_changes(self) -> bool:
        """On sale with a draft that differs from the live copy."""
        return self.on_sale and self.draft_hash != self.live_hash

    @property
    def has_other_live_price(self) -> bool:
        """On sale at another price, or in another currency, than the draft's."""
        return self.on_sale and (self.price, self.currency) != (self.live_price, self.live_currency)

    def go_live(self, *, unreviewed: bool) -> None:
        """Copy the draft over the live copy and put it on sale."""
        self.unreviewed = unreviewed
        self.live_name, self.live_price, self.live_currency = self.name, self.price, self.currency
        self.live_image_id, self.live_description, self.live_hash = self.image_id, self.description, self.draft_hash
        self.on_sale, self.released_at, self.needs_review = True, timezone.now(), False
        self.last_reason, self.reason_part, self.looked_by, self.looked_at = "", "", None, None

    @transition(
        field=state,
        source=[State.UNRELEASED, State.REJECTED, State.REMOVED, State.TAKEN_DOWN, State.RELEASED],
        target=State.UNDER_REVIEW,
        permission="items.submit_release",
        custom={"label": _("Submit for release"), "verb": "items.release.submit"},
    )
    def submit(self, *, actor: User, message: str = "") -> None:
        """Into review. A released item is submitted only when its draft changed."""
        if self.state == self.State.RELEASED and not self.has_unreleased_changes:
            raise Refused(str(_("“%s” is on sale as it is: there is nothing new to release.") % self))

    @transition(
        field=state,
        source=[State.UNRELEASED, State.REJECTED, State.REMOVED, State.RELEASED],
        target=State.RELEASED,
        permission="items.submit_release",
        custom={"label": _("Release"), "verb": "items.release.auto_approve"},
    )
    def release_exempt(self, *, actor: User, message: str = "") -> None:
        """Released without review under an exemption; the action has checked it under lock."""
        self.go_live(unreviewed=True)

    @transition(
        field=state,
        source=State.UNDER_REVIEW,
        target=State.RELEASED,
        permission="payments.decide",
        custom={"label": _("Approve"), "verb": "items.release.approve"},
    )
    def approve(self, *, actor: User) -> None:
        """The reviewed content is the draft, which is frozen while under review."""
        self.go_live(unreviewed=False)

    @transition(
        field=state,
        source=State.UNDER_REVIEW,
        target=State.REJECTED,
        permission="payments.decide",
        custom={"label": _("Reject"), "verb": "items.release.reject"},
    )
    def reject(self, *, actor: User, reason: str, part: str = "") -> None:
        """The draft may be mended; a live copy stays on sale."""
        self.last_reason, self.reason_part = reason_given(reason), part if part in self.Part.values else ""

    @transition(
        field=state,
        source=State.UNDER_REVIEW,
        target=State.UNRELEASED,
        permission="items.submit_release",
        custom={"label": _("Withdraw"), "verb": "items.release.withdraw"},
    )
    def withdraw(self, *, actor: User) -> None:
        """Back to a draft that was never on sale."""
        if self.on_sale:
            raise Refused(str(_("“%s” is on sale; withdraw its changes instead.") % self))

    @transition(
        field=state,
        source=State.UNDER_REVIEW,
        target=State.RELEASED,
        permission="items.submit_release",
        custom={"label": _("Withdraw changes"), "verb": "items.release.withdraw_changes"},
    )
    def withdraw_changes(self, *, actor: User) -> None:
        """Back to released with changes not released; the live copy was on sale all the time."""
        if not self.on_sale:
            raise Refused(str(_("“%s” is not on sale; withdraw its release request instead.") % self))

    @transition(
        field=state,
        source=[State.RELEASED, State.REJECTED],
        target=State.REMOVED,
        permission="items.remove_item",
        custom={"label": _("Remove from sale"), "verb": "items.item.remove"},
    )
    def remove(self, *, actor: User) -> None:
        """The team ends the sale."""
        self._end_sale()

    @transition(
        field=state,
        source=[State.RELEASED, State.REJECTED, State.UNDER_REVIEW],
        target=State.TAKEN_DOWN,
        permission="payments.intervene",
        custom={"label": _("Take down"), "verb": "items.item.take_down"},
    )
    def take_down(self, *, actor: User, reason: str) -> None:
        """The superapp ends the sale; the next release is reviewed even under an exemption."""
        self._end_sale()
        self.last_reason, self.reason_part, self.needs_review = reason_given(reason), "", True

    @transition(
        field=state,
        source=[State.UNRELEASED, State.REJECTED, State.REMOVED, State.TAKEN_DOWN],
        target=State.DELETED,
        permission="items.remove_item",
        custom={"label": _("Delete"), "verb": "items.item.delete"},
    )
    def delete_item(self, *, actor: User) -> None:
        """Gone from the list for ever; the row stays as a tombstone so that the id is never used again."""
        if self.on_sale:
            raise Refused(str(_("“%s” is on sale. Remove it from sale first.") % self))

    def _end_sale(self) -> None:
        if not self.on_sale:
            raise Refused(str(_("“%s” is not on sale.") % self))
        self.on_sale = False
