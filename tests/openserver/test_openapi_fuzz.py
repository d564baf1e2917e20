"""What the OpenAPI document says is what happens: no fault of ours, no answer that is not documented."""

import io
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3 import HTTPResponse

from openserver import openapi
from tests.openserver.conftest import BASE, Shop

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]
DOCUMENT = openapi.document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(endpoint.method.upper(), BASE + endpoint.path, endpoint.signed) for endpoint in openapi.ENDPOINTS]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
)  # fmt: skip


def send(shop: Shop, case: Any, signed: str, *, believed: bool) -> requests.Response:
    """Send a generated call by Django's client, signed by who may send it; the answer as `requests` would give it."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    body = prepared.body or b""
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
    path = prepared.path_url
    headers = {name: value for name, value in prepared.headers.items() if name.lower() not in {"content-length", "cookie"}}
    kind = headers.pop("Content-Type", "application/json")
    if believed and signed == "superapp":
        headers |= shop.superapp_headers(case.method, path, b"" if case.method == "GET" else raw)
    elif believed and signed == "developer":
        headers |= {"Authorization": shop.authorization(case.method, path, b"" if case.method == "GET" else raw)}
    got = shop.client.generic(case.method, path, raw, content_type=kind, headers=headers, REQUEST_URI=path)
    whole = HTTPResponse(io.BytesIO(got.content), got.headers, status=got.status_code, preload_content=False)
    return HTTPAdapter().build_response(prepared, whole)


@pytest.mark.parametrize(("method", "path", "signed"), OPERATIONS, ids=[f"{row[0]} {row[1]}" for row in OPERATIONS])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as documented", "otherwise"])
def test_every_answer_is_documented(seller, method, path, signed, mode):
    operation = SCHEMA[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        pytest.skip("Nothing can be sent otherwise.")

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode), believed=st.sampled_from([True, True, True, False]))
    def check(case, believed):
        case.validate_response(send(seller, case, signed, believed=believed), checks=CHECKS)

    check()
