"""The certificate that pushes show: what is refused, where the key stays, and a real receiver that demands one."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.utils import timezone
from pytest_httpserver import HTTPServer

from console import factor
from console.models import AuditEntry, OutgoingMail
from orders.models import Attempt, Delivery, Order
from orders.outbox import claim
from payments.actions import client_certificate
from payments.models import ClientCertificate
from payments.tasks import remind_of_expiry
from tests.orders.shop import dispatch, new_order, open_push, pay

NOW = datetime.now(UTC)


def made(name: str, *, days: int = 30) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """A self-signed certificate for this name and 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=60))
    builder = builder.not_valid_after(NOW + timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), key


def pem(key, encryption=None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


@pytest.fixture
def pair():
    certificate, key = made("starfall pushes")
    return certificate, pem(key)


@pytest.fixture
def demanding(tmp_path, settings, monkeypatch, pair):
    """A receiver with TLS that accepts only callers with the certificate of `pair`."""
    certificate, key = made("receiver")
    (tmp_path / "server.pem").write_text(pem(key) + certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))  # the root certificates of this machine
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=pair[0])
    with HTTPServer(host="127.0.0.1", ssl_context=context, threaded=True) as server:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{server.port}"}
        server.expect_request("/push").respond_with_json({"returnCode": "0"})
        yield server


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_demands_a_certificate_gets_it(starfall, team_admin, demanding, pair):
    keys = open_push(starfall, team_admin, demanding.url_for("/push"))
    client_certificate.upload(starfall, actor=team_admin, certificate=pair[0], key=pair[1])
    pay(new_order(starfall), keys[0])
    dispatch()
    attempt = Attempt.objects.get()
    assert (Order.objects.get().delivery_state, attempt.outcome) == ("delivered", "acknowledged")
    assert {"connect", "tls", "first_byte", "total"} <= set(attempt.durations)


@pytest.mark.django_db(transaction=True)
def test_without_it_the_same_receiver_is_not_reached(starfall, team_admin, demanding):
    keys = open_push(starfall, team_admin, demanding.url_for("/push"))
    pay(new_order(starfall), keys[0])
    dispatch()
    assert (Order.objects.get().delivery_state, Attempt.objects.get().outcome, demanding.log) == ("pending", "no_answer", [])


@pytest.mark.django_db
def test_an_address_that_an_order_brings_does_not_see_it(starfall, team_admin, pair):
    keys = open_push(starfall, team_admin, "https://receiver.example/")
    client_certificate.upload(starfall, actor=team_admin, certificate=pair[0], key=pair[1])
    for number in ("OWN-1", "ORDER-2"):
        pay(new_order(starfall, number), keys[0])
    Delivery.objects.filter(order__out_trade_no="OWN-1").update(url="https://elsewhere.example/")
    pushes = claim(limit=10, room={}, usual_room=8).pushes
    assert {push.url: push.tls is not None for push in pushes} == {
        "https://elsewhere.example/": False,
        "https://receiver.example/": True,
    }


@pytest.mark.django_db
def test_the_key_is_sealed_and_never_shown(client, starfall, team_admin, pair):
    open_push(starfall, team_admin, "https://receiver.example/")
    client.force_login(team_admin)
    answer = client.post(f"/m/{starfall.app_id}/delivery/client-certificate", {"certificate": pair[0], "key": pair[1]})
    assert answer.status_code == 302
    row, secret = ClientCertificate.objects.get(), pair[1].splitlines()[1]
    assert secret not in row.sealed_key and row.subject == "CN=starfall pushes" and row.days_left == 29
    text = client.get(f"/m/{starfall.app_id}/delivery/").text
    assert row.fingerprint in text and "29 days left" in text and secret not in text
    entry = AuditEntry.objects.get(verb="payments.client_certificate.upload")
    assert entry.changes == {"fingerprint": ["", row.fingerprint]}


@pytest.mark.django_db
def test_what_does_not_fit_is_said_at_its_field_and_the_key_is_not_sent_back(client, starfall, team_admin, pair):
    certificate, key = made("another")
    expired, expired_key = made("old", days=-1)
    client.force_login(team_admin)
    cases = [
        (certificate, pair[1], "does not belong to the first certificate"),
        (expired, pem(expired_key), "has expired"),
        (pair[1], pair[1], "This holds a private key"),
        ("hello", pair[1], "certificates in PEM"),
        (pair[0], "hello", "no private key in PEM"),
        (certificate, pem(key, BestAvailableEncryption(b"secret")), "has a passphrase"),
        (certificate, "", "Paste the private key."),
    ]
    for chain, private, sentence in cases:
        answer = client.post(f"/m/{starfall.app_id}/delivery/client-certificate", {"certificate": chain, "key": private})
        assert answer.status_code == 422 and sentence in answer.text, sentence
        typed_key = answer.text.split('name="key"')[1].split("</textarea>")[0]
        assert "PRIVATE KEY-----" not in typed_key, "the key went back to the browser"
    assert not ClientCertificate.objects.exists()


@pytest.mark.django_db
def test_it_is_removed_once(client, starfall, team_admin, developer, pair):
    client_certificate.upload(starfall, actor=team_admin, certificate=pair[0], key=pair[1])
    url = f"/m/{starfall.app_id}/delivery/client-certificate/remove"
    client.force_login(developer)
    assert client.post(url).status_code == 403
    client.force_login(team_admin)
    assert [client.post(url).status_code for _time in range(2)] == [302, 409]
    assert not ClientCertificate.objects.exists()


@pytest.mark.django_db
def test_without_a_fresh_code_nothing_happens_and_the_session_does_not_keep_the_key(client, starfall, team_admin, pair):
    client.force_login(team_admin)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "type": "totp", "at": 0}]
    session.save()
    answer = client.post(f"/m/{starfall.app_id}/delivery/client-certificate", {"certificate": pair[0], "key": pair[1]})
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    kept = client.session[factor.TYPED]["data"]
    assert "BEGIN+CERTIFICATE" in kept and "PRIVATE" not in kept
    assert not ClientCertificate.objects.exists()


@pytest.mark.django_db
def test_its_end_is_mailed_30_14_7_and_1_days_before_once_each_and_anew_for_a_new_one(starfall, team_admin, pair):
    client_certificate.upload(starfall, actor=team_admin, certificate=pair[0], key=pair[1])
    for days in (30, 14, 7, 1):
        ClientCertificate.objects.update(not_after=timezone.now() + timedelta(days=days, minutes=-1))
        assert [remind_of_expiry(), remind_of_expiry()] == [1, 0]
    mails = OutgoingMail.objects.order_by("pk")
    assert [mail.subject.split("within ")[1] for mail in mails] == ["30 days", "14 days", "7 days", "1 day"]
    assert mails[0].recipient == "payments@northlight.test" and "CN=starfall pushes" in mails[0].body
    assert f"/m/{starfall.app_id}/delivery/" in mails[0].body
    ClientCertificate.objects.update(not_after=timezone.now() - timedelta(minutes=1))
    assert remind_of_expiry() == 0, "it has ended"
    certificate, key = made("newer", days=29)
    client_certificate.upload(starfall, actor=team_admin, certificate=certificate, key=pem(key))
    assert remind_of_expiry() == 1


@pytest.mark.django_db
def test_the_url_check_shows_it_with_its_days(client, starfall, team_admin, pair):
    open_push(starfall, team_admin, "https://receiver.example/")
    client.force_login(team_admin)
    page = f"/m/{starfall.app_id}/delivery/"
    assert "data-shown-certificate" not in client.get(page).text
    client_certificate.upload(starfall, actor=team_admin, certificate=pair[0], key=pair[1])
    panel = client.get(page).text.split("data-shown-certificate")[1].split("</p>")[0]
    assert "CN=starfall pushes" in panel and "29 days left" in panel
    ClientCertificate.objects.update(not_after=timezone.now() - timedelta(days=2))
    assert "has expired" in client.get(page).text.split("data-shown-certificate")[1].split("</p>")[0]
