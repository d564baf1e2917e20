"""Certificates and sealed keys, opened with the very commands that stand in the mail."""

import datetime
import json
import shlex
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from console.secrets import new_app_key, new_passphrase
from payments import certificates

NOW = datetime.datetime(2026, 11, 21, 6, 30, tzinfo=datetime.UTC)
PASSPHRASE = new_passphrase()
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


@pytest.fixture(scope="module")
def authority():
    return certificates.new_authority("Payment console CA", NOW)


@pytest.fixture(scope="module")
def issued(authority):
    return certificates.issue(authority, app_id="mg_starfall", organization="Northlight Games", now=NOW)


@pytest.fixture(scope="module")
def stranger(authority):
    return certificates.issue(authority, app_id="mg_other", organization="Harbor Studio", now=NOW)


@pytest.fixture(scope="module")
def bundle(authority, issued):
    return certificates.pkcs12(issued.private_key_pem, issued.certificate_pem, authority.certificate_pem, PASSPHRASE)


def document(issued) -> bytes:
    return certificates.appkeys_document(
        app_id="mg_starfall", serial_no=issued.serial_hex, issued=NOW, live=new_app_key(), sandbox=new_app_key()
    )


def run(command: str, directory, *, answer: str = "") -> subprocess.CompletedProcess:
    # A session of its own has no terminal, so openssl asks for the passphrase on standard input.
    return subprocess.run(
        shlex.split(command), cwd=directory, input=answer, text=True, capture_output=True, start_new_session=True, timeout=60
    )


def test_the_certificate_is_for_client_authentication_for_two_years(authority, issued):
    certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
    ca = x509.load_pem_x509_certificate(authority.certificate_pem)
    certificate.verify_directly_issued_by(ca)
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "mg_starfall"
    assert certificate.public_key().key_size == 3072
    assert certificate.signature_hash_algorithm.name == "sha256"
    assert issued.not_after - NOW == datetime.timedelta(days=730)
    assert issued.not_before < NOW
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is True


def test_every_certificate_has_its_own_serial_and_key(issued, stranger):
    assert issued.serial_hex != stranger.serial_hex
    assert issued.private_key_pem != stranger.private_key_pem


def test_a_long_name_is_cut_to_what_a_certificate_holds(authority):
    issued = certificates.issue(authority, app_id="a" * 64, organization="é" * 200, now=NOW)
    subject = x509.load_pem_x509_certificate(issued.certificate_pem).subject
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "é" * 64


def test_the_bundle_opens_in_python_with_the_passphrase_only(authority, issued, bundle):
    key, certificate, others = pkcs12.load_key_and_certificates(bundle, PASSPHRASE.encode())
    assert key.private_numbers() == serialization.load_pem_private_key(issued.private_key_pem, None).private_numbers()
    assert certificates.serial_hex(certificate) == issued.serial_hex
    assert others == [x509.load_pem_x509_certificate(authority.certificate_pem)]
    with pytest.raises(ValueError):
        pkcs12.load_key_and_certificates(bundle, b"wrong")


def test_sealed_data_opens_with_its_own_key_only(issued, stranger):
    sealed = certificates.seal_to_certificate(b"\r\nraw \x00 bytes\n", issued.certificate_pem)
    assert certificates.open_sealed(sealed, issued.private_key_pem, issued.certificate_pem) == b"\r\nraw \x00 bytes\n"
    for other in (stranger, issued._replace(private_key_pem=stranger.private_key_pem)):
        with pytest.raises(ValueError):
            certificates.open_sealed(sealed, other.private_key_pem, other.certificate_pem)


def test_nothing_readable_is_in_the_files(issued, bundle):
    content = document(issued)
    sealed = certificates.seal_to_certificate(content, issued.certificate_pem)
    assert json.loads(content)["appKeys"]["live"].encode() not in sealed
    assert b"PRIVATE KEY" not in bundle and PASSPHRASE.encode() not in bundle


def test_the_document_names_the_app_the_serial_and_both_keys(issued):
    content = json.loads(certificates.appkeys_document(app_id="a", serial_no="0A", issued=NOW, live="L", sandbox="S"))
    assert content == {
        "appId": "a",
        "serialNo": "0A",
        "issued": "2026-11-21T06:30:00Z",
        "appKeys": {"live": "L", "sandbox": "S"},
    }


@needs_openssl
def test_the_two_commands_of_the_mail_work_as_written(tmp_path, issued, bundle):
    content = document(issued)
    (tmp_path / "credential.p12").write_bytes(bundle)
    (tmp_path / "appkeys.p7m").write_bytes(certificates.seal_to_certificate(content, issued.certificate_pem))
    open_credential, open_keys = certificates.opening_instructions()
    first = run(open_credential, tmp_path, answer=PASSPHRASE + "\n")
    assert first.returncode == 0, first.stderr
    second = run(open_keys, tmp_path)
    assert second.returncode == 0, second.stderr
    assert (tmp_path / "appkeys.json").read_bytes() == content
    pem = (tmp_path / "credential.pem").read_bytes()
    assert pem.count(b"BEGIN CERTIFICATE") == 1
    key = serialization.load_pem_private_key(pem, None)
    assert key.public_key() == certificates.public_key(issued.certificate_pem)


@needs_openssl
def test_a_wrong_passphrase_opens_nothing(tmp_path, bundle):
    (tmp_path / "credential.p12").write_bytes(bundle)
    result = run(certificates.opening_instructions()[0], tmp_path, answer="wrong\n")
    assert result.returncode != 0 and "invalid password" in result.stderr


@needs_openssl
def test_the_bundle_uses_aes_and_sha256(tmp_path, bundle):
    (tmp_path / "credential.p12").write_bytes(bundle)
    result = run(f"openssl pkcs12 -in credential.p12 -info -noout -passin pass:{PASSPHRASE}", tmp_path)
    assert "MAC: sha256" in result.stderr
    assert result.stderr.count("PBES2, PBKDF2, AES-256-CBC, Iteration 50000, PRF hmacWithSHA256") == 2


@needs_openssl
def test_openssl_verifies_the_chain_and_prints_our_serial(tmp_path, authority, issued):
    (tmp_path / "ca.pem").write_bytes(authority.certificate_pem)
    (tmp_path / "cert.pem").write_bytes(issued.certificate_pem)
    epoch = int(NOW.timestamp())
    verified = run(f"openssl verify -x509_strict -purpose sslclient -attime {epoch} -CAfile ca.pem cert.pem", tmp_path)
    assert verified.stdout == "cert.pem: OK\n", verified.stderr
    assert run("openssl x509 -in cert.pem -noout -serial", tmp_path).stdout.strip() == f"serial={issued.serial_hex}"
