"""The newest URL check of a mini program, for the page of its delivery push, which knows no orders."""

from datetime import datetime
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from console.models import Job
from orders.models import Attempt
from orders.url_check import newest

register = template.Library()

KINDS: dict[str, str | Promise] = {
    "public": _("public"),
    "loopback": _("an address of the computer itself"),
    "link_local": _("an address of one link only"),
    "multicast": _("an address of many receivers"),
    "private": _("a private address"),
    "reserved": _("an address that is reserved or translated"),
}
STAGES: dict[str, str | Promise] = {
    "dns": _("DNS"),
    "connect": _("Connect"),
    "tls": _("TLS"),
    "first_byte": _("First byte"),
    "total": _("Total"),
}
TLS_REASONS: dict[str, str | Promise] = {
    "expired": _("The certificate has expired, so nothing was sent. Renew it."),
    "not_yet_valid": _("The certificate is not valid yet, so nothing was sent. Check its dates."),
    "self_signed": _("The certificate is signed by itself, so nothing was sent. Use one of a public certificate authority."),
    "unknown_issuer": _(
        "The issuer of the certificate is not known here, or an intermediate certificate is missing, so nothing was sent. "
        "Use one of a public certificate authority and serve the whole chain."
    ),
    "": _("There was no TLS connection: the server speaks no TLS 1.2 or newer here, or ended the handshake. Nothing was sent."),
}


@register.simple_tag
def url_check(program: Any) -> dict[str, Any]:
    """`job`, whether it is under way (`waits`), and its `panels`."""
    job = newest(program)
    waits = job is not None and job.state in {Job.State.QUEUED, Job.State.RUNNING}
    return {"job": job, "waits": waits, "panels": job.result.get("panels", []) if job else []}


@register.filter
def address_kind(kind: str) -> str | Promise:
    """The kind of an address in words."""
    return KINDS.get(kind, KINDS["reserved"])


@register.filter
def stages(durations: dict[str, float]) -> list[tuple[str | Promise, float]]:
    """The stages with their times, in order."""
    return [(label, durations[name]) for name, label in STAGES.items() if name in durations]


@register.filter
def tls_reason(panel: dict[str, Any]) -> str | Promise:
    """Why the TLS connection of a check did not come about."""
    fault = panel["tls_fault"]
    if fault == "wrong_name":
        names = ", ".join(next((each.get("names", []) for each in panel["certificates"]), [])) or "–"
        text = gettext("The certificate is not for this host, so nothing was sent. It is for: %(names)s.")
        return text % {"names": names}
    reason = gettext("The certificate cannot be verified, so nothing was sent. OpenSSL says: %(reason)s.")
    return TLS_REASONS.get(fault) or reason % {"reason": fault}


@register.filter
def moment(text: str) -> datetime:
    """A time that was kept as text."""
    return datetime.fromisoformat(text)


@register.filter
def understood(panel: dict[str, Any]) -> bool:
    """Whether an answer came that has a returnCode."""
    return panel["outcome"] in {Attempt.Outcome.ACKNOWLEDGED, Attempt.Outcome.REFUSED}
