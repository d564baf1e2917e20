"""A team with a merchant, an item, and pictures."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from console.lifecycle import move
from items.actions import item as items
from items.actions import release as releases
from payments.models import ExemptionRequest, Merchant, MerchantBinding, owners_of


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    """Pictures of a test go away with it."""
    settings.MEDIA_ROOT = tmp_path


def bind_merchant(team, *, by, approved_by, currency="USD"):
    merchant = Merchant.objects.create(superapp=team.superapp, merchant_id=f"M-{currency}", name="Northlight", currency=currency)
    whose = {"team": team, "superapp": team.superapp, "bound_team": team, "requested_by": by}
    return move(MerchantBinding.objects.create(**whose, merchant=merchant), "approve", actor=approved_by)


@pytest.fixture
def merchant(northlight, team_admin, superapp_admin):
    """Northlight settles in US dollars."""
    return bind_merchant(northlight, by=team_admin, approved_by=superapp_admin).merchant


@pytest.fixture
def gem(starfall, developer, merchant):
    """An item that was never released."""
    return items.add(starfall, actor=developer, product_id="gem", name="Gem", price=990, currency="USD")


@pytest.fixture
def sword(starfall, developer, merchant):
    return items.add(starfall, actor=developer, product_id="sword", name="Sword", price=500, currency="USD")


@pytest.fixture
def submitted(gem, senior):
    """The gem under review."""
    release = releases.submit([gem], actor=senior, message="Please").release
    return release


@pytest.fixture
def on_sale_gem(gem, submitted, approver):
    """The gem, released."""
    releases.decide(submitted, actor=approver, decisions=decisions(submitted))
    return fresh(gem)


@pytest.fixture
def exemption(starfall, team_admin, approver):
    """Starfall is exempt from approval."""
    request = ExemptionRequest.objects.create(**owners_of(starfall), program=starfall, requested_by=team_admin)
    return move(request, "approve", actor=approver)


def fresh(row):
    """The row as the database has it now; a protected state cannot be refreshed in place."""
    return type(row).objects.get(pk=row.pk)


def decisions(release, *, approve=True, reason=""):
    """The same decision about every entry, with what is shown now."""
    rows = release.entries.filter(state="in_progress")
    return [releases.Decision(entry.pk, approve, reason, entry.content_hash) for entry in rows]


def edit(item, *, by, **changes):
    """Edit some fields; the others stay."""
    content = {"name": item.name, "price": item.price, "currency": item.currency, "description": item.description}
    return items.edit(item, actor=by, version=item.version, **(content | changes))


def picture_bytes(kind="PNG", size=(8, 6), color=(200, 30, 30), **save):
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind, **save)
    return out.getvalue()


def upload(content=None, name="gem.png"):
    return SimpleUploadedFile(name, picture_bytes() if content is None else content, content_type="image/png")
