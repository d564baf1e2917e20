"""Certificates that pushes show to receivers which demand one (mTLS): read what a team uploads, make TLS contexts of it."""

import os
import secrets as chance
import ssl
import tempfile
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.utils import timezone
from django.utils.translation import gettext as _

from console import secrets
from console.errors import Refused
from console.http import tls_context
from payments.certificates import fingerprint
from payments.models import ClientCertificate

MAX_CHAIN = 5  # certificates
MIN_RSA_BITS = 2048

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Pair(NamedTuple):
    """A certificate with its chain, and its key; both in PEM, the key in PKCS #8 without a passphrase."""

    certificate_pem: str
    key_pem: str
    subject: str
    fingerprint: str
    not_after: datetime


def read_pair(certificate_text: str, key_text: str) -> Pair:
    """What a team pasted. Raises Refused that names the field and says what to do."""
    chain, key = _chain(certificate_text), _key(key_text)
    leaf = chain[0]
    own = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if own != key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
        raise Refused(key=_("The private key does not belong to the first certificate. Paste the key that it was made for."))
    if leaf.not_valid_after_utc <= timezone.now():
        raise Refused(certificate=_("The certificate has expired. Paste one that is valid."))
    pem = "".join(found.public_bytes(Encoding.PEM).decode() for found in chain)
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    mark = fingerprint(chain[0].public_bytes(Encoding.PEM))
    return Pair(pem, key_pem, leaf.subject.rfc4514_string()[:300], mark, leaf.not_valid_after_utc)


def _chain(text: str) -> list[x509.Certificate]:
    if "PRIVATE KEY" in text:
        raise Refused(certificate=_("This holds a private key. Paste only certificates here, and the key below."))
    try:
        chain = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        chain = []
    if not 1 <= len(chain) <= MAX_CHAIN:
        sentence = _("Paste 1 to %(most)d certificates in PEM, your own first. Each begins with “-----BEGIN CERTIFICATE-----”.")
        raise Refused(certificate=sentence % {"most": MAX_CHAIN})
    return chain


def _key(text: str) -> Key:
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise Refused(key=_("The private key has a passphrase. Remove it first, for example with “openssl pkey”.")) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Refused(key=_("This is no private key in PEM. It begins with “-----BEGIN PRIVATE KEY-----”.")) from None
    if isinstance(key, ec.EllipticCurvePrivateKey) or (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= MIN_RSA_BITS):
        return key
    raise Refused(key=_("Use an RSA key of at least %(bits)d bits, or an elliptic curve key.") % {"bits": MIN_RSA_BITS})


def contexts_of(mini_program_ids: Iterable[int]) -> dict[int, ssl.SSLContext]:
    """The TLS contexts of the mini programs that have a client certificate, by their ids; one query."""
    rows = ClientCertificate.objects.filter(mini_program_id__in=mini_program_ids)
    found = rows.values_list("mini_program_id", "certificate_pem", "sealed_key", "fingerprint")
    return {program: _context(pem, sealed, mark) for program, pem, sealed, mark in found}


@lru_cache(maxsize=1024)
def _context(certificate_pem: str, sealed_key: str, mark: str) -> ssl.SSLContext:
    """Kept by the sealed key, which never changes its meaning: making a context takes tens of milliseconds."""
    place = ClientCertificate(fingerprint=mark).sealed_binding("sealed_key")
    key = load_pem_private_key(secrets.unseal(sealed_key, bound_to=place), None)
    # Python's ssl reads keys from files only: this one is encrypted with a passphrase that is never written down.
    passphrase = chance.token_urlsafe(32)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    number, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(encrypted + certificate_pem.encode())
        return tls_context(path, password=passphrase)
    finally:
        os.unlink(path)
