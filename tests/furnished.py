"""The demo with all that it has none of, and the pages that hang on the state of an object, on a link in a mail or on a moment.

A walk that follows links (tests/crawl.py) opens one address of each route; PAGES opens the others, in the states that matter.
"""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import openpyxl
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.urls import reverse

import items.imports  # noqa: F401 - the jobs register themselves
import orders.tasks  # noqa: F401
from console import links
from console.actions import export_schedule, superapp, team, team_role
from console.actions import invitation as invitations
from console.actions import user as users
from console.actions.membership import give
from console.models import Invitation, Job, MiniProgram, Notice, Superapp, User
from console.permissions import System
from items.actions import imports
from items.models import Import, Item, Release
from orders.mismatches import CASES, open_rows
from orders.models import Order, Refund
from payments.actions import backend, client_certificate, rotation
from payments.models import Credential, ExemptionRequest, Request
from tests.orders.archive import archive, sold
from tests.payments.test_client_certificate import made, pem

SETUP = System("test setup")
#: Readers beside the accounts of the demo: who has not signed in, who is between password and code, who opened a reset link.
NOBODY, HALF_WAY, RESETTING = "", "half-way", "resetting"
#: Made here: the admin of a superapp in which nothing has happened yet.
NEWCOMER = "zoe"
ADD, UPDATE = Import.Mode.ADD_ONLY, Import.Mode.ADD_AND_UPDATE


class Opened(NamedTuple):
    """A page to open: for whom (the part of the e-mail before the @), and what it is to answer."""

    reader: str
    address: str
    status: int = 200


class Furnished:
    """What was added, by name."""

    def __init__(self) -> None:
        self.people = {user.email.partition("@")[0]: user for user in User.objects.all()}
        self.superapp, self.program = Superapp.objects.get(), MiniProgram.objects.get(name="Moonlit Cards")
        self.admin, self.boss, self.platform = (self.people[name] for name in ("team-admin", "superapp-admin", "superadmin"))
        self._people()
        self._places()
        self._exports()
        self._imports()
        self._archive()
        self._keys()

    def _people(self) -> None:
        """Invitations of each kind, a closed account, recovery codes for one and no second factor for another."""
        invite = {"name": "", "actor": self.platform}
        self.invited = invitations.invite_user(email="new@demo.test", **invite)
        invitations.revoke(invitations.invite_user(email="gone@demo.test", **invite), actor=self.platform)
        self.tester = invitations.invite(self.program.team, email="tester@demo.test", role="operator", actor=self.admin)
        self.helper = invitations.invite(self.superapp, email="helper@demo.test", role="approver", actor=self.boss)
        self.closed = User.objects.create_user("cora@demo.test", "demo", name="Cora Closed")
        users.close(self.closed, actor=self.platform)
        self.newcomer = self.people[NEWCOMER] = User.objects.create_user(f"{NEWCOMER}@demo.test", "demo", name="Zoe Newcomer")
        RecoveryCodes.activate(self.admin)
        forgetful = self.people["developer"]
        self.reset_path = f"/accounts/password/reset/key/{user_pk_to_url_str(forgetful)}"
        self.reset_link = f"{self.reset_path}-{default_token_generator.make_token(forgetful)}/"

    def _places(self) -> None:
        """A team whose linked e-mail waits, one without an admin, two superapps that are not set up, a role of a team's own."""
        self.tail = team.create(self.superapp, name="Tail Games", linked_email="pay@tail.test", actor=self.platform)
        self.email = team.waiting(self.tail)
        self.zephyr = superapp.create(name="Zephyr", actor=self.platform)
        self.nova = superapp.create(name="Nova", actor=self.platform)
        give(self.newcomer, self.zephyr, "superapp_admin", actor=SETUP)
        team_role.create(self.program.team, name="Redeliverer", permissions=["orders.redeliver"], actor=self.admin)

    def _exports(self) -> None:
        """Scheduled exports of both kinds of place, jobs in each state, an unread notification."""
        fields = {"query": "", "columns": ["number"], "file": "csv", "every": "day", "zone": "UTC", "name": "Daily"}
        self.daily = export_schedule.create(self.program, "orders", recipients=[self.admin], actor=self.admin, **fields)
        export_schedule.create(self.superapp, "orders", recipients=[self.boss], actor=self.boss, **fields)
        for person in (self.admin, self.boss):
            for state in Job.State.values:
                job(person, state)
        url = reverse("payments:merchant", kwargs={"team": self.program.team.code})
        Notice.objects.create(user=self.admin, kind=Notice.Kind.DECISION, subject="Approved", url=url)

    def _imports(self) -> None:
        """One that can be confirmed, one with faults and warnings, one that ran, one that could not be read."""
        good = [["coin", "Coin", "0.99"], ["gems_60", "Sixty gems", "1.09"]]
        self.checked = upload(self.program, self.admin, good, mode=UPDATE)
        self.faulty = upload(self.program, self.admin, [["red ruby", "Ruby", "$2"], ["gems_60", "Gems", "1,5"], ["x", 2048, 1]])
        ran = upload(self.program, self.admin, [["token", "Token", "0.49"]])
        self.applied = imports.confirm(ran, actor=self.admin)
        self.unreadable = upload(self.program, self.admin, None)

    def _archive(self) -> None:
        """An order of long ago with a refund, in a file of the archive."""
        sold(self.program, "ARCHIVED-1", refund="RF-ARCHIVED-1", open_id="player-of-long-ago")
        archive()

    def _keys(self) -> None:
        """A credential beside one that overlaps, a client certificate, a key of the superapp that waits for its switch."""
        self.overlapping = Credential.objects.get(mini_program=self.program, state="active")
        self.active, _passphrase = rotation.rotate(self.overlapping, actor=self.admin, overlap=timedelta(days=1))
        certificate, key = made("moonlit pushes")
        client_certificate.upload(self.program, actor=self.admin, certificate=certificate, key=pem(key))
        backend.create_key(self.superapp, actor=self.boss)


def job(person: User, state: str) -> Job:
    """A job in this state."""
    return Job.objects.create(kind="test", actor=person, title="Export of the order record", state=state, done=120, total=400)


def upload(program: MiniProgram, actor: User, rows: list[list[Any]] | None, *, mode: str = ADD) -> Import:
    """An import of these rows, checked; None for a file that is no workbook."""
    book, out = openpyxl.Workbook(), io.BytesIO(b"no workbook")
    for row in [["Item ID", "Name", "Price in USD"], *(rows or [])]:
        book.active.append(row)
    if rows:
        book.save(out)
    run = imports.upload(program, actor=actor, file=SimpleUploadedFile("items.xlsx", out.getvalue()), mode=mode)
    return Import.objects.get(pk=run.pk)


def without_factor(*people: User) -> None:
    """Their pages about the second factor are those of who has none."""
    Authenticator.objects.filter(user__in=people).delete()


def asked(route: str, query: dict[str, Any] | None = None, **names: Any) -> str:
    """The address of a route; lists in `query` become several values."""
    data = QueryDict(mutable=True)
    for name, value in (query or {}).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return reverse(route, kwargs=names) + (f"?{data.urlencode()}" if query else "")


Rows = list[tuple[Any, ...]]


def _own(made: Furnished) -> Rows:
    """Signing in, the second factor, links of mails, what is refused."""
    gone = Invitation.objects.get(email="gone@demo.test")
    return [
        (NOBODY, asked("account_inactive")),
        (NOBODY, asked("account_reset_password_from_key_done")),
        (NOBODY, links.url_of(made.invited)),
        (NOBODY, links.url_of(gone), 409),
        (NOBODY, links.url_of(made.email)),
        (RESETTING, f"{made.reset_path}-set-password/"),
        (HALF_WAY, asked("mfa_authenticate")),
        ("operator", asked("mfa_activate_totp")),
        ("operator", asked("account_reauthenticate")),
        ("team-admin", asked("account_logout")),
        ("team-admin", asked("mfa_reauthenticate")),
        ("team-admin", "/nowhere/", 404),
        ("team-admin", asked("styleguide")),
        ("operator", asked("payments:merchant-bind", team=made.program.team.code), 403),
        *(("team-admin", asked("job-detail", uid=row.uid)) for row in Job.objects.filter(actor=made.admin, kind="test")),
    ]


def _platform(made: Furnished) -> Rows:
    nova, tail = {"code": made.nova.code}, {"code": made.tail.code}
    return [
        ("superadmin", asked("platform-admin-dismiss", pk=made.people["platform"].pk)),
        ("superadmin", asked("platform-user", pk=made.closed.pk)),
        ("platform", asked("platform-user", pk=made.people["superadmin"].pk)),
        ("superadmin", asked("platform-user-reopen", pk=made.closed.pk)),
        ("superadmin", asked("platform-superapp", **nova)),
        ("superadmin", asked("platform-superapp-appoint", **nova)),
        ("superadmin", asked("platform-team", **tail)),
        ("superadmin", asked("platform-team-appoint", **tail)),
    ]


def _people(made: Furnished) -> Rows:
    own, whole = {"team": made.program.team.code}, {"superapp": made.superapp.code}
    operator = made.people["operator"].team_memberships.get()
    return [
        ("team-admin", asked("team-member-remove", pk=operator.pk, **own)),
        ("team-admin", asked("team-invitation", pk=made.tester.pk, **own)),
        ("superapp-admin", asked("superapp-invitation", pk=made.helper.pk, **whole)),
        ("team-admin", asked("program-export-schedule", app_id=made.program.app_id, pk=made.daily.pk)),
    ]


def _items(made: Furnished) -> Rows:
    own, whole = {"app_id": made.program.app_id}, {"superapp": made.superapp.code}
    of = {row.state: row.product_id for row in one_of_each(Item.objects.filter(mini_program=made.program), "state")}
    draft, live = {**own, "product_id": of["unreleased"]}, {**own, "product_id": of["released"]}
    some = {"ids": [str(pk) for pk in Item.objects.on_sale().values_list("pk", flat=True)[:3]]}
    return [
        ("team-admin", asked("items:edit", **draft)),
        ("team-admin", asked("items:delete", **draft)),
        ("team-admin", asked("items:remove", **live)),
        ("approver", asked("items:take-down", **live)),
        ("approver", asked("items:superapp-look-at", some, **whole)),
        ("approver", asked("items:superapp-take-down", some, **whole)),
        *(("team-admin", asked("items:detail", product_id=product_id, **own)) for product_id in of.values()),
        *(("approver", asked("items:release-review", pk=row.pk, **whole)) for row in one_of_each(Release.objects, "state")),
    ]


def one_of_each(rows: Any, field: str) -> list[Any]:
    """The newest row of each value of a field."""
    return list({getattr(row, field): row for row in rows.order_by("pk")}.values())


def _imports(made: Furnished) -> Rows:
    own = {"app_id": made.program.app_id}
    runs = (made.checked, made.faulty, made.applied, made.unreadable)
    cause = made.faulty.findings[0]["code"]
    return [
        *(("developer", asked("items:import-detail", pk=run.pk, **own)) for run in runs),
        ("developer", asked("items:import-part", pk=made.checked.pk, part="changed", **own)),
        ("developer", asked("items:import-part", pk=made.faulty.pk, part=cause, **own)),
    ]


def _payments(made: Furnished) -> Rows:
    own, whole = {"app_id": made.program.app_id}, {"superapp": made.superapp.code}
    reader = MiniProgram.objects.get(name="Harbor Reader")
    several = {"request": [str(row.pk) for row in Request.objects.filter(superapp=made.superapp).pending()]}
    exemption = ExemptionRequest.objects.get(state="approved", program=reader)
    requests = {(row.kind, row.state): row for row in Request.objects.filter(superapp=made.superapp).order_by("pk")}
    return [
        ("team-admin", asked("payments:credential-issue", app_id=MiniProgram.objects.get(name="Starfall").app_id)),
        ("team-admin", asked("payments:credential-retire", pk=made.overlapping.pk, **own)),
        ("team-admin", asked("payments:client-certificate-remove", **own)),
        ("superapp-admin", asked("payments:backend-key-switch", **whole)),
        ("approver", asked("payments:requests-decide", several, **whole)),
        ("approver", asked("payments:requests-decide", several | {"choice": "reject"}, **whole)),
        ("approver", asked("orders:exemption-revoke", pk=exemption.pk, **whole)),
        ("approver", asked("payments:approvals", {"tab": "decided"}, **whole)),
        ("approver", asked("payments:approvals", {"tab": "in-force"}, **whole)),
        *(("approver", asked("payments:review", pk=row.pk, **whole)) for row in requests.values() if row.kind != "release"),
    ]


def _records(made: Furnished) -> Rows:
    own, whole = {"app_id": made.program.app_id}, {"superapp": made.superapp.code}
    orders, refunds = (model.objects.filter(mini_program=made.program) for model in (Order, Refund))
    return [
        ("senior", asked("orders:redeliver-many", **own)),
        ("senior", asked("orders:refund-export", **own)),
        ("senior", asked("orders:archived", {"env": "0", "number": "ARCHIVED-1"}, **own)),
        ("senior", asked("orders:archived-refund", {"env": "0", "number": "RF-ARCHIVED-1"}, **own)),
        ("senior", asked("orders:mismatch-settle", chosen("price", made.program), **own)),
        ("superapp-admin", asked("orders:superapp-mismatch-settle", chosen("unknown", made.superapp), **whole)),
        *(("senior", asked("orders:mismatches", {"case": case}, **own)) for case in ("undelivered", "price", "above_paid")),
        *(("operator", asked("orders:detail", pk=order.pk, **own)) for order in one_of_each(orders, "delivery_state")),
        *(("operator", asked("orders:refund-detail", pk=row.pk, **own)) for row in one_of_each(refunds, "state")),
        *((NEWCOMER, asked(route, superapp=made.zephyr.code)) for route in EMPTY),
    ]


#: Pages of a superapp in which nothing has happened yet.
EMPTY = (
    "superapp-home", "superapp-activity", "superapp-export-schedules", "superapp-invitations", "payments:approvals",
    "payments:payment-management", "payments:payment-switch-on", "payments:merchants", "payments:backend",
    "payments:backend-key-create", "items:superapp-list", "orders:superapp-list", "orders:superapp-refund-list",
    "orders:superapp-mismatches",
)  # fmt: skip


def chosen(name: str, place: MiniProgram | Superapp) -> dict[str, Any]:
    """The query of the page that settles what is open in this case."""
    case = next(case for case in CASES if case.name == name)
    return {"case": name, "ids": [str(row.pk) for row in open_rows(case, place)[:3]]}


#: The pages by subject.
PARTS: dict[str, Callable[[Furnished], Rows]] = {
    "account": _own, "platform": _platform, "people": _people, "items": _items, "imports": _imports, "payments": _payments,
    "records": _records,
}  # fmt: skip


def pages(made: Furnished, part: str) -> list[Opened]:
    """The pages of a subject that no link leads a walk to, and those whose looks change with the state of their object."""
    return [Opened(*row) for row in PARTS[part](made)]
