"""Redeliver the selected and all that failed since a time: counted, then a paced job."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.errors import Forbidden, Invisible, Refused
from console.jobs import run_job
from console.models import AuditEntry, Job
from orders import redelivery
from orders.models import Delivery, Order
from orders.redelivery import Which
from tests.orders.shop import new_order, open_push, pay

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def pauses(monkeypatch) -> list[float]:
    """How long the job would have slept, in seconds."""
    slept: list[float] = []
    monkeypatch.setattr(redelivery.time, "sleep", slept.append)
    return slept


@pytest.fixture
def stuck(starfall, senior) -> list[Delivery]:
    """Four that failed: parked an hour ago, parked now, waiting after a failure; and one that was never tried."""
    keys = open_push(starfall, senior, "https://93.184.215.14/push")
    for number in range(4):
        pay(new_order(starfall, f"ORDER-{number}"), keys[0])
    rows = list(Delivery.objects.order_by("pk"))
    Order.objects.exclude(out_trade_no="ORDER-3").update(delivery_state="needs_attention")
    Order.objects.filter(out_trade_no="ORDER-2").update(delivery_state="pending")
    before = {"first_due_at": timezone.now() - 2 * HOUR}
    Delivery.objects.filter(pk=rows[0].pk).update(state="needs_attention", created_at=timezone.now() - HOUR, **before)
    Delivery.objects.filter(pk=rows[1].pk).update(state="needs_attention", **before)
    later = {"schedule_step": 3, "next_attempt_at": timezone.now() + HOUR}
    Delivery.objects.filter(pk=rows[2].pk).update(**later, **before)
    return rows


def run(job: Job) -> Job:
    run_job(job.pk)
    return Job.objects.get(pk=job.pk)


def due() -> int:
    return Delivery.objects.filter(state="pending", schedule_step=0, next_attempt_at__lte=timezone.now()).count()


def test_all_that_failed_are_due_at_once(starfall, senior, stuck):
    job = run(redelivery.start_redelivery(starfall, actor=senior))
    assert (job.state, job.result["facts"][0][1], due()) == ("succeeded", "3", 4)
    assert set(Order.objects.values_list("delivery_state", flat=True)) == {"pending"}
    assert AuditEntry.objects.filter(verb="orders.delivery.redeliver", actor=senior).count() == 3


def test_since_a_time_and_the_selected(starfall, senior, stuck):
    run(redelivery.start_redelivery(starfall, actor=senior, which=Which(timezone.now() - HOUR / 2)))
    assert list(Delivery.objects.filter(state="needs_attention")) == [stuck[0]]
    run(redelivery.start_redelivery(starfall, actor=senior, selected=[stuck[0].pk, stuck[3].pk]))
    assert due() == 4


def test_the_job_is_paced_and_a_second_run_redelivers_nothing(starfall, senior, stuck, pauses, monkeypatch):
    monkeypatch.setattr(redelivery, "BATCH", 1)
    job = run(redelivery.start_redelivery(starfall, actor=senior))
    assert pauses == [redelivery.PAUSE] * 2
    Delivery.objects.exclude(pk=stuck[3].pk).update(schedule_step=1)
    Job.objects.filter(pk=job.pk).update(state="queued")
    again = run(job)
    assert (again.state, again.result["facts"][0][1]) == ("succeeded", "0")


def test_what_is_delivered_meanwhile_is_left_alone(starfall, senior, stuck):
    job = redelivery.start_redelivery(starfall, actor=senior)
    Delivery.objects.filter(pk=stuck[1].pk).update(state="delivered")
    assert run(job).result["facts"][0][1] == "2"
    assert Delivery.objects.get(pk=stuck[1].pk).state == "delivered"


def test_others_and_nothing_are_refused(starfall, harbor_reader, senior, developer, stranger, stuck):
    with pytest.raises(Forbidden):
        redelivery.start_redelivery(starfall, actor=developer)
    with pytest.raises(Invisible):
        redelivery.start_redelivery(starfall, actor=stranger)
    selections = [{"selected": ids} for ids in ([], [stuck[3].pk], list(range(101)))]
    for wrong in (*selections, {"which": Which(timezone.now() + HOUR)}):
        with pytest.raises(Refused):
            redelivery.start_redelivery(starfall, actor=senior, **wrong)
    with pytest.raises(Refused):
        redelivery.start_redelivery(harbor_reader, actor=stranger, selected=[row.pk for row in stuck])
    assert Job.objects.count() == 0


def test_the_page_counts_and_starts_the_job(client, starfall, senior, developer, stranger, stuck, django_assert_max_num_queries):
    url = reverse("orders:redeliver-many", kwargs={"app_id": starfall.app_id})
    for person, status in ((developer, 403), (stranger, 404)):
        client.force_login(person)
        assert (client.get(url).status_code, client.post(url).status_code) == (status, status)
    client.force_login(senior)
    with django_assert_max_num_queries(20):
        assert "Redeliver all 3" in client.get(url).content.decode()
    assert "Nothing waits" in client.get(url, {"since": "2099-01-01T00:00"}).content.decode()
    wrong = client.get(url, {"since": "yesterday"})
    assert wrong.status_code == 422 and "Enter a date and a time" in wrong.content.decode()
    assert client.post(url, {"which": "selected", "ids": ["x"]}).status_code == 422
    answer = client.post(url, {"which": "selected", "ids": [stuck[0].pk]})
    job = Job.objects.get()
    assert answer["Location"] == reverse("job-detail", kwargs={"uid": job.uid})
    assert job.params["selected"] == [stuck[0].pk]
    client.post(url, {"which": "all", "since": "2020-01-01T00:00"})
    assert Job.objects.order_by("pk").last().params["since"].startswith("2020-01-01")


def test_of_one_environment_kind_and_item(client, starfall, senior, stuck):
    Order.objects.filter(out_trade_no="ORDER-0").update(product_id="sword")
    Order.objects.filter(out_trade_no="ORDER-1").update(kind="standard")
    Delivery.objects.filter(pk=stuck[2].pk).update(env=1)
    client.force_login(senior)
    url = reverse("orders:redeliver-many", kwargs={"app_id": starfall.app_id})
    for asked, meant in (({"item": "sword"}, stuck[0]), ({"kind": "standard"}, stuck[1]), ({"env": "1"}, stuck[2])):
        page = client.get(url, asked)
        assert list(page.context["rows"]) == [meant] and "Redeliver it" in page.content.decode()
        client.post(url, asked | {"which": "all"})
        assert list(redelivery._meant(starfall, Job.objects.latest("pk"))) == [meant]
    assert client.get(url, {"env": "7"}).status_code == 422


def test_a_job_of_the_previous_version_redelivers_all_since_its_time(starfall, senior, stuck):
    job = redelivery.start_redelivery(starfall, actor=senior)
    Job.objects.update(params={"program": starfall.pk, "since": "", "selected": None})
    assert run(job).result["facts"][0][1] == "3"


def test_the_order_record_hands_on_what_it_shows(client, starfall, senior, stuck):
    Order.objects.update(product_id="sword")
    records = reverse("orders:list", kwargs={"app_id": starfall.app_id})
    client.force_login(senior)
    page = client.get(records, {"delivery": "needs_attention", "item": "sword"})
    assert page.context["redeliver_url"].endswith("/orders/redeliver?env=0&kind=virtual&item=sword")
    assert client.get(page.context["redeliver_url"]).context["count"] == 3


def test_the_order_record_leads_to_it(client, starfall, senior, developer, stuck):
    url = reverse("orders:redeliver-many", kwargs={"app_id": starfall.app_id})
    records = reverse("orders:list", kwargs={"app_id": starfall.app_id})
    for person, shown in ((senior, True), (developer, False)):
        client.force_login(person)
        assert (url in client.get(records, {"delivery": "needs_attention"}).content.decode()) == shown
        assert url not in client.get(records).content.decode()
