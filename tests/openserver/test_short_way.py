"""Calls of openServer go round the middleware of pages (openserver/middleware.py) and lose nothing by it."""

import pytest
from django.utils import translation

from console.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
CALL, PAGE = "/openserver/v1/health", "/openserver/v1/docs"


@pytest.mark.parametrize("path", [CALL, PAGE, "/openserver/v1/nothing", "/openserver/v1/openapi.json"])
def test_every_answer_has_the_headers_that_protect(client, path):
    headers = client.get(path).headers
    assert headers["X-Frame-Options"] == "DENY" and headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_an_answer_says_its_length(client):
    answer = client.get(CALL)
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_a_call_reads_no_session(client, django_assert_num_queries):
    client.cookies["sessionid"] = "x" * 32
    with django_assert_num_queries(1) as asked:
        assert not client.get(CALL).cookies
    assert asked.captured_queries[0]["sql"] == "SELECT 1"


def test_a_foreign_host_is_refused(client):
    assert client.get(CALL, headers={"host": "evil.example"}).status_code == 400


def test_the_language_of_the_thread_s_last_page_is_left(client, shop):
    translation.activate("zh-hans")
    client.get(CALL)
    assert translation.get_language() == "en"


def test_the_audit_entry_knows_request_and_address(shop):
    placed = shop.place()
    entry = AuditEntry.objects.get(verb="orders.order.place")
    assert (entry.request_id, entry.address) == (placed.body["requestId"], "127.0.0.1")
