"""The archive in an S3-compatible store, against a server that speaks the protocol."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from orders import archive_files
from tests.items.test_images_in_s3 import bucket, store  # noqa: F401 (fixtures)
from tests.orders.archive import archive, sold

pytestmark = pytest.mark.django_db


def test_files_go_to_the_bucket_are_verified_there_and_read_from_it(starfall, bucket, capsys):  # noqa: F811
    sold(starfall, "ORDER-1", refund="R-1")
    (made,) = archive()
    assert [each.key for each in bucket.objects.all()] == [f"console/{made.file}"]
    call_command("archive", verify=True)
    call_command("find_archived", "R-1")
    assert '"out_trade_no": "ORDER-1"' in capsys.readouterr().out


def test_a_file_that_no_row_names_is_judged_by_the_stores_time(starfall, bucket, monkeypatch):  # noqa: F811
    sold(starfall, "ORDER-1")
    (made,) = archive()
    bucket.copy({"Bucket": bucket.name, "Key": f"console/{made.file}"}, "console/archive/2025-03/left.gz")
    assert archive_files.left_over() == ([], 1)
    monkeypatch.setattr(archive_files, "SURE", -timedelta(days=1))
    assert archive_files.left_over() == (["archive/2025-03/left.gz"], 0)


def test_an_object_that_is_gone_meanwhile_is_not_named(starfall, bucket, monkeypatch):  # noqa: F811
    monkeypatch.setattr(archive_files, "stored", lambda: iter(["archive/gone.gz"]))
    assert archive_files.left_over() == ([], 1)
