"""Why a signature is wrong: every known mistake is named, alone and with another one, for any text and key."""

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openserver.workbench.causes import CODES, NOTES, in_words
from openserver.workbench.diagnosis import diagnose, first_difference
from openserver.workbench.variants import Key, Signed, reserialised

GAME, PROGRAM = "requestMidasPaymentGameItem", "requestVirtualPayment"
DIGITS = st.characters(codec="utf-8", exclude_categories=("Cs",))
APP_KEYS = st.binary(min_size=32, max_size=32).map(lambda raw: base64.b64encode(raw).decode())
SIGN_DATA = st.fixed_dictionaries(
    {"outTradeNo": st.text("ABC123", min_size=1), "attach": st.text(DIGITS, max_size=12), "goodsPrice": st.integers(1, 10**8)}
).map(lambda value: json.dumps(value, ensure_ascii=False, separators=(", ", ":")))


def mac(key: str | bytes, message: str | bytes, hash_name: str = "sha256") -> bytes:
    raw = [part.encode() if isinstance(part, str) else part for part in (key, message)]
    return hmac.new(raw[0], raw[1], hash_name).digest()


def pay_sig(text: str) -> Signed:
    return Signed(
        GAME, text, others=(("other_method", PROGRAM), ("other_event", "event")), bodies=(("whole_body", "{body}" + text),)
    )


def webhook(text: str) -> Signed:
    return Signed("msg_1.1700000000.", text, joint="", raw_key=True, encoding="webhook", bodies=(("only_payload", "pay" + text),))


#: How people sign wrongly: from text and key to what their code computed, and the causes that have to be named.
WRONG_TEXTS = {
    "missing_prefix": lambda text: text,
    "missing_joint": lambda text: GAME + text,
    "prefix_last": lambda text: f"{text}&{GAME}",
    "other_method": lambda text: f"{PROGRAM}&{text}",
    "other_event": lambda text: f"event&{text}",
    "trailing_newline": lambda text: f"{GAME}&{text}\n",
    "byte_order_mark": lambda text: f"{GAME}&\ufeff{text}",
    "escaped": lambda text: f"{GAME}&{json.dumps(text)}",
    "reserialised": lambda text: f"{GAME}&{json.dumps(json.loads(text), indent=4)}",
    "charset": lambda text: f"{GAME}&{text}".encode("utf-16"),
    "whole_body": lambda text: "{body}" + text,
}
WRONG_KEYS = {
    "key_decoded": base64.b64decode,
    "key_hex": lambda key: base64.b64decode(key).hex(),
    "key_newline": lambda key: key + "\n",
    "key_whsec": lambda key: "whsec_" + key,
    "key_cut": lambda key: key.rstrip("="),
}
SPELLINGS = {
    "upper_case": lambda digest: digest.hex().upper(),
    "base64": lambda digest: base64.b64encode(digest).decode(),
    "base64_of_hex": lambda digest: base64.b64encode(digest.hex().encode()).decode(),
    "quotes": lambda digest: f'"{digest.hex()}"',
    "label": lambda digest: f"sha256={digest.hex()}",
    "separators": lambda digest: digest.hex(":"),
}


@given(SIGN_DATA, APP_KEYS)
@settings(max_examples=30)
def test_the_right_signature_fits(text, key):
    found = diagnose(pay_sig(text), mac(key, f"{GAME}&{text}").hex(), [Key("another"), Key(key, label="live")])
    assert (found.fits, found.causes, found.key.label) == (True, (), "live")


@pytest.mark.parametrize("cause", WRONG_TEXTS)
@given(text=SIGN_DATA, key=APP_KEYS)
@settings(max_examples=10)
def test_a_wrong_text_is_named(cause, text, key):
    found = diagnose(pay_sig(text), mac(key, WRONG_TEXTS[cause](text)).hex(), [Key(key)])
    assert (found.fits, found.causes) == (False, (cause,))


@pytest.mark.parametrize("cause", WRONG_KEYS)
@given(text=SIGN_DATA, key=APP_KEYS)
@settings(max_examples=10)
def test_a_wrong_form_of_the_key_is_named(cause, text, key):
    found = diagnose(pay_sig(text), mac(WRONG_KEYS[cause](key), f"{GAME}&{text}").hex(), [Key(key)])
    assert (found.fits, found.causes) == (False, (cause,))


@pytest.mark.parametrize("cause", SPELLINGS)
@given(text=SIGN_DATA, key=APP_KEYS)
@settings(max_examples=10)
def test_a_wrong_spelling_is_named(cause, text, key):
    digest = mac(key, f"{GAME}&{text}")
    assume(cause != "upper_case" or digest.hex() != digest.hex().upper())
    found = diagnose(pay_sig(text), SPELLINGS[cause](digest), [Key(key)])
    assert (found.fits, found.causes) == (False, (cause,))


@given(
    SIGN_DATA,
    APP_KEYS,
    st.sampled_from(sorted(WRONG_TEXTS)),
    st.sampled_from(sorted(WRONG_KEYS)),
    st.sampled_from(sorted(SPELLINGS)),
)
@settings(max_examples=60)
def test_three_mistakes_at_once_are_all_named(text, key, wrong_text, wrong_key, spelling):
    digest = mac(WRONG_KEYS[wrong_key](key), WRONG_TEXTS[wrong_text](text))
    assume(spelling != "upper_case" or digest.hex() != digest.hex().upper())
    found = diagnose(pay_sig(text), SPELLINGS[spelling](digest), [Key(key)])
    assert set(found.causes) == {wrong_text, wrong_key, spelling}


@given(SIGN_DATA, st.lists(APP_KEYS, min_size=4, max_size=4, unique=True), st.integers(0, 3))
@settings(max_examples=30)
def test_whose_key_it_was_is_named(text, texts, chosen):
    causes = [("overlapping_key",), ("other_environment",), ("old_key", "other_environment"), ("session_key",)]
    known = [
        Key("the accepted one"),
        *(Key(key, cause, f"key {n}") for n, (key, cause) in enumerate(zip(texts, causes, strict=True))),
    ]
    found = diagnose(pay_sig(text), mac(texts[chosen], f"{GAME}&{text}").hex(), known)
    assert (found.causes, found.key.label) == (causes[chosen], f"key {chosen}")
    assert found.fits == (causes[chosen] == ("overlapping_key",))


@given(SIGN_DATA, APP_KEYS, st.binary(min_size=32, max_size=32))
@settings(max_examples=20)
def test_what_nothing_explains_is_not_explained(text, key, digest):
    found = diagnose(pay_sig(text), digest.hex(), [Key(key)], text="something else")
    assert (found.fits, found.causes, found.key) == (False, (), None)
    assert found.difference


@given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=60)
def test_any_nonsense_has_an_answer(signature, text, pasted):
    found = diagnose(pay_sig(text), signature, [Key("k")], text=pasted)
    assert not found.fits
    assert in_words(found.causes) is not None


@given(SIGN_DATA, APP_KEYS, st.text(DIGITS, min_size=1, max_size=30))
@settings(max_examples=30)
def test_a_signature_of_a_pasted_text_is_right_for_that_text(text, key, other):
    assume(other.strip() and other.strip() not in text and "\r" not in other)
    found = diagnose(pay_sig(text), mac(key, f"{GAME}&{other}").hex(), [Key(key)], text=other)
    assert found.causes == ("different_text",)
    assert found.difference.at >= 1


@pytest.mark.parametrize(
    ("cause", "made"),
    [
        ("other_hash", lambda key, message: mac(key, message, "sha1")),
        ("other_hash", lambda key, message: mac(key, message, "sha512")),
        ("swapped", lambda key, message: mac(message, key)),
        ("no_hmac", lambda key, message: hashlib.sha256((message + key).encode()).digest()),
        ("no_key", lambda key, message: hashlib.sha256(message.encode()).digest()),
    ],
)
def test_a_wrong_function_is_named(cause, made):
    text, key = '{"a": 1}', base64.b64encode(bytes(32)).decode()
    assert diagnose(pay_sig(text), made(key, f"{GAME}&{text}").hex(), [Key(key)]).causes == (cause,)


@pytest.mark.parametrize(
    ("causes", "made"),
    [
        ((), lambda raw, key, body: "v1," + base64.b64encode(mac(raw, "msg_1.1700000000." + body)).decode()),
        (("version_missing",), lambda raw, key, body: base64.b64encode(mac(raw, "msg_1.1700000000." + body)).decode()),
        (("version_missing", "hex"), lambda raw, key, body: mac(raw, "msg_1.1700000000." + body).hex()),
        (("key_text",), lambda raw, key, body: "v1," + base64.b64encode(mac(key, "msg_1.1700000000." + body)).decode()),
        (("missing_prefix",), lambda raw, key, body: "v1," + base64.b64encode(mac(raw, body)).decode()),
        (("only_payload",), lambda raw, key, body: "v1," + base64.b64encode(mac(raw, "pay" + body)).decode()),
    ],
)
def test_mistakes_with_webhook_signature_are_named(causes, made):
    raw = bytes(range(32))
    key, body = base64.b64encode(raw).decode(), '{"Event":"e"}'
    assert diagnose(webhook(body), made(raw, key, body), [Key(key)]).causes == causes


def test_a_session_signature_needs_no_method():
    signed = Signed("", "{}", others=(("added_prefix", GAME),))
    known = [Key("session"), Key("app", ("app_key",))]
    assert diagnose(signed, mac("session", "{}").hex(), known).fits
    assert diagnose(signed, mac("session", GAME + "&{}").hex(), known).causes == ("added_prefix",)
    assert diagnose(signed, mac("app", "{}").hex(), known).causes == ("app_key",)


@pytest.mark.parametrize(
    "again",
    ['{"b":1,"a":"é/<"}', '{"b": 1, "a": "\\u00e9/<"}', '{"b":1,"a":"é\\/<"}', '{"b":1,"a":"é/\\u003c"}', '{"a":"é/<","b":1}'],
)
def test_the_spellings_of_usual_serialisers_are_known(again):
    assert again in reserialised('{"b" : 1 , "a" : "é/<"}')


@pytest.mark.parametrize("deep", ["[" * 33 + "]" * 33, "[" * 1200 + "]" * 1200, '{"a":' * 400 + "1" + "}" * 400, "[" * 8000])
def test_json_that_is_nested_deeper_than_openserver_takes_is_not_written_again(deep):
    assert reserialised(deep) == []
    assert diagnose(pay_sig(deep), mac("key", f"{GAME}&{deep}").hex(), [Key("key")]).fits


@pytest.mark.parametrize("text", ["[" * 32 + "]" * 32, json.dumps({"attach": "[" * 400})])
def test_json_of_the_depth_that_openserver_takes_is_written_again(text):
    assert json.dumps(json.loads(text), indent=2) in reserialised(text)


def test_the_first_difference_is_shown_in_its_surroundings():
    found = first_difference(Signed("m", "x" * 100 + "end"), "m&" + "x" * 100 + "END")
    assert (found.at, found.expected[-3:], found.found[-3:]) == (103, "end", "END")
    assert first_difference(Signed("m", "a\nb"), "m&a\r\nb") is None


def test_every_cause_has_words():
    assert NOTES < CODES
    assert all(str(cause.what).endswith(".") and str(cause.mend).endswith(".") for cause in in_words(sorted(CODES)))


def test_base64_that_begins_like_hexadecimal_digits_is_read():
    text, key = '{"goodsPrice":100243, "attach":"ù\\u0015", "outTradeNo":"C3"}', "d39Eab0lUFp2LfcuIM4FOKvz6/Sm3E8vONQu2kGUDL8="
    assert diagnose(pay_sig(text), "0Xexze5sVheCCjdI1wFlquos+IFcybixM5YIrnWyYXw=", [Key(key)]).causes == ("base64",)
