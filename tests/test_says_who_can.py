"""What a role does not allow is not just missing: the page says so, and names those who can.

BUTTONS has every row of the matrix that is an act: on which page its button stands, for which role that may look but not act.
A new row fails here until its page says who can.
"""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from console.matrix import MATRIX
from console.permissions import holders
from items.models import Item
from orders.models import Delivery, Order
from payments.models import DeliveryConfig, PaymentRequest, owners_of
from tests.orders.records import place

LOOKING = re.compile(r"view|orders\.view_|download_template")
APP, TEAM_PLACE, SUPERAPP_PLACE = "app_id", "team", "superapp"
#: (container, permission) → role that may look, page, kind of place, label of the button.
BUTTONS = {
    ("team", "payments.request_payment"): ("operator", "payments:payment", APP, "Request permission"),
    ("team", "payments.bind_merchant"): ("operator", "payments:merchant", TEAM_PLACE, "Bind a merchant"),
    ("team", "payments.configure_delivery"): ("developer", "payments:delivery", APP, "Check the URLs"),
    ("team", "payments.manage_credentials"): ("developer", "payments:delivery", APP, "Issue a new one"),
    ("team", "payments.request_exemption"): ("developer", "payments:delivery", APP, "Request exemption"),
    ("team", "items.edit_item"): ("operator", "items:list", APP, "Add item"),
    ("team", "items.submit_release"): ("developer", "items:list", APP, "Submit for release"),
    ("team", "items.remove_item"): ("senior", "items:detail", "item", "Delete"),
    ("team", "orders.redeliver"): ("operator", "orders:detail", "order", "Redeliver now"),
    ("team", "console.manage_members"): ("platform", "team-members", TEAM_PLACE, "Add a member"),
    ("superapp", "payments.manage_payment"): ("platform", "payments:payment-management", SUPERAPP_PLACE, "Switch off"),
    ("superapp", "payments.edit_merchants"): ("approver", "payments:merchants", SUPERAPP_PLACE, "Add a merchant"),
    ("superapp", "payments.edit_backend"): ("platform", "payments:backend", SUPERAPP_PLACE, "Configure"),
    ("superapp", "payments.decide"): ("platform", "payments:approvals", SUPERAPP_PLACE, "Reject"),
    ("superapp", "payments.intervene"): ("platform", "payments:review", "request", "Disable payment"),
    ("superapp", "console.manage_members"): ("platform", "superapp-members", SUPERAPP_PLACE, "Add a member"),
    ("platform", "console.manage_platform_admins"): ("platform", "platform-user", "person", "Make this person platform admin"),
}
#: Both roles of the platform may look and act, so nobody looks at these without acting.
ALWAYS_BOTH = {"console.manage_superapps", "console.manage_teams", "console.manage_users"}


def acts() -> set[tuple[str, str]]:
    return {(row.container, row.permission) for row in MATRIX if not LOOKING.search(row.permission)}


def test_the_page_of_every_act_is_known():
    assert set(BUTTONS) == {(container, permission) for container, permission in acts() if permission not in ALWAYS_BOTH}
    assert all(row.cells == "YY" for row in MATRIX if row.permission in ALWAYS_BOTH)


@pytest.fixture
def shop(starfall, team_admin, approver, everyone):
    """What the buttons are about: a configured push, an item, an order that failed, an approved payment request."""
    own = owners_of(starfall)
    DeliveryConfig.objects.create(**own, url="https://shop.test/push", saved_by=team_admin)
    Item.objects.create(**own, product_id="gem", name="Gem", price=990, currency="USD", edited_by=team_admin)
    failed = {"payment_state": "paid", "delivery_state": "needs_attention"}
    order = place(starfall, "ORDER-1", **failed, created_at=timezone.now())
    Delivery.objects.create(**own, order=order, event="goods", body="{}", state="needs_attention")
    request = PaymentRequest.objects.create(**own, program=starfall, type="standard", requested_by=team_admin)
    PaymentRequest.objects.filter(pk=request.pk).update(state="approved", decided_by=approver)
    return {"starfall": starfall, "request": request, "order": Order.objects.get(), "person": everyone.operator}


def address(route: str, kind: str, shop) -> str:
    program = shop["starfall"]
    names = {
        APP: {"app_id": program.app_id}, TEAM_PLACE: {"team": program.team.code},
        SUPERAPP_PLACE: {"superapp": program.superapp.code},
        "item": {"app_id": program.app_id, "product_id": "gem"}, "order": {"app_id": program.app_id, "pk": shop["order"].pk},
        "request": {"superapp": program.superapp.code, "pk": shop["request"].pk}, "person": {"pk": shop["person"].pk},
    }  # fmt: skip
    return reverse(route, kwargs=names[kind])


@pytest.mark.parametrize(("container", "permission"), BUTTONS, ids=["-".join(row) for row in BUTTONS])
def test_who_may_look_but_not_act_reads_who_can(container, permission, client, shop, everyone):
    person, route, kind, label = BUTTONS[container, permission]
    client.force_login(getattr(everyone, person))
    answer = client.get(address(route, kind, shop))
    assert answer.status_code == 200
    program = shop["starfall"]
    about = {"team": program, "superapp": program.superapp}.get(container)
    names = [user.name for user in holders(permission, about)] if about else [everyone.superadmin.name]
    assert names
    resting = re.findall(r'<div class="unavailable">(.*?)</div>', answer.text, re.DOTALL)
    told = next((part for part in resting if f">{label}</button>" in part), "")
    assert told, f"{label} rests nowhere on {route}: {resting}"
    assert all(name in told for name in names)


@pytest.mark.parametrize(("container", "permission"), BUTTONS, ids=["-".join(row) for row in BUTTONS])
def test_who_may_act_reads_of_nothing(container, permission, client, shop, everyone):
    _person, route, kind, label = BUTTONS[container, permission]
    actors = {"team": everyone.team_admin, "superapp": everyone.superapp_admin, "platform": everyone.superadmin}
    client.force_login(actors[container])
    page = client.get(address(route, kind, shop)).text
    resting = "".join(re.findall(r'<div class="unavailable">(.*?)</div>', page, re.DOTALL))
    assert label not in resting or "Your role" not in resting



def test_an_operator_reads_who_redelivers_many(client, shop, operator, senior, developer):
    starfall = shop["starfall"]
    client.force_login(operator)
    url = reverse("orders:list", kwargs={"app_id": starfall.app_id}) + "?delivery=needs_attention"
    ((sentence, labels),) = client.get(url).context["resting"].items()
    assert (labels, senior.name in sentence, developer.name in sentence) == (["Redeliver many"], True, False)
    client.force_login(senior)
    assert reverse("orders:redeliver-many", kwargs={"app_id": starfall.app_id}) in client.get(url).text
