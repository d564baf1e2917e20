"""Rotation with an overlap, retiring and revoking, a new credential after it, and a key that the team made itself."""

import subprocess
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from console.errors import Forbidden, Invisible, Refused, WrongState
from console.models import AuditEntry
from payments import keys
from payments.actions import credential as credentials
from payments.actions import delivery, rotation
from payments.models import Credential, CredentialMail
from payments.tasks import retire_credentials, send_credential_mails
from tests.payments.conftest import again, follow
from tests.payments.test_credential import PUBLIC, files_of

DAY = timedelta(days=1)


@pytest.fixture
def old(starfall, team_admin) -> Credential:
    credential = delivery.configure(starfall, actor=team_admin, url=PUBLIC).credential
    assert credential is not None
    return credential


def accepted(program) -> list[int]:
    found = [key.credential_id for key in keys.accepted_keys(program.pk, 0)]
    assert found == [key.credential_id for key in keys.accepted_keys(program.pk, 1)]
    return found


def address(verb, row):
    return reverse(f"payments:credential-{verb}", kwargs={"app_id": row.mini_program.app_id, "pk": row.pk})


def test_a_rotation_mails_new_keys_and_the_old_ones_overlap(old, starfall, senior, smtp_server, time_machine):
    new, passphrase = rotation.rotate(old, actor=senior, overlap=DAY)
    assert passphrase and accepted(starfall) == [new.pk, old.pk]
    assert send_credential_mails() == 2
    assert new.serial_no in smtp_server.messages[1].get_body().get_content()
    time_machine.move_to(timezone.now() + DAY + timedelta(seconds=1))
    assert accepted(starfall) == [new.pk]
    assert (retire_credentials(), again(old).state) == (1, "retired")


def test_without_an_overlap_the_old_one_is_retired_at_once(old, starfall, senior):
    new = rotation.rotate(old, actor=senior, overlap=timedelta(0)).credential
    assert (accepted(starfall), again(old).state) == ([new.pk], "retired")
    verbs = AuditEntry.objects.filter(object_type="payments.credential").order_by("id").values_list("verb", flat=True)
    assert list(verbs)[-3:] == ["payments.credential.rotate", "payments.credential.retire", "payments.credential.issue"]


def test_a_second_press_changes_nothing(old, starfall, senior):
    rotation.rotate(old, actor=senior, overlap=DAY)
    with pytest.raises(WrongState):
        rotation.rotate(old, actor=senior, overlap=DAY)
    assert (Credential.objects.count(), CredentialMail.objects.count()) == (2, 2)


def test_three_are_never_accepted_at_once(old, starfall, senior):
    new = rotation.rotate(old, actor=senior, overlap=DAY).credential
    with pytest.raises(WrongState, match="still overlaps"):
        rotation.rotate(new, actor=senior, overlap=DAY)
    rotation.retire_now(again(old), actor=senior)
    rotation.rotate(new, actor=senior, overlap=DAY)
    assert len(accepted(starfall)) == 2


def test_a_rotation_that_lost_the_race_leaves_nothing(old, starfall, senior, monkeypatch):
    prepare = credentials.prepare

    def meanwhile(program, **more):
        rotation.revoke(again(old), actor=senior)
        return prepare(program, **more)

    monkeypatch.setattr(credentials, "prepare", meanwhile)
    with pytest.raises(WrongState):
        rotation.rotate(old, actor=senior, overlap=DAY)
    assert (Credential.objects.count(), accepted(starfall)) == (1, [])


@pytest.mark.parametrize("overlap", [timedelta(days=8), timedelta(seconds=-1)])
def test_the_overlap_is_at_most_seven_days(old, senior, overlap):
    with pytest.raises(Refused, match="0 to 7 days"):
        rotation.rotate(old, actor=senior, overlap=overlap)


def test_after_a_revocation_a_new_one_may_be_issued(old, starfall, senior):
    with pytest.raises(WrongState, match="active already"):
        rotation.issue_anew(starfall, actor=senior)
    rotation.revoke(old, actor=senior)
    assert accepted(starfall) == []
    assert keys.certificate_by_serial(old.serial_no) is None
    new, passphrase = rotation.issue_anew(starfall, actor=senior)
    assert passphrase and accepted(starfall) == [new.pk]


def test_before_the_first_save_nothing_is_issued(starfall, senior):
    with pytest.raises(WrongState, match="Configure the delivery push first"):
        rotation.issue_anew(starfall, actor=senior)


def test_those_who_may_not_change_nothing(old, starfall, developer, stranger):
    for act in (
        lambda actor: rotation.rotate(old, actor=actor, overlap=DAY),
        lambda actor: rotation.issue_anew(starfall, actor=actor),
        lambda actor: rotation.retire_now(old, actor=actor),
        lambda actor: rotation.revoke(old, actor=actor),
    ):
        with pytest.raises(Forbidden):
            act(developer)
        with pytest.raises(Invisible):
            act(stranger)
    assert accepted(starfall) == [old.pk]


def test_uses_are_counted_for_an_overlapping_credential_only(old, senior):
    keys.note_old_use(credential_id=old.pk)
    assert again(old).old_uses == 0
    rotation.rotate(old, actor=senior, overlap=DAY)
    keys.note_old_use(credential_id=old.pk)
    keys.note_old_use(serial_no=old.serial_no)
    assert again(old).old_uses == 2
    assert again(old).old_used_at


# --- The pages


def test_the_pages_rotate_retire_revoke_and_issue(as_person, old, starfall, senior):
    client = as_person(senior)
    assert "The new AppKey signs first" in client.get(address("rotate", old)).content.decode()
    page = follow(client, client.post(address("rotate", old), {"overlap": "2"})).content.decode()
    assert "Passphrase of credential.p12" in page and "It was not used since the rotation." in page
    assert "only was acknowledged" not in page
    assert "not tried alone yet" in client.get(address("retire", old)).content.decode()
    follow(client, client.post(address("retire", old)))
    new = Credential.objects.get(state="active")
    assert "No other credential is accepted" in client.get(address("revoke", new)).content.decode()
    page = follow(client, client.post(address("revoke", new))).content.decode()
    assert "No credential is active" in page
    issue = reverse("payments:credential-issue", kwargs={"app_id": starfall.app_id})
    assert issue in page and client.get(issue).status_code == 200
    assert "Passphrase of credential.p12" in follow(client, client.post(issue)).content.decode()
    assert list(Credential.objects.order_by("pk").values_list("state", flat=True)) == ["retired", "revoked", "active"]


def test_what_cannot_be_done_again_answers_409(as_person, old, senior):
    rotation.rotate(old, actor=senior, overlap=DAY)
    client = as_person(senior)
    assert client.post(address("rotate", old), {"overlap": "1"}).status_code == 409
    for verb in ("retire", "revoke"):
        assert client.post(address(verb, old)).status_code == 302
        assert client.post(address(verb, old)).status_code == 409


def test_those_who_may_not_get_no_page_and_no_button(as_person, old, developer, stranger):
    for person, status in ((developer, 403), (stranger, 404)):
        for verb in ("rotate", "retire", "revoke"):
            assert as_person(person).get(address(verb, old)).status_code == status
            assert as_person(person).post(address(verb, old), {"overlap": "0"}).status_code == status
    page = as_person(developer).get(reverse("payments:delivery", kwargs={"app_id": old.mini_program.app_id}))
    assert address("rotate", old) not in page.content.decode()
    assert again(old).state == "active"


def test_a_credential_of_another_mini_program_is_not_there(as_person, old, harbor_reader, stranger):
    own = delivery.configure(harbor_reader, actor=stranger, url=PUBLIC).credential
    url = reverse("payments:credential-revoke", kwargs={"app_id": harbor_reader.app_id, "pk": old.pk})
    assert as_person(stranger).post(url).status_code == 404
    assert accepted(harbor_reader) == [own.pk]


def test_the_page_costs_no_more_with_many_credentials(as_person, old, starfall, senior, django_assert_max_num_queries):
    for _number in range(4):
        old = rotation.rotate(old, actor=senior, overlap=timedelta(0)).credential
    client = as_person(senior)
    with django_assert_max_num_queries(25):
        page = client.get(reverse("payments:delivery", kwargs={"app_id": starfall.app_id})).content.decode()
    assert page.count("Retired") == 4


# --- The team's own key


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


def own_request(folder, *, kind="rsa:2048") -> str:
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", kind]
    openssl("req", "-new", *new, "-nodes", "-keyout", "private.key", "-subj", "/CN=anything", "-out", "r.csr", cwd=folder)
    return (folder / "r.csr").read_text()


def test_a_team_keeps_its_private_key(as_person, old, starfall, senior, smtp_server, tmp_path):
    request = SimpleUploadedFile("r.csr", own_request(tmp_path).encode())
    client = as_person(senior)
    page = follow(client, client.post(address("rotate", old), {"overlap": "1", "request_file": request})).content.decode()
    assert "Passphrase" not in page
    new = Credential.objects.get(state="active")
    assert new.own_key and not new.mail.sealed_pkcs12
    assert f"CN={starfall.app_id}" in _subject(new) and "anything" not in _subject(new)
    send_credential_mails()
    message = smtp_server.messages[-1]
    assert sorted(files_of(message)) == ["appkeys.p7m", "certificate.pem"]
    assert "PRIVATE KEY" not in message.as_string()
    for name, content in files_of(message).items():
        (tmp_path / name).write_bytes(content)
    lines = [line.strip() for line in message.get_body().get_content().splitlines() if line.strip().startswith("openssl ")]
    assert len(lines) == 1
    openssl(*lines[0].split()[1:], cwd=tmp_path)
    assert keys.accepted_keys(starfall.pk, 0)[0].text in (tmp_path / "appkeys.json").read_text()


def _subject(row) -> str:
    from cryptography import x509

    return x509.load_pem_x509_certificate(row.certificate_pem.encode()).subject.rfc4514_string()


def test_the_first_save_takes_a_request_too(as_person, starfall, senior, tmp_path):
    client, url = as_person(senior), reverse("payments:delivery-configure", kwargs={"app_id": starfall.app_id})
    bad = client.post(url, {"url": PUBLIC, "version": "0", "request": "nonsense"})
    assert bad.status_code == 422 and "no certificate request in PEM" in bad.content.decode()
    assert not Credential.objects.exists()
    follow(client, client.post(url, {"url": PUBLIC, "version": "0", "request": own_request(tmp_path)}))
    assert Credential.objects.get().own_key


def test_requests_that_are_refused_say_why(old, senior, tmp_path):
    good = own_request(tmp_path)
    lines = good.splitlines()
    broken = "\n".join([*lines[:-2], ("A" if lines[-2][0] != "A" else "B") + lines[-2][1:], lines[-1]])
    cases = {
        "nonsense": "no certificate request in PEM",
        (tmp_path / "private.key").read_text(): "holds a private key",
        broken: "not signed with its own key|no certificate request",
        own_request(tmp_path, kind="rsa:1024"): "has 1024 bits",
        own_request(tmp_path, kind="ec"): "not RSA",
    }
    for text, sentence in cases.items():
        with pytest.raises(Refused, match=sentence) as refused:
            rotation.rotate(old, actor=senior, overlap=DAY, request_pem=text)
        assert list(refused.value.errors) == ["request"]
    assert Credential.objects.count() == 1


def test_the_same_key_twice_is_no_rotation(old, senior, tmp_path):
    request = own_request(tmp_path)
    new = rotation.rotate(old, actor=senior, overlap=timedelta(0), request_pem=request).credential
    with pytest.raises(Refused, match="certified before"):
        rotation.rotate(new, actor=senior, overlap=timedelta(0), request_pem=request)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"request": "x", "request_file": SimpleUploadedFile("r", b"x")}, "not both"),
        ({"request_file": SimpleUploadedFile("r", b"")}, "empty or too long"),
        ({"request_file": SimpleUploadedFile("r", b"x" * 20_000)}, "empty or too long"),
        ({"request": "x" * 20_000}, "too long"),
        ({"overlap": "9"}, "0 to 7 days"),
        ({"overlap": ""}, "0 to 7 days"),
    ],
)
def test_a_form_that_is_wrong_says_what(as_person, old, senior, fields, sentence):
    answer = as_person(senior).post(address("rotate", old), {"overlap": "1", **fields})
    assert (answer.status_code, Credential.objects.count()) == (422, 1)
    assert sentence in answer.content.decode()
