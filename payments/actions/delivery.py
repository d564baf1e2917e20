"""Delivery push configuration: where pushes go. The first save also issues certificate and keys (docs/credentials.md)."""

from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Refused
from console.http import DestinationRefused, check_destination
from console.lifecycle import lock
from console.models import AuditEntry, MiniProgram, User
from console.permissions import require
from console.sentences import joined
from payments.actions import credential as credentials
from payments.models import Credential, DeliveryConfig, owners_of

VERB = "payments.delivery.configure"


class Saved(NamedTuple):
    """What a save came to. `credential` and `passphrase` are there after the first save only."""

    config: DeliveryConfig
    credential: Credential | None = None
    passphrase: str = ""


class Stale(Refused):
    """Somebody saved since the form was opened; the sentence says who changed what. `version` is the stored one."""

    def __init__(self, message: str, *, version: int) -> None:
        super().__init__(message)
        self.version = version


def configure(
    program: MiniProgram, *, actor: User, url: str, test_url: str = "", version: int = 0, request_pem: str = ""
) -> Saved:
    """Save URL and Test URL; the first save issues the credential in the same transaction.

    `version` is the one the form was opened with, 0 when nothing was stored; `request_pem` is a certificate request for the first
    save of a team that makes its private key itself. Raises Refused (a URL of a form that is not
    allowed), Stale (changed by somebody else since), Invisible, Forbidden.
    """
    require(actor, "payments.configure_delivery", program)
    _check(url=url, test_url=test_url)
    if not DeliveryConfig.objects.filter(mini_program=program).exists():
        try:
            return _first_save(program, actor=actor, url=url, test_url=test_url, request_pem=request_pem)
        except IntegrityError:
            pass  # two confirms at once: this one came second
    return _later_save(program, actor=actor, url=url, test_url=test_url, version=version)


def _check(*, url: str, test_url: str) -> None:
    errors = {}
    for name, value in (("url", url), ("test_url", test_url)):
        try:
            if value or name == "url":
                check_destination(value)
        except DestinationRefused as refused:
            errors[name] = refused.sentence
    if errors:
        raise Refused(**errors)


def _first_save(program: MiniProgram, *, actor: User, url: str, test_url: str, request_pem: str) -> Saved:
    prepared = credentials.prepare(program, request_pem=request_pem)
    with transaction.atomic():
        config = DeliveryConfig(**owners_of(program), url=url, test_url=test_url, saved_by=actor)
        config.save(force_insert=True)
        changes = {"url": ["", url], "test_url": ["", test_url], "version": [0, 1]}
        record(VERB, config, actor=actor, changes=changes)
        credential = credentials.issue(program, prepared, actor=actor)
    return Saved(config, credential, prepared.passphrase)


def _later_save(program: MiniProgram, *, actor: User, url: str, test_url: str, version: int) -> Saved:
    with transaction.atomic():
        config = lock(DeliveryConfig.objects.get(mini_program=program))
        if (config.url, config.test_url) == (url, test_url):
            return Saved(config)  # sent twice, or nothing changed
        if config.version != version:
            raise Stale(stale_sentence(config, since=version), version=config.version)
        changes = {"url": [config.url, url], "test_url": [config.test_url, test_url], "version": [version, version + 1]}
        config.url, config.test_url, config.version = url, test_url, version + 1
        config.saved_by, config.saved_at = actor, timezone.now()
        config.save(update_fields=["url", "test_url", "version", "saved_by", "saved_at"])
        record(VERB, config, actor=actor, changes=changes)
    return Saved(config)


def stale_sentence(config: DeliveryConfig, *, since: int) -> str:
    """Who saved what after version `since`, newest last, and what to do."""
    entries = AuditEntry.objects.filter(object_type=config._meta.label_lower, object_id=str(config.pk), verb=VERB)
    saves = [entry for entry in entries.order_by("-id")[:5] if entry.changes["version"][1] > since]
    said = [_said(entry) for entry in reversed(saves)]
    advice = _("What you typed is still below. Compare, then press Confirm again to replace what is stored.")
    return joined([*said, advice])


def _said(entry: AuditEntry) -> str:
    labels = {"url": _("URL"), "test_url": _("Test URL")}
    changed = [
        _("%(field)s is now “%(value)s”") % {"field": labels[name], "value": entry.changes[name][1]}
        for name in labels
        if entry.changes[name][0] != entry.changes[name][1]
    ]
    return _("%(name)s saved at %(time)s UTC, after you opened this form: %(changes)s.") % {
        "name": entry.actor_label,
        "time": f"{entry.created_at:%Y-%m-%d %H:%M:%S}",
        "changes": "; ".join(changed),
    }
