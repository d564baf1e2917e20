"""What waits stands on Basic configurations: counted before the push is switched on, offered after the URL was changed."""

import pytest
from django.urls import reverse
from pytest_httpserver import HTTPServer

from console.jobs import run_job
from orders.actions.push import switch_off
from orders.models import Delivery
from orders.redelivery import start_redelivery
from payments.models import DeliveryConfig
from tests.orders.shop import dispatch, dispatching, new_order, open_push, pay, until

OK = {"returnCode": "0"}


@pytest.fixture
def receiver(settings):
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{server.port}"}
        yield server


@pytest.fixture
def keys(starfall, team_admin, receiver):
    return open_push(starfall, team_admin, receiver.url_for("/old"))


def page(client, program) -> str:
    return client.get(reverse("payments:delivery", kwargs={"app_id": program.app_id})).content.decode()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_what_is_held_is_counted_before_the_push_is_switched_on(client, starfall, senior, keys):
    switch_off(DeliveryConfig.objects.get(), actor=senior)
    for number in range(3):
        pay(new_order(starfall, f"LIVE-{number}"), keys[0])
    pay(new_order(starfall, "SANDBOX", env=1), keys[1])
    client.force_login(senior)
    text = page(client, starfall)
    assert "3 live events are held. They are sent when the push is switched on" in text
    assert "1 sandbox event is held. It is sent when the push is on and a Test URL is saved." in text
    DeliveryConfig.objects.update(enabled=True)
    Delivery.objects.filter(env=0).delete()
    assert "1 sandbox event is held. It is sent as soon as a Test URL is saved." in page(client, starfall)


@pytest.mark.django_db(transaction=True)
def test_after_a_change_of_the_url_what_failed_is_redelivered_there(client, starfall, senior, developer, keys, receiver):
    receiver.expect_request("/old").respond_with_data("", status=500)
    receiver.expect_request("/new").respond_with_json(OK)
    pay(new_order(starfall), keys[0])
    dispatch()
    DeliveryConfig.objects.update(url=receiver.url_for("/new"))
    client.force_login(senior)
    text = page(client, starfall)
    assert "1 event failed and waits" in text
    assert reverse("orders:redeliver-many", kwargs={"app_id": starfall.app_id}) in text
    client.force_login(developer)
    assert reverse("orders:redeliver-many", kwargs={"app_id": starfall.app_id}) not in page(client, starfall)
    run_job(start_redelivery(starfall, actor=senior).pk)
    dispatch()
    assert [request.path for request, _answer in receiver.log] == ["/old", "/new"]
    assert Delivery.objects.get().state == "delivered"
    assert "failed and wait" not in page(client, starfall)


@pytest.mark.django_db(transaction=True)
def test_a_saved_test_url_releases_what_was_held(starfall, keys, receiver):
    receiver.expect_request("/test").respond_with_json(OK)
    pay(new_order(starfall, "SANDBOX", env=1), keys[1])
    assert Delivery.objects.get().state == "held"
    DeliveryConfig.objects.update(test_url=receiver.url_for("/test"))
    with dispatching():
        until(lambda: Delivery.objects.get().state == "delivered")
    assert [request.path for request, _answer in receiver.log] == ["/test"]
