"""How many calls one mini program and one address may make (docs/openserver.md, "How many calls")."""

import threading

import pytest

from openserver import limits
from openserver.limits import Buckets
from orders.models import Order
from tests.openserver.conftest import BASE, Answered

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
ELSEWHERE = "192.0.2.7"


@pytest.fixture
def limited(settings):
    """Three calls a minute for each; the counters are those of this test."""

    def limit(**values):
        for name, value in ({"WEB_PROCESSES": 1} | values).items():
            setattr(settings, name, value)
        limits.addresses.cache_clear()
        limits.programs.cache_clear()

    yield limit
    limits.addresses.cache_clear()
    limits.programs.cache_clear()


def health(client, address=ELSEWHERE) -> Answered:
    return Answered(client.get(f"{BASE}/health", REMOTE_ADDR=address))


def test_an_address_is_told_to_wait_and_for_how_long(client, limited):
    limited(CALLS_PER_ADDRESS=3)
    assert [health(client).code for _call in range(4)] == ["0", "0", "0", "RATE_LIMITED"]
    refused = health(client)
    assert refused.status == 429
    assert 1 <= int(refused.response.headers["Retry-After"]) <= 20
    assert refused.response.headers["Retry-After"] in refused.message
    assert health(client, "192.0.2.8").code == "0"  # another one is not concerned


def test_unknown_paths_and_unsigned_calls_count_too(client, limited):
    limited(CALLS_PER_ADDRESS=2)
    client.get(f"{BASE}/nothing", REMOTE_ADDR=ELSEWHERE)
    client.post(f"{BASE}/sessions", b"{}", content_type="application/json", REMOTE_ADDR=ELSEWHERE)
    assert health(client).code == "RATE_LIMITED"


def test_this_machine_is_not_counted(client, limited):
    limited(CALLS_PER_ADDRESS=1)
    assert {health(client, address).code for address in ["127.0.0.1", "::1", "127.0.0.1", "::1"]} == {"0"}


def test_what_a_superapp_signs_is_not_limited(shop, limited):
    limited(CALLS_PER_ADDRESS=1, CALLS_PER_PROGRAM=1)
    shop.client.defaults["REMOTE_ADDR"] = ELSEWHERE
    codes = {shop.notify_paid("N-1").code for _call in range(4)}
    assert codes == {"ORDER_NOT_FOUND"}


def test_a_mini_program_is_told_to_wait_and_another_goes_on(shop, reader, limited):
    limited(CALLS_PER_PROGRAM=2)
    assert [shop.place().code for _call in range(3)] == ["0", "0", "RATE_LIMITED"]
    assert Order.objects.count() == 2
    assert shop.by_developer("GET", f"/orders/X?appId={shop.program.app_id}").code == "RATE_LIMITED"
    assert reader.place().code == "0"


def test_a_stranger_cannot_use_up_what_a_mini_program_has(shop, limited):
    limited(CALLS_PER_PROGRAM=1)
    for _call in range(3):
        assert shop.by_developer("GET", f"/orders/X?appId={shop.program.app_id}", timestamp=1_700_000_000).code == "AUTH_INVALID"
        assert shop.place(token="nobody's").code == "SESSION_INVALID"
    assert shop.place().code == "0"


def test_each_process_has_its_share(limited, settings):
    limited(CALLS_PER_PROGRAM=100, WEB_PROCESSES=4)
    assert limits.programs().per_minute == 25


def test_a_bucket_fills_up_again():
    buckets = Buckets(60)
    assert [buckets.take("a", now=0.0) for _call in range(60)] == [0.0] * 60
    assert buckets.take("a", now=0.0) == pytest.approx(1.0)
    assert buckets.take("a", now=0.6) == pytest.approx(0.4)
    assert buckets.take("a", now=1.0) == 0.0
    assert buckets.take("a", now=1.5) > 0
    assert [buckets.take("a", now=1000.0) for _call in range(61)].count(0.0) == 60  # never more than a minute's worth


def test_no_limit():
    assert {Buckets(0).take("a") for _call in range(1000)} == {0.0}


def test_idle_callers_are_forgotten(monkeypatch):
    monkeypatch.setattr(limits, "KEPT", 10)
    buckets = Buckets(60)
    for number in range(50):
        buckets.take(number, now=number * 2.0)
    assert len(buckets.full_at) <= 11


def test_threads_at_once_get_no_more_than_there_is():
    buckets, taken = Buckets(100), []

    def take():
        taken.extend(buckets.take("a", now=0.0) for _call in range(50))

    threads = [threading.Thread(target=take) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(0.0) == 100
