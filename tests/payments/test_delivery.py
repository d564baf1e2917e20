"""Basic configurations: configure, the credential that the first save issues, stale forms, the page."""

import pytest
from django.urls import reverse

from console import secrets
from console.errors import Refused
from console.models import AuditEntry
from payments import certificates, keys
from payments.actions import delivery
from payments.models import CertificateAuthority, Credential, CredentialMail, DeliveryConfig
from tests.payments.conftest import follow

PUBLIC = "https://93.184.215.14/push"  # an address: nothing has to be looked up


def url(name, program, **more):
    return reverse(f"payments:{name}", kwargs={"app_id": program.app_id, **more})


@pytest.fixture
def configured(starfall, team_admin) -> delivery.Saved:
    """The first save."""
    return delivery.configure(starfall, actor=team_admin, url=PUBLIC)


def test_first_save_issues_one_credential_and_shows_the_passphrase_once(as_person, starfall, senior):
    client = as_person(senior)
    form = {"url": PUBLIC, "test_url": "", "version": "0"}
    page = follow(client, client.post(url("delivery-configure", starfall), form)).content.decode()
    credential = Credential.objects.get()
    assert "Passphrase of credential.p12" in page
    assert "It is shown this one time only" in page
    assert credential.serial_no in page
    assert credential.fingerprint in page
    assert "Passphrase" not in client.get(url("delivery", starfall)).content.decode()
    assert (credential.state, credential.issued_by, credential.mail.recipient) == ("active", senior, "payments@northlight.test")


def test_nothing_is_stored_in_clear(configured):
    key = keys.accepted_keys(configured.config.mini_program_id, 0)[0].text
    for row in (*Credential.objects.values(), *CredentialMail.objects.values(), *AuditEntry.objects.values()):
        assert configured.passphrase not in str(row)
        assert key not in str(row)
        assert "PRIVATE KEY" not in str(row)
    assert "PRIVATE KEY" not in str(CertificateAuthority.objects.values())


def test_the_session_holds_the_passphrase_sealed(as_person, starfall, team_admin, monkeypatch):
    monkeypatch.setattr(secrets, "new_passphrase", lambda: "aaaa-bbbb-cccc")
    client = as_person(team_admin)
    client.post(url("delivery-configure", starfall), {"url": PUBLIC, "version": "0"})
    assert "aaaa-bbbb-cccc" not in str(dict(client.session.items()))


def test_somebody_else_never_sees_the_passphrase(as_person, starfall, team_admin, senior):
    client = as_person(team_admin)
    client.post(url("delivery-configure", starfall), {"url": PUBLIC, "version": "0"})
    assert "Passphrase of" not in as_person(senior).get(url("delivery", starfall)).content.decode()


def test_later_saves_issue_nothing(starfall, configured, senior):
    saved = delivery.configure(starfall, actor=senior, url="https://93.184.215.14/new", test_url=PUBLIC, version=1)
    assert (saved.credential, saved.passphrase) == (None, "")
    assert (saved.config.url, saved.config.test_url, saved.config.version) == ("https://93.184.215.14/new", PUBLIC, 2)
    assert Credential.objects.count() == CredentialMail.objects.count() == 1


def test_the_same_save_again_changes_nothing(starfall, configured, team_admin):
    before = AuditEntry.objects.count()
    saved = delivery.configure(starfall, actor=team_admin, url=PUBLIC, version=0)
    assert (saved.config.version, saved.credential, AuditEntry.objects.count()) == (1, None, before)


def test_a_stale_form_says_who_changed_what(as_person, starfall, configured, senior, team_admin):
    delivery.configure(starfall, actor=senior, url="https://93.184.215.14/by-sam", version=1)
    client = as_person(team_admin)
    form = {"url": "https://93.184.215.14/by-tara", "test_url": "", "version": "1"}
    page = client.post(url("delivery-configure", starfall), form)
    text = page.content.decode()
    assert page.status_code == 422
    assert "Sam Senior saved at" in text
    assert "URL is now “https://93.184.215.14/by-sam”" in text
    assert 'value="https://93.184.215.14/by-tara"' in text
    assert DeliveryConfig.objects.get().url.endswith("by-sam")
    assert 'name="version" value="2"' in text
    follow(client, client.post(url("delivery-configure", starfall), {**form, "version": "2"}))
    assert DeliveryConfig.objects.get().url.endswith("by-tara")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "Enter the address"),
        ("93.184.215.14/push", "must begin with https:// or http://"),
        ("ftp://93.184.215.14/", "must begin with https:// or http://"),
        ("https://user:secret@93.184.215.14/", "user name or password"),
        ("https://93.184.215.14:8443/", "port 8443"),
        ("https://93.184.215.14/#part", "fragment"),
        ("https://93.184.215.14/\u202epush", "character"),
        ("https://127.0.0.1/", "cannot be reached"),
        ("https://10.0.0.8/", "cannot be reached"),
        ("https://[::1]/", "cannot be reached"),
        ("https://[64:ff9b::a00:1]/", "cannot be reached"),
        ("https://93.184.215.14/" + "x" * 2048, "characters. Use at most 2048"),
    ],
)
@pytest.mark.parametrize("field", ["url", "test_url"])
def test_a_url_that_may_not_be_called_is_refused_at_its_field(as_person, starfall, team_admin, field, value, sentence):
    if field == "test_url" and not value:
        return
    page = as_person(team_admin).post(url("delivery-configure", starfall), {"url": PUBLIC, "version": "0", field: value})
    text = page.content.decode()
    assert page.status_code == 422
    assert sentence in text.replace("2,048", "2048")
    assert f'href="#id_{field}"' in text
    assert not DeliveryConfig.objects.exists()
    assert not Credential.objects.exists()


def test_the_action_checks_the_form_of_urls_too(starfall, team_admin):
    with pytest.raises(Refused) as refused:
        delivery.configure(starfall, actor=team_admin, url="gopher://x", test_url="https://a:b@c/")
    assert set(refused.value.errors) == {"url", "test_url"}


@pytest.mark.parametrize("person", ["developer", "operator", "platform"])
def test_readers_see_why_they_may_not_and_who_can(request, as_person, starfall, configured, team_admin, person):
    client = as_person(request.getfixturevalue(person))
    page = client.get(url("delivery", starfall)).content.decode()
    assert "Tara Admin" in page
    assert url("delivery-configure", starfall) not in page
    assert client.post(url("delivery-configure", starfall), {"url": PUBLIC}).status_code == 403
    assert client.post(url("credential-resend", starfall)).status_code == 403


def test_strangers_find_nothing(as_person, starfall, configured, stranger):
    client = as_person(stranger)
    assert client.get(url("delivery", starfall)).status_code == 404
    assert client.post(url("delivery-configure", starfall), {"url": PUBLIC}).status_code == 404


def test_the_page_costs_few_queries(as_person, starfall, configured, team_admin, django_assert_max_num_queries):
    client = as_person(team_admin)
    with django_assert_max_num_queries(16):
        assert client.get(url("delivery", starfall)).status_code == 200


def test_a_certificate_is_found_by_its_serial_number_while_accepted(configured, time_machine):
    credential = configured.credential
    assert keys.certificate_by_serial(credential.serial_no.lower()) == credential
    assert keys.certificate_by_serial("00") is None
    assert certificates.public_key(credential.certificate_pem.encode()).key_size == 3072
    time_machine.move_to(credential.not_after)
    assert keys.certificate_by_serial(credential.serial_no) is None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://10.1.2.3/push", "a private address"), ("http://[::1]/push", "an address of the computer itself"),
        ("http://169.254.169.254/", "an address of one link only"),
        ("https://no-such-name.invalid/", "the name does not resolve"),
    ],
)  # fmt: skip
def test_a_refused_save_says_what_dns_answers_and_no_digits(as_person, starfall, team_admin, address, said):
    page = as_person(team_admin).post(url("delivery-configure", starfall), {"url": address, "version": "0"})
    assert page.status_code == 422 and said in page.content.decode()
    assert [found.address for found in page.context["looked_up"][address]] in ([""], [])
    assert not DeliveryConfig.objects.exists()


def test_a_wrong_form_is_not_looked_up(as_person, starfall, team_admin):
    page = as_person(team_admin).post(url("delivery-configure", starfall), {"url": "ftp://a.test/", "version": "0"})
    assert page.status_code == 422 and page.context["looked_up"] == {}
