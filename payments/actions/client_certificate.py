"""The certificate that pushes show to a receiver which demands one (docs/deliveries.md, "Client certificate")."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console import secrets
from console.audit import record
from console.errors import WrongState
from console.models import MiniProgram, User
from console.permissions import require
from payments.client_certificates import read_pair
from payments.models import ClientCertificate, owners_of

MANAGE = "payments.manage_credentials"


def upload(program: MiniProgram, *, actor: User, certificate: str, key: str) -> ClientCertificate:
    """Store certificate (with its chain) and private key, both in PEM; what was there before is replaced.

    Raises Refused that names the field, Invisible, Forbidden.
    """
    require(actor, MANAGE, program)
    pair = read_pair(certificate, key)
    place = ClientCertificate(fingerprint=pair.fingerprint).sealed_binding("sealed_key")
    values = {
        "certificate_pem": pair.certificate_pem, "sealed_key": secrets.seal(pair.key_pem, bound_to=place),
        "subject": pair.subject, "fingerprint": pair.fingerprint, "not_after": pair.not_after, "uploaded_by": actor,
        "uploaded_at": timezone.now(), "reminded_days": None,
    }  # fmt: skip
    with transaction.atomic():
        before = ClientCertificate.objects.filter(mini_program=program).values_list("fingerprint", flat=True).first() or ""
        row, _made = ClientCertificate.objects.update_or_create(mini_program=program, defaults={**owners_of(program), **values})
        record("payments.client_certificate.upload", row, actor=actor, changes={"fingerprint": [before, row.fingerprint]})
    return row


def remove(program: MiniProgram, *, actor: User) -> None:
    """Push without a client certificate from now on. Raises Invisible, Forbidden, WrongState when there is none."""
    require(actor, MANAGE, program)
    with transaction.atomic():
        row = ClientCertificate.objects.select_for_update().filter(mini_program=program).first()
        if row is None:
            raise WrongState(_("There is no client certificate to remove."))
        record("payments.client_certificate.remove", row, actor=actor, changes={"fingerprint": [row.fingerprint, ""]})
        row.delete()
