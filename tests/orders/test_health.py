"""The health page and the metrics: what moves, what waits, and what stands still."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Attempt, Delivery, Heartbeat
from orders.outbox import claim
from tests.orders.shop import new_order, open_push, pay

pytestmark = pytest.mark.django_db
TOKEN = {"HTTP_AUTHORIZATION": "Bearer secret-of-the-monitor"}


@pytest.fixture
def delivery(starfall, team_admin):
    keys = open_push(starfall, team_admin, "http://127.0.0.1:1/")
    pay(new_order(starfall), keys[0])
    return Delivery.objects.get()


@pytest.fixture
def token(settings):
    settings.METRICS_TOKEN = "secret-of-the-monitor"


def due_since(minutes):
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=minutes))


def attempted(delivery, minutes_ago):
    at = timezone.now() - timedelta(minutes=minutes_ago)
    Attempt.objects.create(delivery=delivery, number=1, url="", outcome="no_answer", started_at=at)


def test_with_nothing_to_do_it_is_well(client):
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "failing": [], "warnings": []})


def test_deliveries_that_stand_still_for_five_minutes_are_a_failure(client, delivery):
    attempted(delivery, 6)
    due_since(4)
    assert client.get("/health").status_code == 200
    due_since(6)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["deliveries_stand_still"])
    assert answer.json()["warnings"] == ["no_dispatcher"]


def test_an_attempt_lately_shows_that_something_moves(client, delivery):
    due_since(60)
    attempted(delivery, 1)
    assert client.get("/health").status_code == 200


def test_what_a_dead_dispatcher_left_in_hand_stands_still_too(client, delivery):
    claim(limit=1, room={}, usual_room=8)
    Delivery.objects.update(lease_until=timezone.now() - timedelta(minutes=6))
    assert client.get("/health").status_code == 503


def test_figures_are_for_those_with_the_token(client, delivery, token):
    Heartbeat.objects.create(name="here", seen_at=timezone.now() - timedelta(seconds=7))
    due_since(2)
    assert "figures" not in client.get("/health").json()
    figures = client.get("/health", **TOKEN).json()["figures"]
    assert 120 <= figures.pop("deliveries_oldest_due_seconds") < 180
    assert 7 <= figures.pop("dispatcher_heartbeat_age_seconds") < 60
    assert figures == {
        "dispatchers": 1, "outbox_depth": 1, "deliveries_due": 1, "deliveries_in_flight": 0, "deliveries_parked": 0,
        "endpoints_resting": 0, 'jobs{state="queued"}': 0, 'jobs{state="running"}': 0, "mails_due": 0,
    }  # fmt: skip


def test_prometheus_reads_the_same(client, delivery, token):
    answer = client.get("/metrics", **TOKEN)
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.content.decode().splitlines()
    assert "console_outbox_depth 1" in lines and 'console_jobs{state="queued"} 0' in lines
    assert lines.count("# TYPE console_jobs gauge") == 1
    assert not any(line.startswith("console_dispatcher_heartbeat_age_seconds") for line in lines), "nobody was ever seen"


def test_without_the_right_token_there_are_no_metrics(client, token):
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer wrong").status_code == 401
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer é").status_code == 401


def test_without_a_token_set_the_page_does_not_exist(client):
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404
    assert "figures" not in client.get("/health", HTTP_AUTHORIZATION="Bearer ").json(), "no token is no password"


def test_the_health_page_asks_a_handful_of_queries(client, delivery, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        client.get("/health")
