"""Load the demo once, bring its addresses up to date, and write down what an HTTP client needs to play any part."""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from console import secrets
from console.models import MiniProgram, Superapp
from items.models import Item
from items.settlement import settlement_currency
from orders.rollups import roll
from payments.models import DeliveryConfig
from simulator.accounts import ACCOUNTS, PASSWORD
from simulator.demo import catalogue, channel, exempt, misfits, outcomes, platform, standard, world
from simulator.demo.past import Past
from simulator.models import DeveloperBackend
from simulator.shop import merchant_id

RECEIVER = "/simulator/developer/"


def load() -> bool:
    """Load the demo's rows in one transaction; False when they are there already. A crash leaves nothing behind."""
    if Superapp.objects.filter(code=world.SUPERAPP_CODE).exists():
        return False
    made = world.unsaved()
    prepared = world.prepare_credentials(made)  # outside of the transaction: it takes seconds
    with transaction.atomic():
        past = Past()
        world.build(made, prepared, past)
        platform.build(made, past)
        catalogue.build(made, past)
        exempt.build(made, past)
        outcomes.build(made, past)
        standard.build(made, past)
        channel.build()
        past.store()
        misfits.build(made, past)  # dated today like what follows: whoever settled a case did it now
        world.issue_credentials(made, prepared, past)
        platform.act(made)
    roll()
    return True


def adapt_addresses() -> None:
    """Another port than last time: the fictitious backends moved along with the console."""
    superapp = Superapp.objects.get(code=world.SUPERAPP_CODE)
    if superapp.backend_url.endswith("/simulator/superapp") and superapp.backend_url != world.backend_url():
        Superapp.objects.filter(pk=superapp.pk).update(backend_url=world.backend_url())
    for config in DeliveryConfig.objects.select_related("mini_program"):
        url, test_url = _moved(config.url), _moved(config.test_url)
        if (url, test_url) != (config.url, config.test_url):
            DeliveryConfig.objects.filter(pk=config.pk).update(url=url, test_url=test_url)


def _moved(url: str) -> str:
    """The same receiver at the present address; other addresses are somebody's own."""
    _origin, found, rest = url.partition(RECEIVER)
    return settings.BASE_URL + RECEIVER + rest if found else url


def write_file() -> Path:
    """Write VAR_DIR/demo.json and the key files beside it, readable by their owner only; returns its path."""
    superapp = Superapp.objects.get(code=world.SUPERAPP_CODE)
    key = secrets.unseal(superapp.sealed_secret_key, bound_to=superapp.secret_binding).decode()
    programs = MiniProgram.objects.filter(superapp=superapp).select_related("team").order_by("pk")
    content = {
        "base_url": settings.BASE_URL,
        "superapp": {"id": superapp.code, "name": superapp.name, "secret_key": key},
        "mini_programs": [_program(row) for row in programs],
        "accounts": [{"email": row.email, "name": row.name, "role": row.role} for row in ACCOUNTS],
        "password": PASSWORD,
    }
    path = settings.VAR_DIR / "demo.json"
    _write(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def _program(program: MiniProgram) -> dict[str, Any]:
    backend = DeveloperBackend.objects.select_related("mini_program").filter(mini_program=program).first()
    items = Item.objects.filter(mini_program=program).on_sale().order_by("product_id")
    return {
        "app_id": program.app_id,
        "name": program.name,
        "kind": program.kind,
        "team": program.team.name,
        "merchant_id": merchant_id(program),
        "currency": settlement_currency(program),
        "app_keys": {"live": backend.app_key(0), "sandbox": backend.app_key(1)} if backend and backend.installed_at else None,
        "certificate": _certificate(backend) if backend and backend.installed_at else None,
        "items": [
            {"product_id": row.product_id, "name": row.live_name, "price": row.live_price, "currency": row.live_currency}
            for row in items
        ],
    }


def _certificate(backend: DeveloperBackend) -> dict[str, str]:
    """Key and certificate of the stand-in developers as files."""
    directory = settings.VAR_DIR / "demo"
    app_id = backend.mini_program.app_id
    key_file, certificate_file = directory / f"{app_id}-key.pem", directory / f"{app_id}-certificate.pem"
    _write(key_file, backend.private_key_pem().decode())
    _write(certificate_file, backend.certificate_pem)
    return {"serial_no": backend.serial_no, "key_file": str(key_file), "certificate_file": str(certificate_file)}


def _write(path: Path, text: str) -> None:
    """Replace the file in one step; nobody else may read it, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
