"""The ground the other tests stand on."""

import ipaddress
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from kombu.exceptions import OperationalError

from console import checks, keys, logs
from console.jobs import sweep
from console.proxies import client_address
from tests.conftest import Postbox

ROOT = Path(__file__).resolve().parent.parent
CLEARED = ("DEBUG", "DEMO", "SIMULATOR", "LOCAL_DESTINATIONS", "DATABASE_URL", "REDIS_URL", "TRUSTED_PROXIES")


def production(**changes: str) -> dict[str, str]:
    """The environment of a production process, with `changes`; an empty value removes a variable."""
    kept = {name: value for name, value in os.environ.items() if name not in (*CLEARED, *keys.generate())}
    complete = {
        **keys.generate(),
        "DATABASE_URL": "sqlite:////tmp/never-opened.sqlite3",
        "EMAIL_URL": "smtp://mail.example:25",
        "ALLOWED_HOSTS": "console.example",
        "BASE_URL": "https://console.example",
    }
    return {name: value for name, value in {**kept, **complete, **changes}.items() if value}


def manage(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def load_settings(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import console.settings as s; print(s.PRODUCTION)"]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(bool(os.environ.get("TEST_SQLITE")), reason="this run is the one on SQLite")
@pytest.mark.django_db
def test_the_database_is_postgresql():
    assert connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)


@pytest.mark.sqlite
@pytest.mark.django_db
def test_the_second_run_is_on_sqlite_with_foreign_keys_and_wal():
    if not os.environ.get("TEST_SQLITE"):
        assert connection.vendor == "postgresql"
        return
    with connection.cursor() as cursor:
        pragmas = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("foreign_keys", "journal_mode")}
    assert pragmas == {"foreign_keys": 1, "journal_mode": "wal"}


def test_valkey_answers():
    assert redis.Redis.from_url(settings.REDIS_URL).ping() is True


@pytest.mark.parametrize(
    ("set_to", "most"), [({}, "40"), ({"WORKER_CONCURRENCY": "20"}, "80"), ({"DATABASE_POOL_MAX": "9"}, "9")]
)
def test_the_pool_has_four_connections_for_each_thread_of_a_worker(set_to, most):
    code = "import console.settings as s; print(s.DATABASES['default']['OPTIONS']['pool']['max_size'])"
    env = production(DATABASE_URL="postgres://nobody@db.example/never_opened", **set_to)
    run = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == most, run.stderr


@pytest.mark.parametrize(("most", "told"), [(31, ["console.W001"]), (32, [])])
def test_a_pool_that_is_too_small_for_a_worker_is_told_at_the_start(monkeypatch, most, told):
    of_a_job = settings.CONNECTIONS_OF_A_JOB
    kept = {"DATABASES": {"default": {"OPTIONS": {"pool": {"max_size": most}}}}, "CONNECTIONS_OF_A_JOB": of_a_job}
    monkeypatch.setattr(checks, "settings", SimpleNamespace(**kept, CELERY_WORKER_CONCURRENCY=8))
    assert [warning.id for warning in checks.the_pool_is_wide_enough(None)] == told


def test_production_starts_when_everything_is_set():
    assert load_settings(production()).stdout.strip() == "True"


@pytest.mark.parametrize("name", ["SECRET_KEY", "MASTER_KEYS", "AUDIT_KEY", "DATABASE_URL", "EMAIL_URL", "ALLOWED_HOSTS"])
def test_production_refuses_to_start_without(name):
    result = load_settings(production(**{name: ""}))
    assert result.returncode != 0
    assert f"ImproperlyConfigured: {name} is not set." in result.stderr


@pytest.mark.parametrize("change", [{"LOCAL_DESTINATIONS": "127.0.0.1:8000"}, {"SIMULATOR": "1"}, {"SCHEDULE_FACTOR": "0.1"}])
def test_production_refuses_settings_for_local_trial(change):
    result = load_settings(production(**change))
    assert result.returncode != 0
    assert f"ImproperlyConfigured: {next(iter(change))} is set." in result.stderr


def test_nothing_said_means_production():
    assert "SECRET_KEY is not set" in load_settings({"PATH": os.environ["PATH"]}).stderr


def test_a_stray_testing_variable_opens_nothing():
    assert "SECRET_KEY is not set" in load_settings({"PATH": os.environ["PATH"], "TESTING": "1"}).stderr


def test_a_short_key_gets_a_sentence():
    result = load_settings(production(AUDIT_KEY="c2hvcnQ="))
    assert "AUDIT_KEY has 5 bytes, it needs 32" in result.stderr


def test_the_deployment_check_is_clean():
    result = manage("check", "--deploy", "--fail-level", "WARNING", env=production())
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path):
    path = tmp_path / "var" / "keys.env"
    first = keys.load_or_create(path)
    assert keys.load_or_create(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [len(key) for key in keys.parse_master_keys(first["MASTER_KEYS"]).values()] == [32]


@pytest.mark.parametrize("text", ["nocolon", "a:AAAA", ":x", "a:%%%"])
def test_unreadable_master_keys_are_refused(text):
    with pytest.raises(keys.KeyFormatError):
        keys.parse_master_keys(text)


def test_secrets_do_not_reach_the_log():
    event = {"event": "saved", "app_key": "s1", "body": {"password": "s2", "list": [{"sessionKey": "s3", "id": 7}]}}
    cleaned = logs.drop_secrets(None, "info", event)
    assert not {"s1", "s2", "s3"} & set(str(cleaned).split("'"))
    assert cleaned["event"] == "saved"
    assert cleaned["body"]["list"][0]["id"] == 7


@pytest.mark.parametrize(
    ("request_line", "logged"),
    [
        ("GET /accounts/password/reset/key/4-abc/", "GET /accounts/password/reset/key/[dropped]/"),
        ("GET /orders/?search=secret", "GET /orders/"),
        ("POST /orders/7/refund", "POST /orders/7/refund"),
    ],
)
def test_the_log_keeps_the_path_but_no_key_and_no_query(request_line, logged):
    assert logs.drop_secrets(None, "info", {"request": request_line})["request"] == logged


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "1.1.1.1, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.2", "", "10.0.0.2"),
    ],
)
def test_forwarded_addresses_count_only_from_our_proxies(settings, remote, forwarded, expected):
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    assert client_address(remote, forwarded) == expected


def test_a_broker_that_is_down_breaks_no_commit(monkeypatch, django_capture_on_commit_callbacks, db):
    def refuse(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(sweep, "apply_async", refuse)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        sweep.delay_on_commit()
    assert len(callbacks) == 1


def test_mail_arrives_at_a_real_server(smtp_server: Postbox):
    EmailMessage("Hello", "Body", "a@example.com", ["b@example.com"]).send()
    assert [message["Subject"] for message in smtp_server.messages] == ["Hello"]
