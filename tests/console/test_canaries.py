"""More than 300 forbidden destinations through every door that takes one: no canary is hit (docs/reliability.md, "The edge").

The first test runs this file again in a network namespace (canaries.py); the others run there. LOCAL_DESTINATIONS is empty.
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from ipaddress import ip_address

import pytest

from console import loops
from console.errors import Refused
from console.http import Client, OutgoingRequest, probe, send_sync
from console.http_kept import send_kept
from console.models import MiniProgram
from console.secrets import new_app_key, seal
from console.url_check import check_sync
from openserver.errors import ApiError
from openserver.transactionform import _destination
from orders.actions import push
from orders.actions.push import send_test
from orders.models import Attempt, Delivery, Order
from payments.actions.backend import check_address
from payments.forms import DeliveryForm
from payments.models import Credential, DeliveryConfig, owners_of
from tests.console.canaries import FORBIDDEN_4, FORBIDDEN_6, PUBLIC, Canaries, in_a_namespace, spellings, why_not
from tests.orders.shop import dispatch, open_push

INSIDE = bool(os.environ.get("CANARIES"))
inside = pytest.mark.skipif(not INSIDE, reason="runs inside the namespace that the first test makes")
URLS = spellings()


def test_no_door_lets_a_forbidden_destination_through(tmp_path):
    if INSIDE:
        pytest.skip("this is the run inside")
    if reason := why_not(tmp_path):
        pytest.skip(reason)
    command = [sys.executable, "-m", "pytest", "-q", "--no-migrations", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    ran = in_a_namespace(tmp_path, command, CANARIES="1", TEST_SQLITE="1", TEST_DATABASE_URL="")
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert f"{DOORS + 1} passed, 1 skipped" in ran.stdout, ran.stdout[-2000:]


def test_there_are_more_than_300_spellings():
    assert len(URLS) == len(set(URLS)) > 300


@pytest.fixture(scope="module")
def canaries():
    """Alive before and after: a plain connection to each forbidden address is noticed."""
    made = Canaries()
    check_alive(made)
    yield made
    check_alive(made)


def check_alive(canaries: Canaries) -> None:
    canaries.taken()
    addresses = [*FORBIDDEN_4, *(text for text in FORBIDDEN_6 if text != "::" and not text.startswith("::ffff:")), *PUBLIC]
    met = set()
    for address in addresses:
        with socket.create_connection((address, 80), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        met.add(ip_address("127.0.0.1" if address == "0.0.0.0" else address))
    assert {ip_address(address) for address, _port in canaries.taken()} == met


@pytest.fixture
def quiet(canaries, settings):
    """Fails the test if any canary was hit but those of public addresses at their ports."""
    assert settings.LOCAL_DESTINATIONS == frozenset()
    canaries.taken()
    yield canaries
    hits = [hit for hit in canaries.taken() if hit[0] not in PUBLIC or hit[1] not in (80, 443)]
    assert hits == []


@inside
def test_the_forms_of_url_and_test_url(quiet):
    accepted = []
    for url in URLS:
        for data in ({"url": url}, {"url": "http://public.test/", "test_url": url}):
            form = DeliveryForm(data)
            if form.is_valid():
                accepted.append(url)
            else:
                assert [text for texts in form.errors.values() for text in texts if len(text) > 20]
    # What resolves to public addresses today may be saved; every send looks again.
    assert {url for url in accepted if "rebinding" not in url and "redirect" not in url} == set()
    assert DeliveryForm({"url": "http://public.test/"}).is_valid() and DeliveryForm({"url": "https://public6.test/"}).is_valid()


@inside
@pytest.mark.django_db
def test_test_pushes(quiet, starfall, senior, monkeypatch):
    # The same without the wait that makes all unreachable ones alike.
    monkeypatch.setattr(push, "probe_sync", send_sync)
    open_push(starfall, senior, "http://public.test/push")
    config = DeliveryConfig.objects.get()
    assert send_test(config, actor=senior).outcome == Attempt.Outcome.ACKNOWLEDGED
    assert quiet.taken() == [("8.8.8.8", 80)]
    for url in URLS:
        config.test_url = url  # as if it had been saved before the rules, or the name had moved since
        attempt = send_test(config, actor=senior)
        assert attempt.outcome == Attempt.Outcome.NO_ANSWER or "rebinding" in url or "redirect" in url, url
        assert attempt.error == "unreachable" and attempt.durations == {} or attempt.status, url


@inside
@pytest.mark.django_db(transaction=True)
def test_pushes_of_the_dispatcher(quiet, starfall, senior):
    open_push(starfall, senior, "http://public.test/push")
    fill_outbox(starfall, senior, ["http://public.test/push", "https://public.test/push", *URLS])
    dispatch()
    attempts = {attempt.url: attempt for attempt in Attempt.objects.filter(number=1)}
    assert set(attempts) == {"http://public.test/push", "https://public.test/push", *URLS}
    assert attempts["http://public.test/push"].outcome == Attempt.Outcome.ACKNOWLEDGED
    delivered = {url for url, attempt in attempts.items() if attempt.status}
    assert {url for url in delivered if "rebinding" not in url and "redirect" not in url} == {"http://public.test/push"}


def fill_outbox(like: MiniProgram, person, urls: list[str]) -> None:
    """A mini program for each URL, so that none waits for another, and a due row that goes there."""
    fields = {"kind": like.kind, "team": like.team, "superapp": like.superapp}
    programs = MiniProgram.objects.bulk_create(MiniProgram(name=f"P{number}", **fields) for number, _url in enumerate(urls))
    key = Credential.objects.get()
    for program in programs:
        key.pk, key.serial_no, key.mini_program = None, f"{program.pk:016X}", program
        key.sealed_live_key = seal(new_app_key(), bound_to=key.binding("live_key"))
        key.save(force_insert=True)
    own = [owners_of(program) for program in programs]
    paid = {"open_id": "p", "amount": 990, "currency": "USD", "payment_state": "paid", "paid_amount": 990}
    paid["delivery_state"] = "pending"
    orders = Order.objects.bulk_create(Order(**each, **paid, out_trade_no="N-1") for each in own)
    Delivery.objects.bulk_create(
        Delivery(**each, order=order, event="goods", body="{}", url=url)
        for each, order, url in zip(own, orders, urls, strict=True)
    )


@inside
def test_calls_of_a_superapps_backend(quiet):
    assert send_kept(OutgoingRequest(url="http://public.test/create-prepay-order", body=b"{}")).status == 200
    for url in URLS:
        answer = send_kept(OutgoingRequest(url=url, body=b"{}"))
        assert answer.unreachable or "rebinding" in url or "redirect" in url, url


@inside
def test_the_test_of_a_superapps_backend(quiet):
    async def press_all() -> None:
        async with Client() as client:
            asked = [probe(OutgoingRequest(url=url, body=b"{}", connect_deadline=2.0), client=client) for url in URLS]
            for url, answer in zip(URLS, await asyncio.gather(*asked), strict=True):
                assert answer.unreachable or "rebinding" in url or "redirect" in url, url

    loops.run(press_all())


@inside
def test_the_url_check(quiet):
    requests = [OutgoingRequest(url=url, body=b"{}", connect_deadline=2.0, inspect=True) for url in URLS]
    for url, checked in zip(URLS, check_sync(*requests), strict=True):
        assert checked.refusal or checked.answer.unreachable or "rebinding" in url or "redirect" in url, url


@inside
def test_addresses_of_superapps_and_of_standard_payments_are_judged_without_a_connection(quiet):
    for url in URLS:
        with suppress(Refused):
            check_address(url)
        with suppress(ApiError):
            _destination(url)
    for text in FORBIDDEN_4:
        with pytest.raises(ApiError, match="notify_url is refused"):
            _destination(f"http://{text}/")
    assert quiet.taken() == []


DOORS = sum(name.startswith("test_") and hasattr(each, "pytestmark") for name, each in list(globals().items()))
