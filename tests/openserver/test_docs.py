"""The reference page and the OpenAPI document."""

import json
import re

import pytest
from django.urls import get_resolver

from openserver import openapi, urls
from openserver.errors import ERRORS

pytestmark = pytest.mark.django_db


def test_the_page_lists_every_operation_and_code(client):
    page = client.get("/openserver/v1/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert all(endpoint.path in text for endpoint in openapi.ENDPOINTS)
    assert all(f'id="{code}"' in text for code in ERRORS)


def test_the_page_needs_no_inline_script_and_nothing_from_elsewhere(client):
    page = client.get("/openserver/v1/docs")
    text = page.content.decode()
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<style|style=|onclick=|<script(?![^>]*src=)|(src|href)=\"https?://", text)


def test_the_document_has_every_route_and_no_dangling_reference(client):
    document = json.loads(client.get("/openserver/v1/openapi.json").content)
    paths = {re.sub(r"<\w+:(\w+)>", "{}", str(route.pattern)) for route in urls.urlpatterns}
    described = {re.sub(r"\{\w+\}", "{}", path.removeprefix("/openserver/v1/")) for path in document["paths"]}
    assert described == {path for path in paths if path not in {"openapi.json", "docs"} and "rest" not in path}
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert named == set(document["components"]["schemas"])
    assert get_resolver()


def test_every_refusal_is_documented_with_its_status(client):
    document = openapi.document()
    for each in document["paths"].values():
        for told in each.values():
            assert {"200", "500", "503"} <= set(told["responses"])
