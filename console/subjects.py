"""What an audit entry is about, in the reader's language.

An entry keeps the words of the moment it was written, and nothing may change them. So only the name is taken from its label; the
word for the kind comes from `object_type` when it is read.
"""

from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

#: The kinds of objects that entries are about, by "app.model".
KINDS: dict[str, str | Promise] = {
    "console.exportschedule": _("Scheduled export"),
    "console.invitation": _("Invitation"),
    "console.job": _("Job"),
    "console.miniprogram": _("Mini program"),
    "console.savedview": _("View of a list"),
    "console.superapp": _("Superapp"),
    "console.superappmembership": _("Member"),
    "console.team": _("Team"),
    "console.teammembership": _("Member"),
    "console.teamrole": _("Role"),
    "console.linkedemailchange": _("Linked e-mail"),
    "console.user": _("User"),
    "items.import": _("Import"),
    "items.item": _("Item"),
    "items.release": _("Item release"),
    "items.releaseentry": _("Item release"),
    "orders.archive": _("Archive of orders"),
    "orders.delivery": _("Delivery"),
    "orders.order": _("Order"),
    "orders.refund": _("Refund"),
    "payments.clientcertificate": _("Client certificate"),
    "payments.credential": _("Certificate and AppKeys"),
    "payments.deliveryconfig": _("Delivery push"),
    "payments.exemptionrequest": _("Approval exemption"),
    "payments.merchant": _("Merchant"),
    "payments.merchantbinding": _("Merchant binding"),
    "payments.paymentrequest": _("Payment permission"),
}
BETWEEN = " · "


def _after(label: str) -> str:
    return label.partition(BETWEEN)[2]


def _before(label: str) -> str:
    return label.rpartition(BETWEEN)[0]


#: Labels that hold more than the name: words of the kind before it, a role behind it, the event of a delivery.
NAMES: dict[str, Callable[[str], str]] = {
    "console.superappmembership": _before,
    "console.teammembership": _before,
    "items.release": _after,
    "orders.delivery": lambda label: label.rpartition(" ")[2],
    "payments.deliveryconfig": lambda label: label.removesuffix(" delivery push"),
    "payments.exemptionrequest": _after,
    "payments.merchantbinding": _after,
    "payments.paymentrequest": _after,
}


def name_of(kind: str, label: str) -> str:
    """The name alone, for a sentence whose verb says the kind; `kind` and `label` are `object_type` and `object_label`."""
    return (NAMES[kind](label) if kind in NAMES else "") or label


def subject_of(kind: str, label: str) -> str:
    """The kind and the name."""
    if kind not in KINDS:
        return label
    return _now("%(kind)s · %(name)s") % {"kind": KINDS[kind], "name": name_of(kind, label)}


#: The fields of `changes` whose model gives them no word of their own.
FIELDS: dict[str, str | Promise] = {
    "ceiling_currency": _("Currency of the price ceiling"),
    "currency": _("Currency"),
    "description": _("Description"),
    "enabled": _("Delivery push"),
    "every": _("How often"),
    "fingerprint": _("Fingerprint"),
    "image_id": _("Number of the image"),
    "is_active": _("Can sign in"),
    "items": _("Items"),
    "items_per_day": _("Items a day"),
    "last_day": _("Last day"),
    "linked_email": _("Linked e-mail"),
    "merchant": _("Merchant ID"),
    "mode": _("Mode"),
    "name": _("Name"),
    "next_secret_key": _("Next secret key"),
    "open": _("In force"),
    "permissions": _("Permissions"),
    "platform_role": _("Role on the platform"),
    "previous_key_until": _("Previous key accepted until"),
    "price": _("Price in minor units"),
    "price_ceiling": _("Price ceiling in minor units"),
    "product_id": _("Item ID"),
    "query": _("Filters"),
    "recipients": _("Recipients"),
    "record": _("List"),
    "role": _("Role"),
    "secret_key": _("Secret key"),
    "serial_no": _("Serial number"),
    "state": _("State"),
    "test_url": _("Test URL"),
    "url": _("URL"),
    "version": _("Version"),
    "zone": _("Time zone"),
}
