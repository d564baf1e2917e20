"""The archive in an S3-compatible store, against a server that speaks the protocol."""

import pytest
from django.core.management import call_command

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
