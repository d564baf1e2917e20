"""Certificates and AppKeys of a mini program: issue once, send the mail again, retire (docs/credentials.md).

Making RSA keys takes tenths of a second and is done before any lock is taken; what is made for nothing is thrown away.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console import secrets
from console.actions.team import require_settled_email
from console.audit import record
from console.errors import Refused, WrongState
from console.lifecycle import lock, move
from console.models import MiniProgram, User
from console.permissions import System, require
from payments import certificates
from payments.models import CertificateAuthority, Credential, CredentialMail, owners_of

AUTHORITY_NAME = "Superapp Payments client CA"
CLOCK = System("credential clock")


class Prepared(NamedTuple):
    """All that a new credential consists of, in clear and in memory only. No passphrase and PKCS#12 for a team's own key."""

    issued: certificates.Issued
    live_key: str
    sandbox_key: str
    passphrase: str
    pkcs12: bytes
    appkeys_p7m: bytes


def authority() -> certificates.Authority:
    """The platform's CA; made once, when it is first asked for: whoever comes second reads what the first one stored."""
    row = CertificateAuthority.objects.filter(name=AUTHORITY_NAME).first()
    if row is None:
        made = certificates.new_authority(AUTHORITY_NAME, timezone.now())
        sealed = secrets.seal(
            made.private_key_pem, bound_to=CertificateAuthority(name=AUTHORITY_NAME).sealed_binding("sealed_key")
        )
        fields = {"certificate_pem": made.certificate_pem.decode(), "sealed_key": sealed}
        row, _created = CertificateAuthority.objects.get_or_create(name=AUTHORITY_NAME, defaults=fields)
    key = secrets.unseal(row.sealed_key, bound_to=row.sealed_binding("sealed_key"))
    return certificates.Authority(key, row.certificate_pem.encode())


def prepare(program: MiniProgram, *, request_pem: str = "") -> Prepared:
    """Make key, certificate, AppKeys, passphrase and both attachments. Slow; stores nothing but the CA, if there was none.

    With `request_pem`, a certificate request, the team keeps its private key and gets the certificate only.
    Raises Refused: at the field `request`, or because the linked e-mail is not confirmed or new.
    """
    if program.team_id:  # the demo prepares before it stores anything
        require_settled_email(program.team)
    ca, now = authority(), datetime.now(UTC)
    issued = _certified(ca, program, request_pem, now=now)
    live, sandbox = secrets.new_app_key(), secrets.new_app_key()
    document = certificates.appkeys_document(
        app_id=program.app_id, serial_no=issued.serial_hex, issued=now, live=live, sandbox=sandbox
    )
    sealed = certificates.seal_to_certificate(document, issued.certificate_pem)
    if not issued.private_key_pem:
        return Prepared(issued, live, sandbox, "", b"", sealed)
    passphrase = secrets.new_passphrase()
    pkcs12 = certificates.pkcs12(issued.private_key_pem, issued.certificate_pem, ca.certificate_pem, passphrase)
    return Prepared(issued, live, sandbox, passphrase, pkcs12, sealed)


def _certified(ca: certificates.Authority, program: MiniProgram, request_pem: str, *, now: datetime) -> certificates.Issued:
    if not request_pem:
        return certificates.issue(ca, app_id=program.app_id, organization=program.team.name, now=now)
    request = request_pem.encode("utf-8", "replace")
    try:
        _check_new_key(program, certificates.requested_key(request))
        return certificates.issue_for_request(ca, request, app_id=program.app_id, organization=program.team.name, now=now)
    except certificates.RequestRefused as refused:
        raise Refused(request=str(refused)) from None


def _check_new_key(program: MiniProgram, key: RSAPublicKey) -> None:
    """A key that was certified before may be lost, that is why it is replaced. Raises RequestRefused."""
    known = Credential.objects.filter(mini_program=program).exclude(certificate_pem="").values_list("certificate_pem", flat=True)
    if any(certificates.public_key(pem.encode()) == key for pem in known):
        raise certificates.RequestRefused(_("This key was certified before. Make a new key, and send its certificate request."))


def issue(program: MiniProgram, prepared: Prepared, *, actor: User) -> Credential:
    """Store the credential and its mail, sealed, in the caller's transaction.

    Raises IntegrityError when the mini program has an active credential already (a unique constraint): two confirms at once
    make one credential, Refused as `prepare` does.
    """
    require(actor, "payments.manage_credentials", program)
    with transaction.atomic():
        require_settled_email(lock(program.team))  # nobody changes it while the mail is addressed
        row = Credential(**owners_of(program), issued_by=actor, serial_no=prepared.issued.serial_hex)
        row.certificate_pem = prepared.issued.certificate_pem.decode()
        row.fingerprint = certificates.fingerprint(prepared.issued.certificate_pem)
        row.own_key = not prepared.pkcs12
        row.not_before, row.not_after = prepared.issued.not_before, prepared.issued.not_after
        row.sealed_live_key = secrets.seal(prepared.live_key, bound_to=row.binding("live_key"))
        row.sealed_sandbox_key = secrets.seal(prepared.sandbox_key, bound_to=row.binding("sandbox_key"))
        row.live_key_fingerprint = secrets.fingerprint(prepared.live_key)
        row.sandbox_key_fingerprint = secrets.fingerprint(prepared.sandbox_key)
        row.save(force_insert=True)
        CredentialMail.objects.create(
            credential=row,
            recipient=program.team.linked_email,
            sealed_pkcs12=secrets.seal(prepared.pkcs12, bound_to=row.binding("pkcs12")) if prepared.pkcs12 else "",
            sealed_appkeys=secrets.seal(prepared.appkeys_p7m, bound_to=row.binding("appkeys")),
        )
        changes = {"state": [None, row.state], "serial_no": [None, row.serial_no]}
        record("payments.credential.issue", row, actor=actor, changes=changes)
    return row


def resend(credential: Credential, *, actor: User) -> CredentialMail:
    """Put a mail that no server has accepted yet in front of the queue.

    Raises WrongState once it was accepted: what it carried has been wiped, the private key exists nowhere else.
    """
    require(actor, "payments.manage_credentials", credential)
    with transaction.atomic():
        mail = lock(credential.mail)
        if mail.sent_at or not mail.sealed_appkeys:
            raise WrongState(_("The mail was accepted, and its contents were wiped then. Issue a new credential instead."))
        mail.attempts, mail.next_attempt_at = 0, timezone.now()
        mail.save(update_fields=["attempts", "next_attempt_at"])
        record("payments.credential.resend", credential, actor=actor)
    return mail


def note_accepted(mail: CredentialMail) -> None:
    """A mail server has taken the mail: wipe the attachments, so that the private key is gone from here."""
    with transaction.atomic():
        wiped = CredentialMail.objects.filter(pk=mail.pk, sent_at=None).update(
            sent_at=timezone.now(), next_attempt_at=None, last_error="", sealed_pkcs12="", sealed_appkeys=""
        )
        if wiped:
            record("payments.credential.mail", mail.credential, actor=System("mail"), note=mail.recipient)


def note_probe(credential: Credential, *, actor: User) -> None:
    """A test push signed with this credential alone was acknowledged: the receiver has its key."""
    require(actor, "payments.manage_credentials", credential)
    with transaction.atomic():
        Credential.objects.filter(pk=credential.pk).update(probed_at=timezone.now())
        record("payments.credential.probe", credential, actor=actor)


def retire_ended() -> int:
    """Retire the credentials whose overlap is over; returns how many. Safe to run twice at once."""
    ended = Credential.objects.filter(state=Credential.State.OVERLAPPING, overlaps_until__lte=timezone.now())
    return sum(_retire(row) for row in ended[:500])


def _retire(row: Credential) -> int:
    try:
        move(row, "retire", actor=CLOCK)
    except WrongState:  # another worker, or somebody revoked it
        return 0
    return 1
