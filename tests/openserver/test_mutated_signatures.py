"""20,000 mutated signatures and texts: none is accepted, none is a fault of ours."""

import base64
import random
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from openserver import signatures
from openserver.errors import ApiError
from orders.models import Notification, Order
from tests.openserver.conftest import BASE, GOODS_EVENT, text_of
from tests.openserver.standard import JSAPI, content, transaction

KEY, NOW, NONCE = "an-app-key", 1_800_000_000, "n0nce-12345678"
TEXT = '{"mode":"goods","buyQuantity":1,"env":0,"productId":"gem","goodsPrice":990,"outTradeNo":"N-1","attach":"皮肤 🎮"}'
REQUEST = {"method": "POST", "path_and_query": "/openserver/v1/orders?a=1", "body": TEXT.encode()}
EACH = 4_000
HEX, BASE64 = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


def mutated(text: str, letters: str, chance: random.Random) -> str:
    """One change somewhere: a letter replaced, removed, doubled or swapped with another, the case, the length, or all of it."""
    place = chance.randrange(len(text))
    other = chance.choice(letters.replace(text[place], "") + chance.choice(" \n\0é１"))
    return chance.choice([
        text[:place] + other + text[place + 1 :], text[:place] + text[place + 1 :], text[:place] + text[place] + text[place:],
        text[place + 1 :] + text[: place + 1] + other, text.upper() + other, text[:place], text + other, other + text, text * 2,
        "".join(chance.choice(letters) for _each in text), text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :],
    ])  # fmt: skip


def changes(signature: str, text: str, letters: str, *, seed: str) -> Iterator[tuple[str, str]]:
    """Signature and text of which at least one was changed."""
    chance = random.Random(seed)
    while True:
        one = mutated(signature, letters, chance) if chance.random() < 0.7 else signature
        other = mutated(text, 'abc"{}:0 ', chance) if one == signature or chance.random() < 0.2 else text
        if (one, other) != (signature, text):
            yield one, other


def accepted(verify: Callable[[str, str], object], made: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of EACH mutations that pass; anything but True, False and ApiError is raised."""
    passed = []
    for _number in range(EACH):
        signature, text = next(made)
        try:
            if verify(signature, text) is not False:
                passed.append((signature, text))
        except ApiError as error:
            assert error.status in {400, 401}
    return passed


def pay_sig(signature: str, text: str) -> bool:
    return signatures.verify_pay_sig(signature, method="requestVirtualPayment", sign_data=text, app_keys=[KEY, "old"])


def session(signature: str, text: str) -> bool:
    return signatures.verify_session_signature(signature, sign_data=text, session_key=KEY)


def event(signature: str, text: str) -> bool:
    return signatures.verify_pay_event_sig(signature, event=GOODS_EVENT, payload=text, app_keys=[KEY])


def superapp(signature: str, text: str) -> None:
    headers = {"SAS-Superapp": "orbit", "SAS-Timestamp": str(NOW), "SAS-Nonce": NONCE, "SAS-Signature": signature}
    auth = signatures.read_superapp_headers(headers)
    signatures.verify_superapp(auth, secret_key=KEY, **(REQUEST | {"body": text.encode("utf-8", "surrogatepass")}), now=NOW)


HMACS = {
    "paySig": (pay_sig, signatures.pay_sig("requestVirtualPayment", TEXT, KEY)),
    "signature": (session, signatures.session_signature(TEXT, KEY)),
    "PayEventSig": (event, signatures.pay_event_sig(GOODS_EVENT, TEXT, KEY)),
    "SAS-Signature": (
        superapp,
        signatures.sign_superapp(superapp="orbit", secret_key=KEY, timestamp=NOW, nonce=NONCE, **REQUEST)["SAS-Signature"],
    ),
}


@pytest.mark.sqlite
@pytest.mark.parametrize("name", HMACS)
def test_no_mutation_of_an_hmac_is_accepted(name):
    verify, good = HMACS[name]
    assert verify(good, TEXT) is not False
    assert accepted(verify, changes(good, TEXT, HEX, seed=name)) == []


def test_no_mutation_of_a_certificate_signature_is_accepted():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    header = signatures.sign_developer(key, app_id="mp1", serial_no="0A", timestamp=NOW, nonce=NONCE, **REQUEST)
    head, _quote, good = header.removesuffix('"').rpartition('signature="')
    public = key.public_key()

    def verify(signature: str, text: str) -> bool | None:
        auth = signatures.parse_authorization(f'{head}signature="{signature}"')
        body = text.encode("utf-8", "surrogatepass")
        signatures.verify_developer(public, auth, **(REQUEST | {"body": body}), now=NOW)
        # Base64 has spare bits: another spelling of the very same bytes is no forgery.
        return body != REQUEST["body"] or base64.b64decode(signature) != base64.b64decode(good)

    assert verify(good, TEXT) is False
    assert accepted(verify, changes(good, TEXT, BASE64, seed="RSA")) == []


# --- Over HTTP --------------------------------------------------------------------------------------------------------

CALLS = 60  # of each kind


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("field", ["paySig", "signature", "signData"])
def test_no_mutated_order_is_placed(shop, backend, field):
    chance, body = random.Random(field), shop.order()
    for _call in range(CALLS):
        changed = body | {field: mutated(body[field], HEX, chance)}
        answered = shop.place(text_of(changed).encode("utf-8", "surrogatepass"))
        assert answered.status in {400, 401}, (changed[field], answered.body)
    assert not Order.objects.exists()
    assert not backend.asked


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("field", ["PayEventSig", "SAS-Signature", "SAS-Nonce", "SAS-Timestamp"])
def test_no_mutated_notification_pays(shop, field):
    shop.place(data=shop.sign_data(outTradeNo="N-1"))
    chance, path = random.Random(field), f"{BASE}/payment-notifications"
    body = shop.envelope(GOODS_EVENT, shop.goods("N-1"))
    for _call in range(CALLS):
        sent = body | ({field: mutated(body[field], HEX, chance)} if field in body else {})
        raw = text_of(sent).encode("utf-8", "surrogatepass")
        headers = shop.superapp_headers("POST", path, raw)
        if field in headers:
            headers[field] = mutated(headers[field], HEX, chance).encode("ascii", "replace").decode()
        answer = shop.client.post(path, raw, content_type="application/json", headers=headers)
        assert answer.status_code in {400, 401}, (sent, answer.content)
    assert Order.objects.get().payment_state == "unpaid"
    assert not Notification.objects.filter(verdict="accepted").exists()


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("what", ["header", "body"])
def test_no_mutated_standard_payment_is_placed_or_paid(seller, backend, what):
    chance, raw = random.Random(what), text_of(content(seller)).encode()
    for _call in range(CALLS):
        header = seller.authorization("POST", BASE + JSAPI, raw)
        sent, told = raw, text_of(transaction(seller)).encode()
        if what == "body":
            sent = mutated(raw.decode(), "abc ", chance).encode()
        else:
            good = header.rpartition('signature="')[2][:-3]  # without the last letter and the padding: they have spare bits
            header = header.replace(good, mutated(good, BASE64, chance).encode("ascii", "replace").decode())
        answer = seller.client.post(BASE + JSAPI, sent, content_type="application/json", headers={"Authorization": header})
        assert answer.status_code == 401, (header, sent, answer.content)
        sas = seller.superapp_headers("POST", f"{BASE}/pay/notifications", told)
        told = mutated(told.decode(), "abc ", chance).encode()
        answer = seller.client.post(f"{BASE}/pay/notifications", told, content_type="application/json", headers=sas)
        assert answer.status_code == 401, (told, answer.content)
    assert not Order.objects.exists()
    assert not backend.asked
