"""Signatures: the shared vectors, constant comparison, and every malformed header gets AUTH_INVALID."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from openserver import signatures
from openserver.errors import ApiError
from openserver.signatures import SignatureFormat

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "signatures.json").read_text())
REQUEST = {"method": "POST", "path_and_query": "/openserver/v1/orders?a=1&b=2", "body": '{"a":"皮肤"}'.encode()}
NOW = 1_800_000_000
NONCE = "n0nce-12345678"
SECRET = "the superapp's secret"


def headers(**changes) -> dict[str, str]:
    values = {"superapp": "orbit", "secret_key": SECRET, "timestamp": NOW, "nonce": NONCE, **REQUEST}
    return signatures.sign_superapp(**(values | changes))


@pytest.fixture(scope="session")
def developer_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def authorization(developer_key) -> str:
    return signatures.sign_developer(developer_key, app_id="mg1", serial_no="0A1B", timestamp=NOW, nonce=NONCE, **REQUEST)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors(vector):
    first, separator, rest = vector["message"].partition("&")
    made = [signatures.session_signature(vector["message"], vector["key"])]
    if separator and not vector["message"].startswith("{"):
        made.append(signatures.pay_sig(first, rest, vector["key"]))
        made.append(signatures.pay_event_sig(first, rest, vector["key"]))
    assert set(made) == {vector["hmac_sha256_hex"]}


def test_pay_sig_is_accepted_under_either_key_of_an_overlap():
    sent = signatures.pay_sig("m", "data", "old")
    assert signatures.verify_pay_sig(sent, method="m", sign_data="data", app_keys=["new", "old"])
    assert not signatures.verify_pay_sig(sent, method="m", sign_data="data", app_keys=["new"])
    assert not signatures.verify_pay_sig(sent, method="n", sign_data="data", app_keys=["old"])
    assert not signatures.verify_pay_sig(sent, method="m", sign_data="data ", app_keys=["old"])


def test_each_verification_covers_its_own_text():
    event = signatures.pay_event_sig("e", "{}", "key")
    assert signatures.verify_pay_event_sig(event, event="e", payload="{}", app_keys=["key"])
    assert not signatures.verify_pay_event_sig(event, event="f", payload="{}", app_keys=["key"])
    session = signatures.session_signature("{}", "key")
    assert signatures.verify_session_signature(session, sign_data="{}", session_key="key")
    assert not signatures.verify_session_signature(session, sign_data="{ }", session_key="key")


def test_an_unset_key_never_verifies():
    forged = hmac.new(b"", b"m&data", hashlib.sha256).hexdigest()
    assert not signatures.verify_pay_sig(forged, method="m", sign_data="data", app_keys=["", ""])
    assert not signatures.verify_pay_sig(forged, method="m", sign_data="data", app_keys=[])
    with pytest.raises(ValueError):
        signatures.pay_sig("m", "data", "")


@pytest.mark.parametrize(
    "provided",
    [None, 1, "", "a" * 63, "a" * 65, "A" * 64, "g" * 64, " " + "a" * 63, "a" * 64 + "\n", "é" * 64, ["a" * 64], "１" * 64],
)
def test_what_is_not_64_lower_case_hex_digits_is_a_format_error(provided):
    with pytest.raises(SignatureFormat) as caught:
        signatures.verify_pay_sig(provided, method="m", sign_data="d", app_keys=["key"])
    assert (caught.value.code, caught.value.status) == ("SIG_FORMAT", 400)
    assert "paySig" in caught.value.message


def test_the_signed_lines_are_the_documented_five():
    assert signatures.sas_string("GET", "/a?b=c", 1, "n", b"") == b"GET\n/a?b=c\n1\nn\n\n"
    with pytest.raises(ValueError, match="line break"):
        signatures.sas_string("GET", "/a\n1", 1, "n", b"")


def accept_superapp(sent: dict[str, str], *, secret_key: str = SECRET, now: float = NOW, **changes) -> None:
    auth = signatures.read_superapp_headers(sent)
    signatures.verify_superapp(auth, secret_key=secret_key, now=now, **(REQUEST | changes))


def test_a_superapp_call_is_accepted():
    accept_superapp(headers())


@pytest.mark.parametrize("now", [NOW - 300, NOW + 300])
def test_five_minutes_of_clock_difference_are_allowed(now):
    accept_superapp(headers(), now=now)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"path_and_query": "/openserver/v1/orders?a=1"},
        {"body": b"{}"},
        {"secret_key": "other"},
        {"secret_key": ""},
    ]
    + [{"now": NOW - 301}, {"now": NOW + 301}],
)
def test_a_superapp_call_that_differs_from_what_was_signed_is_refused(changes):
    with pytest.raises(ApiError) as caught:
        accept_superapp(headers(), **changes)
    assert (caught.value.code, caught.value.status) == ("AUTH_INVALID", 401)


@pytest.mark.parametrize("name", ["SAS-Superapp", "SAS-Timestamp", "SAS-Nonce", "SAS-Signature"])
@pytest.mark.parametrize("value", [None, "", "x\ny", "1.5", "- 5", "é" * 10, "a" * 500])
def test_a_malformed_superapp_header_is_refused(name, value):
    sent = headers() | {name: value}
    with pytest.raises(ApiError, match=f"AUTH_INVALID: {name}"):
        accept_superapp({key: text for key, text in sent.items() if text is not None})


def test_another_nonce_or_time_needs_another_signature():
    for name, value in (("SAS-Nonce", "n0nce-87654321"), ("SAS-Timestamp", str(NOW + 1))):
        with pytest.raises(ApiError, match="does not fit"):
            accept_superapp(headers() | {name: value})


def test_a_developer_call_is_accepted(developer_key, authorization):
    auth = signatures.parse_authorization(authorization)
    assert (auth.app_id, auth.serial_no, auth.timestamp, auth.nonce) == ("mg1", "0A1B", NOW, NONCE)
    signatures.verify_developer(developer_key.public_key(), auth, now=NOW, **REQUEST)


@pytest.mark.parametrize("changes", [{"method": "GET"}, {"path_and_query": "/"}, {"body": b""}, {"now": NOW + 301}])
def test_a_developer_call_that_differs_from_what_was_signed_is_refused(developer_key, authorization, changes):
    auth = signatures.parse_authorization(authorization)
    with pytest.raises(ApiError) as caught:
        signatures.verify_developer(developer_key.public_key(), auth, **({"now": NOW} | REQUEST | changes))
    assert caught.value.code == "AUTH_INVALID"


def test_another_developers_key_does_not_verify(authorization):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    with pytest.raises(ApiError, match="does not fit"):
        signatures.verify_developer(stranger, signatures.parse_authorization(authorization), now=NOW, **REQUEST)


def test_parameters_may_come_in_any_order(authorization):
    scheme, rest = authorization.split(" ", 1)
    turned = scheme + " " + ", ".join(reversed(rest.split(",")))
    assert signatures.parse_authorization(turned) == signatures.parse_authorization(authorization)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.replace("SAS-SHA256-RSA2048", "Bearer"),
        lambda text: text.replace('appid="mg1"', 'appid="mg1",appid="mg2"'),
        lambda text: text.replace('appid="mg1",', ""),
        lambda text: text.replace("mg1", "m\ng1"),
        lambda text: text.replace("mg1", ""),
        lambda text: text.replace('"mg1"', "mg1"),
        lambda text: text + ',extra="1"',
        lambda text: text.replace(str(NOW), "1e9"),
        lambda text: text.replace(NONCE, "short"),
        lambda text: text.replace('signature="', 'signature="!'),
        lambda text: text + "x" * 5000,
    ],
)
def test_a_malformed_authorization_is_refused(authorization, change):
    with pytest.raises(ApiError) as caught:
        signatures.parse_authorization(change(authorization))
    assert caught.value.code == "AUTH_INVALID"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_authorization_is_read_or_refused(text):
    with pytest.raises(ApiError):
        signatures.parse_authorization("SAS-SHA256-RSA2048 " + text)


@pytest.mark.parametrize("secret_key", ["k" * 16, "k" * 24, "k" * 32, "any other length"])
def test_compatibility_headers_decrypt_to_the_timestamp(secret_key):
    made = signatures.tc_headers(1_800_000_000_123, secret_key, "M1")
    raw = secret_key.encode()
    key = raw if len(raw) in (16, 24, 32) else hashlib.sha256(raw).digest()
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    plain = decryptor.update(bytes.fromhex(made["TC-Signature"])) + decryptor.finalize()
    assert plain == b"1800000000123" + b"\x03" * 3
    assert (made["TC-Timestamp"], made["TC-MerchantId"]) == ("1800000000123", "M1")


def test_compatibility_headers_need_a_key():
    with pytest.raises(ValueError):
        signatures.tc_headers(1, "", "M1")
