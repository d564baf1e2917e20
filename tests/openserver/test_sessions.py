"""Player sessions and who may call: 5.1 and 5.9 of docs/domain.md."""

import datetime
import time

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from console.models import MiniProgram, Superapp
from openserver.actions.sessions import prune
from openserver.models import Nonce, PlayerSession
from payments.models import Credential
from tests.openserver.conftest import BASE, Answered

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def opened(shop, **changes):
    return shop.by_superapp("POST", "/sessions", {"appId": shop.program.app_id, "openId": "player-9"}, **changes)


def exchanged(shop, code, **changes):
    return shop.by_developer("POST", "/jscode2session", {"appId": shop.program.app_id, "code": code}, **changes)


def test_a_session_is_opened_and_its_code_exchanged(shop):
    session = opened(shop)
    got = exchanged(shop, session.data["code"])
    assert got.data["openId"] == "player-9"
    assert 0 < got.data["expiresIn"] <= session.data["expiresIn"] == 7200


def test_nothing_of_a_session_is_stored_in_clear(shop):
    session = opened(shop)
    got = exchanged(shop, session.data["code"])
    row = PlayerSession.objects.get(open_id="player-9")
    stored = " ".join(str(value) for value in row.__dict__.values())
    assert not any(secret in stored for secret in (session.data["code"], session.data["token"], got.data["sessionKey"]))
    assert len(session.data["token"]) >= 22


def test_a_code_is_used_once(shop):
    code = opened(shop).data["code"]
    assert exchanged(shop, code).code == "0"
    assert exchanged(shop, code).code == "SESSION_INVALID"


def test_a_code_expires(shop):
    code = opened(shop).data["code"]
    PlayerSession.objects.update(expires_at=timezone.now())
    assert exchanged(shop, code).code == "SESSION_EXPIRED"


def test_a_code_of_another_program_is_unknown(shop, reader):
    assert exchanged(reader, opened(shop).data["code"]).code == "SESSION_INVALID"


@pytest.mark.parametrize("open_id", ["", "x" * 129, 7, None, "a\tb"])
def test_open_ids_that_cannot_be(shop, open_id):
    body = {"appId": shop.program.app_id, "openId": open_id}
    assert shop.by_superapp("POST", "/sessions", body).code == "BAD_JSON"


def test_a_superapp_reaches_only_its_own_mini_programs(shop):
    other = Superapp.objects.create(name="Comet")
    team = shop.program.team
    theirs = MiniProgram.objects.create(name="Theirs", kind="mini_game", team=team, superapp=other)
    foreign = shop.by_superapp("POST", "/sessions", {"appId": theirs.app_id, "openId": "p"})
    unknown = shop.by_superapp("POST", "/sessions", {"appId": "mp-nobody", "openId": "p"})
    assert (foreign.code, foreign.message) == (unknown.code, unknown.message) == ("AUTH_INVALID", foreign.message)
    assert shop.by_superapp("GET", f"/appkeys/{theirs.app_id}").code == "AUTH_INVALID"


def test_a_superapp_reads_the_app_keys(shop):
    keys = shop.by_superapp("GET", f"/appkeys/{shop.program.app_id}").data
    assert (keys["live"], keys["sandbox"], keys["overlapping"]) == (shop.live_key, shop.sandbox_key, [])


SUPERAPP_FAULTS = {
    "wrong key": {"secret_key": "another"},
    "unknown superapp": {"superapp": "sa000000000000"},
    "too old": {"timestamp": int(time.time()) - 3600},
    "too new": {"timestamp": int(time.time()) + 3600},
}


@pytest.mark.parametrize("fault", SUPERAPP_FAULTS)
def test_a_superapp_that_cannot_prove_itself(shop, fault):
    answered = opened(shop, **SUPERAPP_FAULTS[fault])
    assert (answered.code, answered.status) == ("AUTH_INVALID", 401)
    assert not PlayerSession.objects.filter(open_id="player-9").exists()


def test_a_superapp_without_a_key_is_nobody(shop):
    shop.superapp.sealed_secret_key = ""
    shop.superapp.save()
    assert opened(shop).code == "AUTH_INVALID"


def test_unsigned_calls(client):
    for path in ("sessions", "jscode2session", "payment-notifications", "refund-notifications"):
        assert Answered(client.post(f"{BASE}/{path}", b"{}", content_type="application/json")).code == "AUTH_INVALID"
    for path in ("orders/N-1?appId=x", "appkeys/x"):
        assert Answered(client.get(f"{BASE}/{path}")).code == "AUTH_INVALID"


def test_a_nonce_counts_once_for_each_caller(shop, reader):
    assert opened(shop, nonce="the-same-nonce").code == "0"
    assert opened(shop, nonce="the-same-nonce").code == "AUTH_INVALID"
    assert shop.by_developer("GET", f"/orders/X?appId={shop.program.app_id}", nonce="the-same-nonce").code == "ORDER_NOT_FOUND"
    assert (
        reader.by_developer("GET", f"/orders/X?appId={reader.program.app_id}", nonce="the-same-nonce").code == "ORDER_NOT_FOUND"
    )
    assert shop.by_developer("GET", f"/orders/X?appId={shop.program.app_id}", nonce="the-same-nonce").code == "AUTH_INVALID"


def test_a_wrong_signature_does_not_spend_the_nonce(shop):
    assert opened(shop, nonce="a-fresh-nonce", secret_key="wrong").code == "AUTH_INVALID"
    assert opened(shop, nonce="a-fresh-nonce").code == "0"


def test_a_changed_body_path_or_method_does_not_fit(shop):
    raw = b'{"appId": "x", "openId": "y"}'
    headers = shop.superapp_headers("POST", f"{BASE}/sessions", raw)
    for path, body in ((f"{BASE}/sessions", raw + b" "), (f"{BASE}/sessions?a=1", raw), (f"{BASE}/refund-notifications", raw)):
        answered = Answered(shop.client.post(path, body, content_type="application/json", headers=headers))
        assert answered.code == "AUTH_INVALID", path


DEVELOPER_FAULTS = {
    "unknown serial number": {"serial_no": "FF"},
    "another program's serial number": {"serial_no": "B2"},
    "another key": {"private_key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
    "too old": {"timestamp": int(time.time()) - 3600},
}


@pytest.mark.parametrize("fault", DEVELOPER_FAULTS)
def test_a_developer_that_cannot_prove_itself(shop, reader, fault):
    assert exchanged(shop, opened(shop).data["code"], **DEVELOPER_FAULTS[fault]).code == "AUTH_INVALID"


def test_a_developer_asks_for_the_own_program_only(shop, reader):
    body = {"appId": reader.program.app_id, "code": opened(shop).data["code"]}
    assert shop.by_developer("POST", "/jscode2session", body).code == "AUTH_INVALID"


@pytest.mark.parametrize("fields", [{"state": "revoked"}, {"state": "retired"}, {"not_after": timezone.now()}])
def test_a_certificate_out_of_force(shop, fields):
    code = opened(shop).data["code"]
    Credential.objects.update(**fields)
    assert exchanged(shop, code).code == "AUTH_INVALID"


def test_what_no_longer_counts_is_pruned(shop):
    opened(shop)
    assert prune() == 0
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=21), tick=False):
        assert prune() > 0
        assert not Nonce.objects.exists()
        assert PlayerSession.objects.exists()
    with time_machine.travel(timezone.now() + datetime.timedelta(days=2), tick=False):
        prune()
        assert not PlayerSession.objects.exists()
