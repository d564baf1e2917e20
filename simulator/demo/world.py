"""People, superapp, teams, merchants, mini programs, and the chain that must hold before anything is sold."""

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.urls import reverse

from console import secrets
from console.actions.membership import set_superapp_role, set_team_role
from console.models import MiniProgram, Superapp, Team, User
from console.permissions import System
from payments.actions import credential as credentials
from payments.content import content_hash
from payments.models import (
    CredentialMail,
    DeliveryConfig,
    ExemptionRequest,
    Merchant,
    MerchantBinding,
    PaymentRequest,
    Request,
    owners_of,
)
from simulator import developer
from simulator.accounts import ACCOUNTS, PASSWORD
from simulator.demo.past import Past, fixed_id
from simulator.models import DeveloperBackend

LOADER = System("demo")
SUPERAPP_CODE = "orbit"
TEAMS = {
    "northlight": ("Northlight Games", "payments@northlight.test", "1900014092", "USD"),
    "harbor": ("Harbor Studio", "payments@harbor.test", "1900027731", "JPY"),
}
PROGRAMS = {
    "starfall": ("Starfall", "northlight", MiniProgram.Kind.MINI_GAME),
    "moonlit": ("Moonlit Cards", "northlight", MiniProgram.Kind.MINI_GAME),
    "reader": ("Harbor Reader", "harbor", MiniProgram.Kind.MINI_PROGRAM),
}
#: The mini programs that are set up, who did it, and how their developers behave.
SET_UP = {"moonlit": "team-admin", "reader": "stranger"}


@dataclass
class World:
    """What the demo consists of, by short names; `people` by the part of the address before the @."""

    superapp: Superapp
    teams: dict[str, Team] = field(default_factory=dict)
    programs: dict[str, MiniProgram] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)
    merchants: dict[str, Merchant] = field(default_factory=dict)


def unsaved() -> World:
    """The containers, not stored yet: certificates are made for them before the transaction begins."""
    superapp = Superapp(code=SUPERAPP_CODE, name="Orbit", payment_enabled=True, currencies=["USD", "JPY", "KWD", "CNY"])
    world = World(superapp)
    for code, (name, linked, _merchant, _currency) in TEAMS.items():
        world.teams[code] = Team(code=code, name=name, linked_email=linked, superapp=superapp)
    for code, (name, team, kind) in PROGRAMS.items():
        app_id = fixed_id("mp", code, 16)
        world.programs[code] = MiniProgram(app_id=app_id, name=name, kind=kind, team=world.teams[team], superapp=superapp)
    return world


def prepare_credentials(world: World) -> dict[str, credentials.Prepared]:
    """Keys and certificates of the mini programs that are set up; takes about a second each."""
    return {code: credentials.prepare(world.programs[code]) for code in SET_UP}


def build(world: World, prepared: dict[str, credentials.Prepared], past: Past) -> None:
    """Store everything but items, orders and credentials."""
    _containers(world, past)
    _people(world)
    for code in TEAMS:
        _merchant(world, code, past)
    _standard_request(world, "reader", world.people["stranger"], past)
    for code, who in SET_UP.items():
        _payment_request(world, code, world.people[who], past)
        _delivery(world, code, prepared[code], world.people[who], past)
    _pending_requests(world, past)


def _containers(world: World, past: Past) -> None:
    superapp = world.superapp
    superapp.backend_url = backend_url()
    superapp.sealed_secret_key = secrets.seal(secrets.new_app_key(), bound_to=superapp.secret_binding)
    superapp.created_at = past.ago(days=120)
    superapp.save()
    # Django has no key to copy until the parent is saved; assigning it again takes it over.
    for team in world.teams.values():
        team.superapp, team.created_at = superapp, past.ago(days=110)
        team.save()
    for program in world.programs.values():
        program.superapp, program.team, program.created_at = superapp, program.team, past.ago(days=108)
        program.save()


def _people(world: World) -> None:
    hashed = make_password(PASSWORD)  # once: argon2 is slow on purpose, and all have the same password
    for account in ACCOUNTS:
        role = account.role if account.where == "platform" else ""
        user = User.objects.create(email=account.email, name=account.name, password=hashed, platform_role=role)
        world.people[account.email.partition("@")[0]] = user
        if account.where == "superapp":
            set_superapp_role(user, world.superapp, account.role, actor=LOADER)
        elif account.where in world.teams:
            set_team_role(user, world.teams[account.where], account.role, actor=LOADER)


def _merchant(world: World, code: str, past: Past) -> None:
    name, _linked, merchant_id, currency = TEAMS[code]
    merchant = Merchant.objects.create(superapp=world.superapp, merchant_id=merchant_id, name=name, currency=currency)
    world.merchants[code] = merchant
    admin = world.people["team-admin" if code == "northlight" else "stranger"]
    row = MerchantBinding(
        team=world.teams[code], superapp=world.superapp, bound_team=world.teams[code], merchant=merchant, effective=True,
        pending=None, message="Our merchant account for in-app sales.", state=Request.State.EFFECTIVE,
    )  # fmt: skip
    _decided(world, row, admin, past, asked=past.ago(days=104), verb="payments.merchant_binding.bind")


def _payment_request(world: World, code: str, admin: User, past: Past) -> None:
    program = world.programs[code]
    text = f"{program.name} wants to sell virtual items. The price list is attached to our contract."
    row = PaymentRequest(
        **owners_of(program), program=program, type="virtual", message=text, state=Request.State.APPROVED, open=True
    )
    _decided(world, row, admin, past, asked=past.ago(days=98), verb="payments.payment_request.request")


def _standard_request(world: World, code: str, admin: User, past: Past) -> None:
    program = world.programs[code]
    row = PaymentRequest(
        **owners_of(program), program=program, type="standard", message=f"{program.name} sells printed books too.",
        state=Request.State.APPROVED, open=True,
    )  # fmt: skip
    _decided(world, row, admin, past, asked=past.ago(days=60), verb="payments.payment_request.request")


def _decided(world: World, row: Request, admin: User, past: Past, *, asked: datetime, verb: str) -> None:
    """Store a request that the approver granted some hours later."""
    approver, decided = world.people["approver"], asked + (past.now - past.ago(hours=5))
    row.requested_by, row.requested_at, row.decided_by, row.decided_at = admin, asked, approver, decided
    row.kind = row.KIND
    row.content_hash = content_hash(row)
    row.save(force_insert=True)
    past.note(verb, row, asked, actor=admin, changes={"state": [None, "in_progress"]}, note=row.message)
    approved = f"{verb.rpartition('.')[0]}.approve"
    past.note(approved, row, decided, actor=approver, changes={"state": ["in_progress", row.state]})


def _delivery(world: World, code: str, prepared: credentials.Prepared, admin: User, past: Past) -> None:
    program, at, enabled = world.programs[code], past.ago(days=97), code == "moonlit"
    config = DeliveryConfig.objects.create(
        **owners_of(program), url=receiver_url(program), test_url=receiver_url(program) + "/test", enabled=enabled,
        enabled_at=at if enabled else None, saved_by=admin, saved_at=at,
    )  # fmt: skip
    past.note("payments.delivery.configure", config, at, actor=admin, changes={"url": ["", config.url], "version": [0, 1]})
    backend = developer.backend_of(program)
    backend.mode = DeveloperBackend.Mode.SOMETIMES if enabled else DeveloperBackend.Mode.ACKNOWLEDGE
    backend.install(
        serial_no=prepared.issued.serial_hex, certificate_pem=prepared.issued.certificate_pem,
        private_key_pem=prepared.issued.private_key_pem, live=prepared.live_key, sandbox=prepared.sandbox_key,
    )  # fmt: skip


def issue_credentials(world: World, prepared: dict[str, credentials.Prepared], past: Past) -> None:
    """Store the credentials. The last step, because they are dated today, and so are their audit entries."""
    for code, who in SET_UP.items():
        row = credentials.issue(world.programs[code], prepared[code], actor=world.people[who])
        # Its mail has arrived: the developers' backend has what was in it.
        CredentialMail.objects.filter(credential=row).update(
            sent_at=past.now, next_attempt_at=None, attempts=1, sealed_pkcs12="", sealed_appkeys=""
        )


def _pending_requests(world: World, past: Past) -> None:
    """Something for the approver to do from the first minute."""
    program, senior = world.programs["moonlit"], world.people["senior"]
    row = ExemptionRequest(
        **owners_of(program), program=program, requested_by=senior, requested_at=past.ago(days=1, hours=3),
        message="We change prices for weekend events and cannot wait for Monday.",
    )  # fmt: skip
    row.kind = row.KIND
    row.content_hash = content_hash(row)
    row.save(force_insert=True)
    changes = {"state": [None, row.state]}
    past.note("payments.exemption_request.request", row, row.requested_at, actor=senior, changes=changes, note=row.message)


def backend_url() -> str:
    """Where the stand-in superapp answers."""
    return f"{settings.BASE_URL}/simulator/superapp"


def receiver_url(program: MiniProgram) -> str:
    """Where the stand-in developers receive pushes."""
    return settings.BASE_URL + reverse("simulator:receive", kwargs={"app_id": program.app_id})
