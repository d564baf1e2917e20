"""Uses of a credential that overlaps are counted; those of the active one cost and count nothing."""

import datetime

import pytest
from django.utils import timezone

from openserver.actions import notifications, ordering
from payments.models import Credential
from tests.openserver.conftest import GOODS_EVENT, credential_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def renewed(shop, team_admin, issued):
    """A shop whose credential overlaps, and the AppKey of the new one."""
    later = timezone.now() + datetime.timedelta(hours=1)
    Credential.objects.filter(pk=shop.credential.pk).update(state="overlapping", overlaps_until=later)
    _row, live, _sandbox = credential_of(shop.program, issued, team_admin, serial_no="C0FFEE")
    return live


def uses(shop) -> int:
    assert not Credential.objects.get(serial_no="C0FFEE").old_uses
    return Credential.objects.get(pk=shop.credential.pk).old_uses


def test_orders_signed_with_the_old_key_are_counted(shop, renewed):
    assert shop.place(key=renewed).code == "0"
    assert uses(shop) == 0
    assert shop.place().code == "0"
    assert uses(shop) == 1


def test_notifications_signed_with_the_old_key_are_counted(shop, renewed):
    number = shop.place(key=renewed).data["outTradeNo"]
    assert shop.notify_paid(number).code == "0"
    assert uses(shop) == 1
    again = shop.envelope(GOODS_EVENT, shop.goods(number), key=renewed)
    assert shop.by_superapp("POST", "/payment-notifications", again).code == "0"
    assert uses(shop) == 1


def test_calls_signed_with_the_old_certificate_are_counted(shop, renewed):
    number = shop.place(key=renewed).data["outTradeNo"]
    before = uses(shop)
    path = f"/orders/{number}?appId={shop.program.app_id}"
    assert shop.by_developer("GET", path).code == "0"
    assert uses(shop) == before + 1


def test_without_an_overlap_nothing_is_asked(shop, monkeypatch):
    for module in (ordering, notifications):
        monkeypatch.setattr(module, "note_old_use", None)
    number = shop.place().data["outTradeNo"]
    assert shop.notify_paid(number).code == "0"
