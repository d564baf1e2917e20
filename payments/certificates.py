"""Certificates and sealed keys that are e-mailed to a team (docs/domain.md, section 7). Pure functions: no rows, no mail.

`credential.p12` holds the RSA key, its certificate and the platform's CA under a machine-made passphrase; `appkeys.p7m` holds the
AppKeys, sealed to that certificate. So the mail alone is worthless, and the passphrase alone too.

appkeys.p7m uses RSA with PKCS#1 v1.5 padding, because `cryptography` builds no other envelope. That padding is unsafe only
where somebody answers many chosen messages with "padding wrong": nobody does here, the file is opened once, by its owner.
"""

import datetime
import json
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.hazmat.primitives.serialization import pkcs12 as pkcs12_format
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils.translation import gettext as _

KEY_BITS = 3072
CREDENTIAL_DAYS = 730
AUTHORITY_DAYS = 3650
BACKDATED = datetime.timedelta(minutes=5)  # the receiver's clock may be behind ours
# The passphrase has 128 bits by itself; this many rounds cost a stolen file's finder and nobody else.
KDF_ROUNDS = 50_000
MAX_NAME = 64  # characters; X.520's bound for a common name

#: Keys that teams make themselves: shorter ones are broken sooner, longer ones only cost time.
MIN_KEY_BITS, MAX_KEY_BITS = 2048, 8192

CREDENTIAL_FILE, APP_KEYS_FILE, CERTIFICATE_FILE = "credential.p12", "appkeys.p7m", "certificate.pem"


class RequestRefused(ValueError):
    """A certificate request that no certificate is made for; the sentence says why and what to do."""


class Authority(NamedTuple):
    """The platform's CA, both in PEM. The private key goes through console.secrets before it is stored."""

    private_key_pem: bytes
    certificate_pem: bytes


class Issued(NamedTuple):
    """A key (`b""` when it stays with the team) and its certificate, in PEM.

    The serial number in upper-case hexadecimal; times in UTC.
    """

    private_key_pem: bytes
    certificate_pem: bytes
    serial_hex: str
    not_before: datetime.datetime
    not_after: datetime.datetime


def new_authority(name: str, now: datetime.datetime) -> Authority:
    """Return a new self-signed CA, RSA-3072, ten years from `now` (aware)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:MAX_NAME])])
    builder = _builder(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    return Authority(_key_pem(key), builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def issue(authority: Authority, *, app_id: str, organization: str, now: datetime.datetime, days: int = CREDENTIAL_DAYS) -> Issued:
    """Return a new RSA-3072 key and a certificate for client authentication, signed by `authority`.

    The common name is the mini program's `app_id`, the organization the team's name. `now` is aware. Takes a few tenths of a
    second: not for a hot path.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    certificate = _sign(authority, key.public_key(), app_id=app_id, organization=organization, now=now, days=days)
    return _issued(certificate, _key_pem(key))


def issue_for_request(
    authority: Authority, request_pem: bytes, *, app_id: str, organization: str, now: datetime.datetime
) -> Issued:
    """Return a certificate for the key of a certificate request (CSR); the private key stays with the team: `b""`.

    Taken from the request is the key alone: names and extensions are ours. Raises RequestRefused.
    """
    key = requested_key(request_pem)
    return _issued(_sign(authority, key, app_id=app_id, organization=organization, now=now, days=CREDENTIAL_DAYS), b"")


def requested_key(request_pem: bytes) -> rsa.RSAPublicKey:
    """Return the RSA key of a certificate request in PEM that was signed with it. Raises RequestRefused with a sentence."""
    if b"PRIVATE KEY" in request_pem:
        raise RequestRefused(_("This holds a private key. Treat it as lost: make a new key, and send its certificate request."))
    try:
        request = x509.load_pem_x509_csr(request_pem)
        key, signed = request.public_key(), request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise RequestRefused(
            _("This is no certificate request in PEM. It begins with “-----BEGIN CERTIFICATE REQUEST-----”.")
        ) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise RequestRefused(_("The key of the request is not RSA. Make an RSA key of 3072 bits and a request for it."))
    if not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise RequestRefused(
            _("The key of the request has %(bits)d bits; it has to have %(least)d to %(most)d. Make a longer or shorter one.")
            % {"bits": key.key_size, "least": MIN_KEY_BITS, "most": MAX_KEY_BITS}
        )
    if not signed:
        raise RequestRefused(_("The request is not signed with its own key. It was changed or cut; make it again."))
    return key


def serial_hex(certificate: x509.Certificate) -> str:
    """Return the serial number as the console and the Authorization header show it: upper-case hexadecimal, whole bytes.

    The same digits that `openssl x509 -serial` prints.
    """
    digits = f"{certificate.serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def fingerprint(certificate_pem: bytes) -> str:
    """Return the certificate's SHA-256 as `openssl x509 -fingerprint -sha256` prints it: upper-case pairs with colons."""
    return x509.load_pem_x509_certificate(certificate_pem).fingerprint(hashes.SHA256()).hex(":").upper()


def public_key(certificate_pem: bytes) -> rsa.RSAPublicKey:
    """Return the certificate's RSA key. Raises ValueError for another kind of key."""
    key = x509.load_pem_x509_certificate(certificate_pem).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("The certificate's key is not RSA.")
    return key


def pkcs12(private_key_pem: bytes, certificate_pem: bytes, ca_pem: bytes, passphrase: str) -> bytes:
    """Return `credential.p12`: AES-256-CBC (PBES2) with a SHA-256 MAC, which OpenSSL 1.1.1 and 3 both open."""
    encryption = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(KDF_ROUNDS)
        .key_cert_algorithm(pkcs12_format.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(passphrase.encode("ascii"))
    )
    certificate, authority = (x509.load_pem_x509_certificate(pem) for pem in (certificate_pem, ca_pem))
    name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return pkcs12_format.serialize_key_and_certificates(
        str(name).encode(), _load_key(private_key_pem), certificate, [authority], encryption
    )


def seal_to_certificate(data: bytes, certificate_pem: bytes) -> bytes:
    """Return `data` as CMS enveloped data (DER), AES-256-CBC, for the holder of the certificate's key only."""
    return (
        pkcs7.PKCS7EnvelopeBuilder()
        .set_data(data)
        .add_recipient(x509.load_pem_x509_certificate(certificate_pem))
        .set_content_encryption_algorithm(algorithms.AES256)
        .encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )


def open_sealed(p7m: bytes, private_key_pem: bytes, certificate_pem: bytes) -> bytes:
    """Return what `seal_to_certificate` sealed. Raises ValueError when it is not for this key or was damaged."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return pkcs7.pkcs7_decrypt_der(p7m, certificate, _load_key(private_key_pem), [])


def appkeys_document(*, app_id: str, serial_no: str, issued: datetime.datetime, live: str, sandbox: str) -> bytes:
    """Return the content of appkeys.p7m: a small JSON text with both AppKeys. `issued` is aware and shown in UTC."""
    content = {
        "appId": app_id,
        "serialNo": serial_no,
        "issued": issued.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "appKeys": {"live": live, "sandbox": sandbox},
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def opening_instructions() -> list[str]:
    """Return the two commands of the mail, in order, to be run beside the two files (OpenSSL 1.1.1 or 3).

    The first asks for the passphrase. `-nodes` and not `-noenc`, which 1.1.1 does not know; `-clcerts` leaves our CA out, so
    that `-recip` finds the certificate itself first.
    """
    return [
        f"openssl pkcs12 -in {CREDENTIAL_FILE} -clcerts -nodes -out credential.pem",
        f"openssl cms -decrypt -inform DER -in {APP_KEYS_FILE} -recip credential.pem -inkey credential.pem -out appkeys.json",
    ]


def opening_own_key() -> list[str]:
    """Return the command of the mail to a team that made its key itself; `private.key` is theirs."""
    files = f"-in {APP_KEYS_FILE} -recip {CERTIFICATE_FILE} -inkey private.key -out appkeys.json"
    return [f"openssl cms -decrypt -inform DER {files}"]


def _sign(
    authority: Authority, key: rsa.RSAPublicKey, *, app_id: str, organization: str, now: datetime.datetime, days: int
) -> x509.Certificate:
    ca_certificate = x509.load_pem_x509_certificate(authority.certificate_pem)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:MAX_NAME] or app_id),
            x509.NameAttribute(NameOID.COMMON_NAME, app_id[:MAX_NAME]),
        ]
    )
    builder = _for_client(_builder(subject, ca_certificate.subject, key, now, days), ca_certificate)
    return builder.sign(_load_key(authority.private_key_pem), hashes.SHA256())


def _issued(certificate: x509.Certificate, private_key_pem: bytes) -> Issued:
    return Issued(
        private_key_pem,
        certificate.public_bytes(serialization.Encoding.PEM),
        serial_hex(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _for_client(builder: x509.CertificateBuilder, ca_certificate: x509.Certificate) -> x509.CertificateBuilder:
    ca_key_id = ca_certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, key_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_key_id), critical=False)
    )


def _usage(**allowed: bool) -> x509.KeyUsage:
    nothing = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**(nothing | allowed))


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _load_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("The private key is not RSA.")
    return key
