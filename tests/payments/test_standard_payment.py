"""Standard payment: the same request as virtual payment, of its own type; its records in the navigation."""

import pytest
from django.core import mail
from django.urls import reverse

from console.models import OutgoingMail
from payments.actions import payment as payments
from payments.models import PaymentRequest
from payments.selling import selling_state
from tests.payments.conftest import follow


def url(name, program, **more):
    return reverse(f"payments:standard-payment{name}", kwargs={"app_id": program.app_id, **more})


@pytest.fixture
def standard(starfall, bound, team_admin):
    return payments.request_payment(starfall, actor=team_admin, message="Tickets.", type="standard")


def test_team_admin_requests_standard_payment(as_person, starfall, bound, team_admin):
    client = as_person(team_admin)
    page = follow(client, client.post(url("-request", starfall), {"message": "We sell tickets."}))
    assert "In review" in page.content.decode()
    row = PaymentRequest.objects.get()
    assert (row.type, row.state, row.program) == ("standard", "in_progress", starfall)


def test_the_two_types_are_separate(starfall, approved, standard, approver):
    assert selling_state(starfall).enabled
    assert not selling_state(starfall, type="standard").enabled
    payments.approve(standard, actor=approver)
    assert selling_state(starfall, type="standard").enabled
    payments.disable(approved, actor=approver, reason="Pause.")
    assert selling_state(starfall, type="standard").enabled
    assert not selling_state(starfall).enabled


def test_each_page_shows_its_own_requests(as_person, starfall, requested, standard, team_admin):
    client = as_person(team_admin)
    page = client.get(url("", starfall)).content.decode()
    assert "Tickets." in page
    assert "Starfall sells moonstones." not in page
    other = client.get(reverse("payments:payment", kwargs={"app_id": starfall.app_id})).content.decode()
    assert "Tickets." not in other


def test_a_request_is_cancelled_on_its_own_page_only(as_person, starfall, requested, standard, team_admin):
    client = as_person(team_admin)
    assert client.post(url("-cancel", starfall, pk=requested.pk)).status_code == 404
    follow(client, client.post(url("-cancel", starfall, pk=standard.pk)))
    assert {row.type: row.state for row in PaymentRequest.objects.all()} == {"virtual": "in_progress", "standard": "cancelled"}


def test_the_mail_leads_to_the_page_of_the_type(starfall, standard, approver):
    payments.approve(standard, actor=approver)
    body = OutgoingMail.objects.last().body if OutgoingMail.objects.exists() else mail.outbox[-1].body
    assert url("", starfall) in body
    assert "listed under Standard payment" in body


@pytest.mark.parametrize(("person", "status"), [("operator", 403), ("superapp_admin", 403), ("stranger", 404)])
def test_nobody_else_requests(as_person, starfall, bound, person, status, request):
    client = as_person(request.getfixturevalue(person))
    assert client.post(url("-request", starfall), {"message": "Please."}).status_code == status
    assert not PaymentRequest.objects.exists()


def test_the_records_are_the_lists_filtered_by_kind(as_person, starfall, team_admin):
    client = as_person(team_admin)
    orders = reverse("orders:list", kwargs={"app_id": starfall.app_id})
    page = client.get(orders, {"kind": "standard"}).content.decode()
    assert f'href="{orders}?kind=standard"' in page
    marked = [line for line in page.split("<a ") if 'aria-current="page"' in line and orders in line]
    assert len(marked) == 1
    assert "?kind=standard" in marked[0]
