"""Every route × every role of both tables × a stranger × nobody: what is answered is computed from the matrix.

A new route takes part by itself; a route whose URL needs an object that WORLD does not know fails here until it does.
"""

import hashlib
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from console.actions import export_schedule as export_schedules
from console.actions import invitation as invitations
from console.actions import team_role
from console.checks import PUBLIC_PREFIXES, PUBLIC_ROUTES, SIGNED_IN_PREFIXES, is_public, routes
from console.matrix import MATRIX, OWN, PLATFORM, SIGNED_IN, SUPERAPP, TEAM
from console.models import Job
from items.models import Import, Item, ItemImage, Release, ReleaseEntry
from orders.models import Attempt, Delivery, Order, Refund
from payments.models import Credential, CredentialMail, ExemptionRequest, Merchant, MerchantBinding, PaymentRequest, owners_of

ROUTES = {name: (path, view) for name, path, view in routes() if name and not is_public(name)}
OURS = {name: found for name, found in ROUTES.items() if not name.startswith(SIGNED_IN_PREFIXES)}
TEAM_PEOPLE = {"team_admin": "team_admin", "senior": "senior_developer", "developer": "developer", "operator": "operator"}
SUPERAPP_PEOPLE = {
    "superapp_admin": "superapp_admin",
    "superapp_developer": "superapp_senior_developer",
    "superapp_operator": "superapp_operator",
    "approver": "approver",
}
PLATFORM_PEOPLE = {"superadmin": "super_admin", "platform": "platform_admin"}


@pytest.fixture
def world(everyone, starfall, team_admin):
    """One of each thing a URL can be about, all of the team Northlight Games."""
    own, now = owners_of(starfall), timezone.now()
    merchant = Merchant.objects.create(superapp=starfall.superapp, merchant_id="M-1", name="Northlight", currency="USD")
    team_only = {"team": starfall.team, "superapp": starfall.superapp}
    binding = MerchantBinding.objects.create(**team_only, merchant=merchant, bound_team=starfall.team, requested_by=team_admin)
    request = PaymentRequest.objects.create(**own, program=starfall, type="virtual", requested_by=team_admin)
    standard = PaymentRequest.objects.create(**own, program=starfall, type="standard", requested_by=team_admin)
    exemption = ExemptionRequest.objects.create(**own, program=starfall, requested_by=team_admin)
    digest = hashlib.sha256(b"picture").hexdigest()
    picture = {"file": "items/x.png", "thumbnail": "items/t.png", "width": 1, "height": 1}
    image = ItemImage.objects.create(**own, **picture, sha256=digest, uploaded_by=team_admin)
    fields = {"name": "Gem", "price": 990, "currency": "USD", "edited_by": team_admin, "image": image}
    item = Item.objects.create(**own, product_id="gem", **fields)
    release = Release.objects.create(**own, requested_by=team_admin)
    snapshot = {"product_id": "gem", "name": "Gem", "price": 990, "currency": "USD", "content_hash": item.draft_hash}
    ReleaseEntry.objects.create(release=release, item=item, edited_by=team_admin, requested_by=team_admin, **snapshot)
    order = Order.objects.create(**own, out_trade_no="ORDER-1", open_id="player", amount=990, currency="USD")
    refund = Refund.objects.create(
        **own, order=order, refund_no="R-1", out_trade_no="ORDER-1", amount=1, currency="USD", started_at=now
    )
    imported = Import.objects.create(
        **own, started_by=team_admin, mode="add_only", file_name="items.xlsx", currency="USD", new=1,
        plan={"new": [[2, "coin", "Coin", 99, "", ""]]},
    )  # fmt: skip
    validity = {"not_before": now, "not_after": now + timedelta(days=1)}
    credential = Credential.objects.create(**own, **validity, serial_no="AB12", issued_by=team_admin)
    CredentialMail.objects.create(credential=credential, recipient="payments@northlight.test")
    sent = invitations.invite_user(email="one@demo.test", actor=everyone.superadmin)
    asked = invitations.invite(starfall.team, email="two@demo.test", role="operator", actor=team_admin)
    hired = invitations.invite(starfall.superapp, email="three@demo.test", role="approver", actor=everyone.superapp_admin)
    role = team_role.create(starfall.team, name="Redeliverer", permissions=["orders.redeliver"], actor=team_admin)
    exports = {"query": "", "recipients": [team_admin], "columns": ["number"], "file": "csv", "every": "day", "zone": "UTC"}
    scheduled = export_schedules.create(starfall, "orders", name="Daily", actor=team_admin, **exports)
    exports["recipients"] = [everyone.superapp_admin]
    superapp_scheduled = export_schedules.create(
        starfall.superapp, "orders", name="Daily", actor=everyone.superapp_admin, **exports
    )
    delivery = Delivery.objects.create(**own, order=order, event="goods", body="{}")
    attempt = Attempt.objects.create(delivery=delivery, number=1, url="https://shop.test", outcome="no_answer", started_at=now)
    return {
        "app_id": starfall.app_id, "team": starfall.team.code, "superapp": starfall.superapp.code, "product_id": "gem",
        "part": "new", "sha256": digest, "variant": "thumbnail", "currency": "JPY", "request": request.pk, "binding": binding.pk,
        "standard": standard.pk, "membership": everyone.operator.team_memberships.get().pk,
        "staff": everyone.superapp_operator.superapp_memberships.get().pk,
        "merchant": merchant.pk, "exemption": exemption.pk,
        "import": imported.pk, "release": release.pk, "order": order.pk, "refund": refund.pk, "delivery": delivery.pk,
        "program-export-schedule": scheduled.pk, "superapp-export-schedule": superapp_scheduled.pk,
        "credential": credential.pk, "attempt": attempt.pk,
        "role": role.pk, "person": everyone.operator.pk, "program": starfall.pk,
        "platform-invitation": sent.pk, "team-invitation": asked.pk, "superapp-invitation": hired.pk,
    }  # fmt: skip


def object_of(route: str) -> str:
    """Which object of WORLD the `pk` of this route means."""
    noun = route.split(":")[-1]
    if noun.endswith("-export-schedule"):
        return noun
    if noun.startswith("import-"):
        return "import"
    if noun.endswith("-workbench"):
        return noun.removesuffix("-workbench")
    if noun == "standard-payment-cancel":
        return "standard"
    if "-invitation" in noun:
        return noun.partition("-invitation")[0] + "-invitation"
    if noun.startswith("team-role"):
        return "role"
    if noun.startswith("platform-"):
        return "program" if noun.startswith("platform-program") else "person"
    if "-member-" in noun:
        return "membership" if noun.startswith("team") else "staff"
    if noun.startswith("merchant-account"):
        return "merchant"
    if noun.startswith("credential-"):
        return "credential"
    for prefix in ("merchant-", "release-", "refund", "exemption-", "delivery-"):
        if noun.startswith(prefix):
            return {"merchant-": "binding", "release-": "release", "refund": "refund", "exemption-": "exemption"}.get(
                prefix, "delivery"
            )
    return "order" if route.startswith("orders:") else "request"


def url_of(route: str, world: dict, person) -> str:
    pattern = ROUTES[route][0]
    names = [part.split(":")[-1].rstrip(">") for part in pattern.split("<")[1:]]
    names = [name.split(">")[0] for name in names]
    values: dict[str, object] = {}
    for name in names:
        if name == "uid":
            values[name] = Job.objects.create(kind="test", actor=person, title="Test").uid
        else:
            values[name] = code_of(route, world) if name == "code" else world[object_of(route) if name == "pk" else name]
    return reverse(route, kwargs=values)


def code_of(route: str, world: dict) -> str:
    """The platform's pages name superapps and teams alike."""
    return world["superapp" if route.startswith("platform-superapp") else "team"]


def container_of(route: str) -> str | None:
    path = ROUTES[route][0]
    if path.startswith("platform/"):
        return PLATFORM
    if "app_id>" in path or ":team>" in path:
        return TEAM
    return SUPERAPP if ":superapp>" in path else None


def holds(permission: str, person: str, container: str) -> bool:
    """Read off the matrix: a permission may be granted by the team or by its superapp."""
    for row in MATRIX:
        if row.permission != permission:
            continue
        if row.container == TEAM and container == TEAM and (TEAM_PEOPLE | PLATFORM_PEOPLE).get(person) in row.roles:
            return True
        if row.container == PLATFORM and container == PLATFORM and PLATFORM_PEOPLE.get(person) in row.roles:
            return True
        if permission in OWN and container != row.container:
            continue
        if row.container == SUPERAPP and SUPERAPP_PEOPLE.get(person) in row.roles:
            return True
        if row.container == SUPERAPP and container == SUPERAPP and PLATFORM_PEOPLE.get(person) in row.roles:
            return True
    return False


#: Pages that ask for what their object says, with the permission for that of WORLD.
OF_ITS_OBJECT = {f"{kind}-export-schedule": "orders.view_order" for kind in ("program", "superapp")}


def expected(route: str, person: str) -> set[int]:
    """The statuses that are right for this person on this route."""
    permission, container = OURS[route][1].view_class.permission, container_of(route)
    worked = {200, 204, 302, 400, 405, 409, 422}
    if person == "stranger":
        return {404} if container else worked
    if container == PLATFORM and person not in PLATFORM_PEOPLE:
        return {404}
    sees = container is None or person in {**SUPERAPP_PEOPLE, **PLATFORM_PEOPLE} or (container == TEAM and person in TEAM_PEOPLE)
    if not sees:
        return {404}
    if container is None or (permission == SIGNED_IN and route not in OF_ITS_OBJECT):
        return worked
    permission = OF_ITS_OBJECT.get(route, permission)
    # Images of items are also for those who review them.
    also = getattr(OURS[route][1].view_class, "reviewer_permission", permission)
    return worked if holds(permission, person, container) or holds(also, person, container) else {403}


def answers(client: Client, url: str) -> list[int]:
    """Statuses of GET and POST; a method the page does not have is 405 after the permission was checked."""
    return [client.get(url).status_code, client.post(url, {}).status_code]


PEOPLE = [*TEAM_PEOPLE, *SUPERAPP_PEOPLE, *PLATFORM_PEOPLE, "stranger"]
#: Pages about a file that the test's objects do not have answer 404 or 409 to those who may.
#: So do pages about somebody's own platform role; nobody closes the own account (403).
FILES = {"items:image": 404, "job-file": 409}


@pytest.mark.parametrize("person", PEOPLE)
def test_every_route_answers_this_person_as_the_matrix_says(person, world, everyone, django_capture_on_commit_callbacks):
    user, wrong = getattr(everyone, person), []
    for route in OURS:
        client = Client(raise_request_exception=False)
        client.force_login(user)
        right = expected(route, person) | ({FILES[route]} if route in FILES else set())
        got = answers(client, url_of(route, world, user))
        wrong += [f"{route}: got {got}, right would be {sorted(right)}"] if not set(got) <= right else []
    assert not wrong, "\n".join(wrong)


def test_nobody_gets_in_without_signing_in(world, everyone):
    client, wrong = Client(raise_request_exception=False), []
    for route in ROUTES:
        if route.startswith(SIGNED_IN_PREFIXES) and "<" in ROUTES[route][0]:
            continue
        url = url_of(route, world, everyone.stranger)
        for answer in (client.get(url), client.post(url, {})):
            if not (answer.status_code == 302 and answer["Location"].startswith("/accounts/")):
                wrong.append(f"{route}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_a_stranger_cannot_tell_what_exists_from_what_does_not(world, everyone, starfall):
    client = Client()
    client.force_login(everyone.stranger)
    existing = client.get(f"/m/{starfall.app_id}/orders/")
    missing = client.get("/m/mp0000000000000000/orders/")
    assert (existing.status_code, missing.status_code) == (404, 404)
    assert comparable(existing, starfall.app_id) == comparable(missing, "mp0000000000000000")


def comparable(answer, app_id: str) -> str:
    """The page without what differs at every request."""
    return re.sub(r"[A-Za-z0-9]{64}", "token", answer.content.decode()).replace(app_id, "app")


def test_public_routes_exist_and_every_route_has_a_name():
    names = {name for name, _path, _view in routes()}
    assert set(PUBLIC_ROUTES) - names <= {"demo-sign-in", "set-language", "account_signup"}
    assert all(any(name.startswith(prefix) for name in names) for prefix in PUBLIC_PREFIXES)
    assert [path for name, path, _view in routes() if not name or name.endswith(":")] == []
    assert get_resolver()
