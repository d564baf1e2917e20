"""What a role does not allow is not just missing: the page says so, and names those who can (three pages that people live in)."""

import pytest
from django.urls import reverse
from django.utils import timezone

from items.models import Item
from payments.models import PaymentRequest, owners_of
from tests.orders.records import place


@pytest.fixture
def items_url(starfall, team_admin):
    Item.objects.create(**owners_of(starfall), product_id="gem", name="Gem", price=990, currency="USD", edited_by=team_admin)
    return reverse("items:list", kwargs={"app_id": starfall.app_id})


def resting(client, person, url) -> dict[str, list[str]]:
    client.force_login(person)
    return client.get(url).context["resting"]


def test_an_operator_reads_who_adds_and_who_submits(client, items_url, operator, developer, senior, team_admin):
    found = resting(client, operator, items_url)
    (adds, submits) = found
    assert (found[adds], found[submits]) == (["Add item"], ["Submit for release"])
    assert all(one.name in adds for one in (team_admin, senior, developer))
    assert developer.name not in submits
    assert submits in client.get(items_url).text


def test_a_developer_adds_and_reads_who_submits(client, items_url, developer, senior):
    ((sentence, labels),) = resting(client, developer, items_url).items()
    assert (labels, senior.name in sentence) == (["Submit for release"], True)


def test_who_may_all_reads_of_nothing(client, items_url, team_admin):
    assert resting(client, team_admin, items_url) == {}


def test_the_platform_reads_who_disables_payment(client, starfall, team_admin, approver, platform):
    row = PaymentRequest.objects.create(**owners_of(starfall), program=starfall, type="virtual", requested_by=team_admin)
    PaymentRequest.objects.filter(pk=row.pk).update(state="approved", decided_by=approver)
    url = reverse("payments:review", kwargs={"superapp": starfall.superapp.code, "pk": row.pk})
    ((sentence, labels),) = resting(client, platform, url).items()
    assert (labels, approver.name in sentence) == (["Disable payment"], True)
    assert resting(client, approver, url) == {}


def test_an_operator_reads_who_redelivers(client, starfall, operator, senior, developer):
    place(starfall, "ORDER-1", payment_state="paid", delivery_state="needs_attention", created_at=timezone.now())
    url = reverse("orders:list", kwargs={"app_id": starfall.app_id}) + "?delivery=needs_attention"
    ((sentence, labels),) = resting(client, operator, url).items()
    assert (labels, senior.name in sentence, developer.name in sentence) == (["Redeliver many"], True, False)
    client.force_login(senior)
    page = client.get(url)
    assert "resting" not in page.context
    assert reverse("orders:redeliver-many", kwargs={"app_id": starfall.app_id}) in page.text
