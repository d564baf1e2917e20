"""Images in an S3-compatible store: the same pages, against a server that speaks the protocol (docs/operations.md, "Files")."""

import os
import subprocess
import sys

import pytest
from django.urls import reverse

from items.models import Item, ItemImage
from tests.items.conftest import picture_bytes, upload
from tests.items.test_item_pages import FORM, sent, url_of
from tests.services import free_port

KEYS = {"access_key": "console", "secret_key": "of the store", "region_name": "eu-central-1"}


@pytest.fixture(scope="module")
def store():
    """Its address."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 (two seconds that other runs need not spend)

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(store, settings):
    """An empty bucket, which the console keeps its files in."""
    import boto3  # noqa: PLC0415

    names = {"aws_access_key_id": KEYS["access_key"], "aws_secret_access_key": KEYS["secret_key"]}
    made = boto3.resource("s3", endpoint_url=store, region_name=KEYS["region_name"], **names).Bucket("console-files")
    made.create(CreateBucketConfiguration={"LocationConstraint": KEYS["region_name"]})
    use(settings, store)
    yield made
    made.objects.delete()
    made.delete()


def use(settings, address):
    settings.S3 = {"bucket_name": "console-files", "endpoint_url": address, "location": "console", **KEYS}
    settings.S3["addressing_style"] = "auto"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "console.s3.Bucket"}}


def address_of(image, variant="full"):
    return reverse("items:image", kwargs={"app_id": image.mini_program.app_id, "sha256": image.sha256, "variant": variant})


def test_an_image_goes_to_the_bucket_and_comes_back_through_the_console(client, bucket, starfall, developer, merchant):
    sent(client, developer, url_of("add", starfall), **FORM, image=upload())
    image = Item.objects.get().image
    kept = {each.key: each.get()["Body"].read() for each in bucket.objects.all()}
    assert sorted(kept) == sorted([f"console/{image.file.name}", f"console/{image.thumbnail.name}"])
    for variant, key in (("full", image.file.name), ("thumbnail", image.thumbnail.name)):
        response = client.get(address_of(image, variant))
        assert b"".join(response.streaming_content) == kept[f"console/{key}"]
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response.headers["Cache-Control"].startswith("private")


def test_no_object_is_public(client, bucket, starfall, developer, merchant):
    sent(client, developer, url_of("add", starfall), **FORM, image=upload())
    for each in bucket.objects.all():
        grantees = [grant["Grantee"]["Type"] for grant in each.Acl().grants]
        assert grantees == ["CanonicalUser"]


def test_the_same_content_of_two_mini_programs_is_two_objects(bucket, client, starfall, harbor_reader, developer, merchant):
    sent(client, developer, url_of("add", starfall), **FORM, image=upload())
    first = Item.objects.get().image
    again = ItemImage(mini_program=harbor_reader, team=harbor_reader.team, superapp=harbor_reader.superapp, uploaded_by=developer)
    again.file.save(f"{first.sha256}.png", first.file.open("rb"))
    assert again.file.name != first.file.name


def test_an_object_that_is_gone_is_not_found(client, bucket, starfall, developer, merchant):
    sent(client, developer, url_of("add", starfall), **FORM, image=upload())
    bucket.objects.delete()
    assert client.get(address_of(Item.objects.get().image)).status_code == 404


def test_a_store_that_does_not_answer_is_said_at_the_field_and_nothing_is_saved(
    client, bucket, settings, starfall, developer, merchant
):
    sent(client, developer, url_of("add", starfall), **FORM, image=upload())
    use(settings, f"http://127.0.0.1:{free_port()}")
    other = upload(picture_bytes(color=(1, 2, 3)))
    response = sent(client, developer, url_of("add", starfall), **FORM | {"product_id": "sword"}, image=other)
    assert response.status_code == 422
    assert "cannot be stored at the moment" in response.context["form"].errors["image"][0]
    assert Item.objects.count() == ItemImage.objects.count() == 1
    assert client.get(address_of(Item.objects.get().image)).status_code == 503


@pytest.mark.parametrize(("name", "backend"), [("console-files", "Bucket"), ("", "FileSystemStorage")])
def test_one_variable_decides_where_files_are_kept(name, backend):
    code = "import django; django.setup(); from django.core.files.storage import default_storage as s; s.exists; "
    code += "print(type(s._wrapped).__name__, getattr(s, 'bucket_name', ''))"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "console.settings", "DEBUG": "1", "S3_BUCKET": name}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [backend, name][: 2 if name else 1]
