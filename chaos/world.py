"""The database before the trial: a superapp, teams, and mini programs that may sell. Imported when Django is set up."""

from datetime import timedelta

from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from chaos.callers import PRICE, SUPERAPP_CODE
from chaos.ledgers import Program
from console import secrets
from console.models import MiniProgram, Superapp, Team, User
from items.models import Item
from openserver.actions.sessions import exchange_code, open_session
from payments.models import Credential, DeliveryConfig, Merchant, MerchantBinding, PaymentRequest, owners_of

IN_A_TEAM = 5


def build(count: int, *, secret: str, superapp_url: str, receiver_url: str) -> dict[str, Program]:
    """Migrate, and make `count` mini programs that sell one item; returns what their parties know, by path of the receiver."""
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    person = User.objects.create_user("ada@example.test", "x", name="Ada")
    superapp = Superapp.objects.create(
        code=SUPERAPP_CODE, name="Orbit", payment_enabled=True, currencies=["USD"], backend_url=superapp_url
    )
    superapp.sealed_secret_key = secrets.seal(secret, bound_to=superapp.secret_binding)
    superapp.save()
    merchant = Merchant.objects.create(superapp=superapp, merchant_id="M-1", name="M", currency="USD")
    made = []
    for start in range(0, count, IN_A_TEAM):
        team = Team.objects.create(name=f"Team {start}", superapp=superapp, linked_email="team@example.test")
        where = {"team": team, "superapp": superapp, "requested_by": person}
        MerchantBinding.objects.create(**where, merchant=merchant, bound_team=team, effective=True, pending=None)
        made += [_program(number, team, person, receiver_url) for number in range(start, min(start + IN_A_TEAM, count))]
    PaymentRequest.objects.update(state="approved")
    Item.objects.update(state="released", on_sale=True, live_name="Gem", live_price=PRICE, live_currency="USD")
    connections.close_all()
    # PostgreSQL will be stopped and started before the next query of this process.
    connection.close_pool()  # type: ignore[attr-defined]
    return {program.path: program for program in made}


def _program(number: int, team: Team, person: User, receiver_url: str) -> Program:
    fields = {"name": f"Program {number}", "kind": "mini_game", "team": team, "superapp": team.superapp}
    program = MiniProgram.objects.create(**fields)
    own, now, key, path = owners_of(program), timezone.now(), secrets.new_app_key(), f"/p{number}"
    PaymentRequest.objects.create(**own, program=program, type="virtual", requested_by=person)
    Item.objects.create(**own, product_id="gem", name="Gem", price=PRICE, currency="USD", edited_by=person)
    DeliveryConfig.objects.create(**own, url=receiver_url + path, enabled=True, saved_by=person)
    until = now + timedelta(days=1)
    row = Credential(**own, serial_no=f"A{number}", not_before=now, not_after=until, issued_by=person)
    row.sealed_live_key = secrets.seal(key, bound_to=row.binding("live_key"))
    row.save()
    open_id = f"player-{number}"
    session = open_session(program, open_id=open_id)
    session_key = exchange_code(program, code=session.code).session_key
    return Program(program.app_id, path, key, session.token, session_key, open_id)
