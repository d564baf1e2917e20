"""GET orders/{outTradeNo}: signed with the certificate, also by a client that shares no code with us."""

import base64
import json
import secrets
import shutil
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization

from tests.openserver.conftest import BASE

pytestmark = pytest.mark.django_db


def query(shop, number, more=""):
    return shop.by_developer("GET", f"/orders/{number}?appId={shop.program.app_id}{more}")


def test_a_developer_asks_how_an_order_stands(shop):
    shop.place(data=shop.sign_data(outTradeNo="N-1"))
    state = query(shop, "N-1").data
    assert (state["paymentState"], state["deliveryState"], state["refundState"]) == ("unpaid", "not_due", "none")
    assert (state["totalAmount"], state["currencyType"], state["prepayId"]) == (990, "USD", "pp-N-1")
    assert state["createdAt"].endswith("Z")
    assert state["paidAt"] is None


def test_the_sandbox_is_asked_for_by_env(shop):
    shop.place(data=shop.sign_data(outTradeNo="N-1", env=1))
    assert query(shop, "N-1").code == "ORDER_NOT_FOUND"
    assert query(shop, "N-1", "&env=1").data["env"] == 1
    assert query(shop, "N-1", "&env=2").code == "ENV_INVALID"


@pytest.mark.parametrize("number", ["a|b", "a*b", "a@b"])
def test_numbers_with_marks_are_found_as_they_are_signed(shop, number):
    shop.place(data=shop.sign_data(outTradeNo=number))
    assert query(shop, number.replace("|", "%7C")).data["outTradeNo"] == number


def test_another_program_sees_nothing(shop, reader):
    shop.place(data=shop.sign_data(outTradeNo="NUMBER-1"))
    foreign, unknown = query(reader, "NUMBER-1"), query(reader, "NUMBER-2")
    assert (foreign.status, foreign.code, foreign.message) == (404, "ORDER_NOT_FOUND", unknown.message)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_curl_and_openssl_are_enough(shop, live_server, tmp_path):
    shop.place(data=shop.sign_data(outTradeNo="N-1"))
    key = tmp_path / "key.pem"
    plain = serialization.NoEncryption()
    key.write_bytes(shop.private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    path, now, nonce = f"{BASE}/orders/N-1?appId={shop.program.app_id}", int(time.time()), secrets.token_hex(8)
    lines = f"GET\n{path}\n{now}\n{nonce}\n\n".encode()
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=lines, capture_output=True, check=True).stdout
    header = (
        f'Authorization: SAS-SHA256-RSA2048 appid="{shop.program.app_id}",serial_no="{shop.credential.serial_no}",'
        f'timestamp="{now}",nonce_str="{nonce}",signature="{base64.b64encode(signed).decode()}"'
    )
    got = subprocess.run(["curl", "-s", "-H", header, live_server.url + path], capture_output=True, check=True, timeout=30)
    assert json.loads(got.stdout)["data"]["paymentState"] == "unpaid", got.stdout
