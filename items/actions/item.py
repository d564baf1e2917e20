"""Add, edit, remove from sale, take down and delete virtual items (docs/items.md)."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console.audit import record, record_many
from console.errors import Refused, WrongState
from console.lifecycle import lock, move, move_many
from console.models import AuditEntry, MiniProgram, User
from console.money import MoneyError, check_price
from console.permissions import require
from console.sentences import joined
from items.actions import entries, image
from items.actions.mails import queue_take_down_mail
from items.images import Picture
from items.models import Item
from items.rules import clean_description, clean_name, clean_product_id
from items.settlement import settlement_currency
from payments.models import owners_of, reason_given


class Image(Enum):
    """What an edit does with the image when it brings no new one."""

    KEEP = "keep"
    REMOVE = "remove"


DRAFT_FIELDS = ("name", "price", "currency", "description", "image_id")


def add(
    program: MiniProgram,
    *,
    actor: User,
    product_id: str,
    name: str,
    price: int,
    currency: str,
    description: str = "",
    picture: Picture | None = None,
) -> Item:
    """A new item, not on sale. `price` in minor units of `currency`, the settlement currency of the team's effective merchant.

    Raises Invisible, Forbidden, or Refused with a sentence per field; an id that exists or was ever used is refused.
    """
    require(actor, "items.edit_item", program)
    content = checked(program, product_id=product_id, name=name, price=price, currency=currency, description=description)
    if taken := why_taken(program, content["product_id"]):
        raise Refused(product_id=taken)
    try:
        with transaction.atomic():
            kept = image.keep(program, picture, actor=actor) if picture else None
            item = Item.objects.create(**owners_of(program), **content, image=kept, edited_by=actor)
            changes = {field: [None, value] for field, value in content.items()}
            record("items.item.add", item, actor=actor, changes=changes)
    except IntegrityError:
        # Somebody added the same id between the look and the insert; the unique constraint decides.
        raise Refused(product_id=why_taken(program, content["product_id"])) from None
    return item


def edit(
    item: Item,
    *,
    actor: User,
    version: int,
    name: str,
    price: int,
    currency: str,
    description: str = "",
    picture: Picture | Image = Image.KEEP,
) -> Item:
    """Change the draft; what is on sale stays as it is until the next release. `price` in minor units of `currency`.

    `version` is the one the form was filled in from: a stale one is Refused with who changed what since. Raises WrongState while
    the item is under review, and for deleted items. Nothing changed means nothing written.
    """
    require(actor, "items.edit_item", item)
    content = checked(item.mini_program, name=name, price=price, currency=currency, description=description)
    with transaction.atomic():
        locked = lock(item)
        refuse_frozen(locked)
        if locked.version != version:
            raise Refused(changed_since(locked, version))
        before = {field: getattr(locked, field) for field in DRAFT_FIELDS}
        for field, value in content.items():
            setattr(locked, field, value)
        _set_image(locked, picture, actor=actor)
        after = {field: getattr(locked, field) for field in DRAFT_FIELDS}
        changes = {field: [before[field], after[field]] for field in DRAFT_FIELDS if before[field] != after[field]}
        return _save_edit(locked, changes, actor=actor) if changes else locked


def remove(item: Item, *, actor: User) -> Item:
    """The team ends the sale at once. Raises Invisible, Forbidden, WrongState, Refused."""
    return move(item, "remove", actor=actor)


def take_down(item: Item, *, actor: User, reason: str) -> Item:
    """The superapp ends the sale at once; an open release request of the item is closed, the next one is always reviewed."""
    require(actor, "payments.intervene", item)
    reason = reason_given(reason)
    with transaction.atomic():
        locked = lock(item)
        if locked.on_sale and locked.state == Item.State.UNDER_REVIEW:
            entries.close(locked)
        taken = move(locked, "take_down", actor=actor, reason=reason)
        queue_take_down_mail([taken], reason=reason)
    return taken


def take_down_many(items: Sequence[Item], *, actor: User, reason: str) -> list[Item]:
    """As `take_down` for many items at once, with one mail for each mini program; returns those taken down.

    What is not on sale any more is left as it is: somebody else was faster, and the sale is over all the same.
    """
    if not items:
        return []
    for item in {item.scope: item for item in items}.values():
        require(actor, "payments.intervene", item)
    reason = reason_given(reason)
    with transaction.atomic():
        rows = Item.objects.filter(pk__in=[item.pk for item in items])
        locked = [item for item in rows.select_for_update(of=("self",), no_key=True).order_by("pk") if item.on_sale]
        for item in locked:
            if item.state == Item.State.UNDER_REVIEW:
                entries.close(item)
        taken = move_many(Item.objects.filter(pk__in=[item.pk for item in locked]), "take_down", actor=actor, reason=reason)
        for program in sorted({item.mini_program_id for item in taken}):
            queue_take_down_mail([item for item in taken if item.mini_program_id == program], reason=reason)
    return taken


def look_at_many(items: Sequence[Item], *, actor: User) -> list[Item]:
    """The superapp has looked at what was released without review, and leaves it on sale; returns those that are marked now.

    Raises Invisible, Forbidden, and Refused for members of a team about its own items. Another release asks for another look.
    """
    for item in {item.scope: item for item in items}.values():
        require(actor, "payments.intervene", item)
    if actor.team_memberships.filter(team_id__in={item.team_id for item in items}).exists():
        raise Refused(_("You are a member of the team that sells one of these items, so someone else has to look at it."))
    with transaction.atomic():
        rows = Item.objects.filter(pk__in=[item.pk for item in items], looked_at=None, unreviewed=True).on_sale()
        looked = list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))
        rows.filter(pk__in=[item.pk for item in looked]).update(looked_by=actor, looked_at=timezone.now())
        record_many("items.item.look_at", looked, actor=actor, changes=[{} for _item in looked])
    return looked


def delete(item: Item, *, actor: User) -> Item:
    """Gone for ever; the row stays so that the id is never free again, and orders keep showing it."""
    return move(item, "delete_item", actor=actor)


def why_taken(program: MiniProgram, product_id: str) -> str:
    """Why this id cannot be used for a new item, or ""."""
    state = Item.objects.filter(mini_program=program, product_id=product_id).values_list("state", flat=True).first()
    if state is None:
        return ""
    if state == Item.State.DELETED:
        return _("“%s” was used by a deleted item; ids are never free again. Choose another id.") % product_id
    return _("An item with the id “%s” exists already. Choose another id, or edit that item.") % product_id


def checked(program: MiniProgram, **content: Any) -> dict[str, Any]:
    """The content as it may be stored. Raises Refused with every fault at its field."""
    cleaners: dict[str, Callable[[Any], Any]] = {
        "product_id": clean_product_id,
        "name": clean_name,
        "description": clean_description,
        "price": lambda price: check_price(price, content["currency"]),
    }
    faults: dict[str, str] = {}
    if content["currency"] != settlement_currency(program):
        message = _("The merchant's currency is not %s now. Open the form again and check the price.")
        faults["price"] = message % content["currency"]
    for field in content.keys() & cleaners.keys() - faults.keys():
        try:
            content[field] = cleaners[field](content[field])
        except ValidationError as error:
            faults[field] = error.messages[0]
        except MoneyError as error:
            faults[field] = str(error)
    if faults:
        raise Refused(**faults)
    return content


def refuse_frozen(item: Item) -> None:
    """Raise WrongState when the draft may not change now."""
    if item.state == Item.State.UNDER_REVIEW:
        raise WrongState(_("“%s” is under review, so it cannot be edited. Withdraw its release request first.") % item)
    if item.state == Item.State.DELETED:
        raise WrongState(_("“%s” was deleted; it cannot be edited any more.") % item)


def changed_since(item: Item, version: int) -> str:
    """Who changed what since this version, in one sentence each."""
    edits = AuditEntry.objects.filter(object_type=Item._meta.label_lower, object_id=str(item.pk), verb="items.item.edit")
    sentences = [
        _("%(name)s changed %(fields)s at %(time)s UTC.")
        % {"name": entry.actor_label, "fields": _field_names(entry.changes), "time": f"{entry.created_at:%Y-%m-%d %H:%M:%S}"}
        for entry in edits.order_by("-id")[:20]
        if entry.changes["version"][1] > version
    ]
    told = joined(reversed(sentences))
    return _("This item was changed since you opened the form. %s Check the values, then save again to replace them.") % told


def _field_names(changes: dict[str, Any]) -> str:
    names = {"image_id": _("image"), "currency": _("currency"), "description": _("description")}
    names |= {"name": _("the name (now “%s”)"), "price": _("the price")}
    return ", ".join(
        names[field] % changes[field][1] if "%s" in names[field] else names[field] for field in changes if field in names
    )


def _set_image(item: Item, picture: Picture | Image, *, actor: User) -> None:
    if isinstance(picture, Picture):
        item.image = image.keep(item.mini_program, picture, actor=actor)
    elif picture is Image.REMOVE:
        item.image = None


def _save_edit(item: Item, changes: dict[str, list[Any]], *, actor: User) -> Item:
    changes["version"] = [item.version, item.version + 1]
    item.version, item.edited_by, item.edited_at = item.version + 1, actor, timezone.now()
    item.save()
    record("items.item.edit", item, actor=actor, changes=changes)
    return item
