"""The mail that carries a credential; identical each time it is built (docs/credentials.md)."""

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils.translation import override

from console import secrets
from console.mail import StableMail
from payments import certificates
from payments.models import CredentialMail

#: The language of a team's mailbox is nobody's in particular; the mail must also not change between attempts.
LANGUAGE = "en"


def credential_message(mail: CredentialMail) -> EmailMessage:
    """The mail with both attachments, as it was the first time. Raises SecretError when they are wiped or altered."""
    credential = mail.credential
    context = {
        "credential": credential,
        "program": credential.mini_program,
        "team": credential.team,
        "commands": certificates.opening_own_key() if credential.own_key else certificates.opening_instructions(),
    }
    with override(LANGUAGE):
        subject = render_to_string("payments/mail/credential_subject.txt", context)
        body = render_to_string("payments/mail/credential.txt", context)
    message = StableMail(
        key=f"credential-{credential.serial_no}",
        date=credential.issued_at,
        subject=" ".join(subject.split()),
        body=body,
        to=[mail.recipient],
    )
    if credential.own_key:
        message.attach(certificates.CERTIFICATE_FILE, credential.certificate_pem.encode(), "application/x-pem-file")
    else:
        pkcs12 = secrets.unseal(mail.sealed_pkcs12, bound_to=credential.binding("pkcs12"))
        message.attach(certificates.CREDENTIAL_FILE, pkcs12, "application/x-pkcs12")
    appkeys = secrets.unseal(mail.sealed_appkeys, bound_to=credential.binding("appkeys"))
    message.attach(certificates.APP_KEYS_FILE, appkeys, "application/pkcs7-mime")
    return message
