"""Rotation of the master key: everything sealed is wrapped anew, whenever the command is killed."""

import base64
import os
import signal
import subprocess
import sys

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection

from console import master_key, secrets
from console.models import Superapp
from openserver.actions.sessions import open_session
from openserver.keys import opened, session_key_binding
from openserver.models import PlayerSession
from payments import keys
from payments.actions import client_certificate, delivery
from payments.actions import credential as credentials
from payments.models import CertificateAuthority, Credential, CredentialMail
from simulator.developer import backend_of
from tests.payments.test_client_certificate import made, pem

PUBLIC = "https://93.184.215.14/push"
NEW = b"n" * 32


@pytest.fixture
def sealed(starfall, team_admin):
    """One of each kind of secret; what they say in clear."""
    saved = delivery.configure(starfall, actor=team_admin, url=PUBLIC)
    superapp = starfall.superapp
    for name in ("sealed_secret_key", "sealed_next_secret_key", "sealed_previous_secret_key"):
        setattr(superapp, name, secrets.seal(name, bound_to=superapp.secret_binding))
    superapp.save()
    TOTP.activate(team_admin, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(team_admin)
    open_session(starfall, open_id="player")
    backend_of(starfall).install(serial_no="A1", certificate_pem=b"", private_key_pem=b"key", live="l", sandbox="s")
    certificate, key = made("pushes")
    client_certificate.upload(starfall, actor=team_admin, certificate=certificate, key=pem(key))
    return saved


def in_clear() -> dict[str, bytes]:
    """Every sealed text, opened as the program opens it."""
    found = {}
    for place in master_key.places():
        for row in place.rows():
            found[f"{place} {row.pk}"] = secrets.unseal(place.text(row), bound_to=place.binding(row))
    return found


def rotated_keys() -> dict[str, bytes]:
    return {"new": NEW, **configured.MASTER_KEYS}


@pytest.mark.sqlite
@pytest.mark.django_db
def test_everything_is_wrapped_anew_and_says_the_same(sealed, starfall, settings, capsys):
    before, key = in_clear(), keys.accepted_keys(starfall.pk, 0)[0].text
    settings.MASTER_KEYS = rotated_keys()
    assert sum(master_key.left().values()) == len(before)
    with pytest.raises(CommandError, match="are left"):
        call_command("rotate_master_key", count=True)
    call_command("rotate_master_key")
    assert "Nothing is left" in capsys.readouterr().out
    settings.MASTER_KEYS = {"new": NEW}
    assert in_clear() == before
    assert keys.accepted_keys(starfall.pk, 0)[0].text == key
    session = PlayerSession.objects.get()
    assert opened(session.sealed_session_key, session_key_binding(session.token_hash))
    assert credentials.authority().private_key_pem.startswith(b"-----BEGIN")


@pytest.mark.django_db
def test_every_sealed_field_says_what_it_is_bound_to(sealed):
    fields = {str(place) for place in master_key.places()}
    assert {name.rpartition(" ")[0] for name in in_clear()} == fields
    assert all(hasattr(place.model, "sealed_binding") for place in master_key.places() if place.model is not Authenticator)
    held = {Authenticator, Superapp, Credential, CredentialMail, CertificateAuthority, PlayerSession}
    assert held <= {place.model for place in master_key.places()} <= set(apps.get_models())


@pytest.mark.django_db
def test_a_secret_whose_key_is_gone_is_named_and_the_rest_goes_on(sealed, settings, capsys):
    lost = secrets.seal("x", bound_to=sealed.credential.binding("live_key"))
    Credential.objects.update(sealed_live_key=lost.replace("v1.", "v1.gone-", 1))
    settings.MASTER_KEYS = rotated_keys()
    with pytest.raises(CommandError, match="1 are left"):
        call_command("rotate_master_key")
    assert "payments.credential.sealed_live_key" in capsys.readouterr().err
    assert Credential.objects.get().sealed_sandbox_key.startswith("v1.new.")


@pytest.mark.django_db
def test_a_secret_that_was_replaced_meanwhile_stays(sealed, settings, monkeypatch):
    settings.MASTER_KEYS = rotated_keys()
    superapp = Superapp.objects.get(pk=sealed.config.superapp_id)
    (place,) = [place for place in master_key.places() if str(place) == "console.superapp.sealed_secret_key"]
    newer = secrets.seal("newer", bound_to=superapp.secret_binding)
    Superapp.objects.filter(pk=superapp.pk).update(sealed_secret_key=newer)
    assert place.rewrap(superapp) == 0
    assert Superapp.objects.get(pk=superapp.pk).sealed_secret_key == newer


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the process needs the database of the tests")
def test_it_is_killed_in_the_middle_and_goes_on(sealed, settings):
    before = in_clear()
    half = len(before) // 2
    assert command(crash_point=f"after-secret-rewrapped:{half}") == -signal.SIGKILL
    settings.MASTER_KEYS = rotated_keys()
    assert sum(master_key.left().values()) == len(before) - half
    assert in_clear() == before
    assert command() == 0
    settings.MASTER_KEYS = {"new": NEW}
    assert in_clear() == before


def command(crash_point: str = "") -> int:
    """Run it as a process of its own, with the keys of the tests behind a new one."""
    told = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in {"new": NEW, **configured.MASTER_KEYS}.items())
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = os.environ | {
        "DEBUG": "1", "SIMULATOR": "1", "MASTER_KEYS": told, "CRASH_POINT": crash_point,
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", "rotate_master_key", "--skip-checks"],
        cwd=configured.BASE_DIR, env=environment, check=False, capture_output=True,
    )  # fmt: skip
    return done.returncode
