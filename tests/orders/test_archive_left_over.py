"""Which files without a row `archive --verify` names: never one that a run under way is about to make the only copy."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from orders import archive_files
from orders.actions import archive as actions
from orders.models import Archive
from tests.orders.archive import archive, sold

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def store(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def made(starfall) -> Archive:
    sold(starfall, "ORDER-1")
    (made,) = archive()
    return made


def age(name: str, days: float) -> None:
    """Let a file of the store be so old."""
    at = (timezone.now() - days * DAY).timestamp()
    os.utime(default_storage.path(name), (at, at))


def told(capsys) -> str:
    """What --verify says of the files of the store."""
    try:
        call_command("archive", verify=True)
    except CommandError:  # the row of a file that goes by another name
        pass
    return capsys.readouterr().out


def test_what_a_run_left_that_was_killed_is_named_with_what_to_look_at_first(made, capsys):
    Archive.objects.update(file="archive/elsewhere.gz")
    age(made.file, 2)
    (line,) = [line for line in told(capsys).splitlines() if line.startswith(f"{made.file}: no row of this database names it")]
    assert "If this is the database that writes this store, and no copy of it" in line


def test_a_file_of_a_run_under_way_is_not_named(starfall, monkeypatch, capsys):
    """Its row is seen when it commits. Whoever deleted the file would delete the only copy of its orders."""
    sold(starfall, "ORDER-1")
    said = []
    monkeypatch.setattr(actions, "mark", lambda point: point == "after-archive-written" and said.append(told(capsys)))
    (made,) = archive()
    assert made.file not in said[0] and "1 files without a row are too young to be judged" in said[0]
    assert told(capsys) == "All 1 files are as they were written.\n"


def test_a_file_of_yesterday_is_not_named_while_a_transaction_is_open_that_is_older(made, monkeypatch, capsys):
    Archive.objects.update(file="archive/elsewhere.gz")
    age(made.file, 2)
    monkeypatch.setattr(archive_files, "oldest_change", lambda: timezone.now() - 3 * DAY)
    assert made.file not in told(capsys)


def test_a_file_whose_row_is_committed_while_they_are_compared_is_not_named(made, monkeypatch, capsys):
    Archive.objects.update(file="archive/elsewhere.gz")
    age(made.file, 2)

    def commit():
        Archive.objects.update(file=made.file)
        return timezone.now()

    monkeypatch.setattr(archive_files, "oldest_change", commit)
    assert made.file not in told(capsys)


def test_a_file_that_is_deleted_while_they_are_compared_is_not_named(made, monkeypatch):
    monkeypatch.setattr(archive_files, "stored", lambda: iter([made.file, "archive/gone.gz"]))
    assert archive_files.left_over() == ([], 1)
