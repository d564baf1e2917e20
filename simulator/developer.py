"""The stand-in developer backend: installs the mailed keys, signs orders, receives pushes."""

import email
import email.message
import email.policy
import json
import secrets as random
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from django.conf import settings
from django.utils.translation import gettext as _

from console.errors import Refused
from console.models import MiniProgram
from items.models import Item
from openserver.signatures import pay_sig, session_signature, sign_developer
from orders.webhooks import pay_event_sig, webhook_headers
from payments.certificates import open_sealed, serial_hex
from simulator.calls import OPENSERVER, Call, as_object, compact, now_and_nonce, to_openserver
from simulator.models import DeveloperBackend, MailboxMessage, ReceivedPush

PREFIXES = {"mini_game": "requestMidasPaymentGameItem", "mini_program": "requestVirtualPayment"}


def backend_of(program: MiniProgram) -> DeveloperBackend:
    """The stand-in developers of this mini program."""
    return DeveloperBackend.objects.select_related("mini_program").get_or_create(mini_program=program)[0]


def newest_mail(program: MiniProgram) -> email.message.EmailMessage | None:
    """The newest mail with a credential of this mini program."""
    for row in MailboxMessage.objects.filter(recipient__contains=program.team.linked_email)[:50]:
        message = email.message_from_bytes(bytes(row.raw), policy=email.policy.default)
        names = {part.get_filename() for part in message.iter_attachments()}
        body = message.get_body(("plain",))
        if "credential.p12" in names and body and program.app_id in body.get_content():
            return message
    return None


def attachment(message: email.message.EmailMessage, name: str) -> bytes:
    """The content of an attachment."""
    part = next(part for part in message.iter_attachments() if part.get_filename() == name)
    return bytes(part.get_payload(decode=True))


def install_from_mail(program: MiniProgram, passphrase: str) -> DeveloperBackend:
    """Do what the mail says: open credential.p12 with the passphrase, then appkeys.p7m with the key inside it.

    Raises Refused when there is no mail yet or the passphrase does not open it.
    """
    message = newest_mail(program)
    if message is None:
        raise Refused(
            passphrase=_("No mail with a credential of this mini program has arrived yet. Save its delivery push first.")
        )
    try:
        key, certificate, _others = pkcs12.load_key_and_certificates(
            attachment(message, "credential.p12"), passphrase.strip().encode()
        )
    except ValueError:
        raise Refused(passphrase=_("This passphrase does not open credential.p12. Copy it whole, with its hyphens.")) from None
    assert isinstance(key, RSAPrivateKey) and certificate is not None
    key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)
    keys = json.loads(open_sealed(attachment(message, "appkeys.p7m"), key_pem, certificate_pem))["appKeys"]
    backend = backend_of(program)
    backend.install(
        serial_no=serial_hex(certificate), certificate_pem=certificate_pem, private_key_pem=key_pem,
        live=keys["live"], sandbox=keys["sandbox"],
    )  # fmt: skip
    return backend


def signed_call(backend: DeveloperBackend, title: str, method: str, path: str, body: bytes = b"") -> Call:
    """A call to openServer, signed with the certificate's key."""
    timestamp, nonce = now_and_nonce()
    key = serialization.load_pem_private_key(backend.private_key_pem(), None)
    assert isinstance(key, RSAPrivateKey)
    header = sign_developer(
        key, app_id=backend.mini_program.app_id, serial_no=backend.serial_no, method=method, path_and_query=path, body=body,
        timestamp=timestamp, nonce=nonce,
    )  # fmt: skip
    return to_openserver(title, method, path, body=body, headers={"Authorization": header})


def exchange_code(backend: DeveloperBackend, code: str) -> Call:
    """Swap the player's code for the session key."""
    body = compact({"appId": backend.mini_program.app_id, "code": code}).encode()
    return signed_call(backend, "Developer → openServer: jscode2session", "POST", f"{OPENSERVER}/jscode2session", body)


def place_transaction(
    backend: DeveloperBackend, *, description: str, total: int, currency: str, merchant_id: str, open_id: str
) -> Call:
    """Place a standard payment of `total` minor units, to be told of at the stand-in's notify_url."""
    app_id = backend.mini_program.app_id
    body = {
        "appid": app_id, "mchid": merchant_id, "description": description, "out_trade_no": "SIM" + random.token_hex(10),
        "notify_url": f"{settings.BASE_URL}/simulator/developer/{app_id}/notify",
        "amount": {"total": total, "currency": currency}, "payer": {"openid": open_id}, "attach": "paid in the simulator",
    }  # fmt: skip
    title = "Developer → openServer: place a standard payment"
    return signed_call(backend, title, "POST", f"{OPENSERVER}/pay/transactions/jsapi", compact(body).encode())


def query_transaction(backend: DeveloperBackend, out_trade_no: str, merchant_id: str) -> Call:
    """Ask openServer how a standard payment stands."""
    path = f"{OPENSERVER}/pay/transactions/out-trade-no/{out_trade_no}?mchid={merchant_id}"
    return signed_call(backend, "Developer → openServer: query the standard payment", "GET", path)


def query_order(backend: DeveloperBackend, out_trade_no: str, env: int) -> Call:
    """Ask openServer how an order stands."""
    path = f"{OPENSERVER}/orders/{out_trade_no}?appId={backend.mini_program.app_id}&env={env}"
    return signed_call(backend, "Developer → openServer: query the order", "GET", path)


def signed_order(
    backend: DeveloperBackend, item: Item, *, quantity: int, env: int, session_key: str, merchant_id: str
) -> dict[str, Any]:
    """What the mini program hands to the SDK: signData with both signatures, for the price the developer knows."""
    program = backend.mini_program
    price, currency = (item.price, item.currency) if env else (item.live_price, item.live_currency)
    data: dict[str, Any] = {
        "buyQuantity": quantity,
        "env": env,
        "currencyType": currency,
        "productId": item.product_id,
        "goodsPrice": price,
    }
    data |= {"outTradeNo": "SIM" + random.token_hex(10), "attach": "bought in the simulator"}
    data |= {"mode": "goods", "platform": "android", "zoneId": "1"} if program.kind == "mini_game" else {"offerId": merchant_id}
    text, method = compact(data), PREFIXES[program.kind]
    order = {"method": method, "signData": text, "paySig": pay_sig(method, text, backend.app_key(env))}
    order["signature"] = session_signature(text, session_key)
    return order if program.kind == "mini_game" else {**order, "mode": "short_series_goods"}


def receive(backend: DeveloperBackend, *, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Take a push as a careful developer would: verify, drop duplicates, keep; returns status and body of the answer."""
    envelope = as_object(body.decode("utf-8", "replace"))
    standard = envelope.get("resource")
    payload = as_object(str(envelope.get("Payload", ""))) if not isinstance(standard, dict) else {}
    env, number = (1 if str(payload.get("Env")) == "1" else 0), str(payload.get("OutTradeNo", ""))
    event = str(envelope.get("Event", ""))
    if isinstance(standard, dict):  # a standard payment: the whole body is signed, by the headers
        event, number = str(envelope.get("event_type", "")), str(standard.get("out_trade_no", ""))
    push = ReceivedPush(
        mini_program=backend.mini_program, event=event[:64], out_trade_no=number[:64],
        is_mock=envelope.get("IsMock") is True, body=body.decode("utf-8", "replace")[:20000], headers=headers,
    )  # fmt: skip
    key = backend.app_key(env)
    push.webhook_signature_ok = bool(key) and webhook_signature_fits(headers, body, key)
    push.event_signature_ok = bool(key) and envelope.get("PayEventSig") == pay_event_sig(
        push.event, str(envelope.get("Payload")), key
    )
    if isinstance(standard, dict):
        push.event_signature_ok = push.webhook_signature_ok
    seen = ReceivedPush.objects.filter(
        mini_program=backend.mini_program, event=push.event, out_trade_no=number, answered="200 · 0"
    )
    push.duplicate = not push.is_mock and seen.exists()
    status, answer = answer_of(backend, push)
    push.answered = f"{status} · {as_object(answer).get('returnCode', '–')}"
    push.save()
    return status, answer


def webhook_signature_fits(headers: dict[str, str], body: bytes, key: str) -> bool:
    """Whether one of the Standard Webhooks signatures is ours."""
    try:
        expected = webhook_headers(
            webhook_id=headers["webhook-id"], timestamp=int(headers["webhook-timestamp"]), body=body, app_keys=[key]
        )
    except (KeyError, ValueError):
        return False
    return expected["webhook-signature"] in headers.get("webhook-signature", "").split(" ")


def answer_of(backend: DeveloperBackend, push: ReceivedPush) -> tuple[int, str]:
    """What the backend answers in its present mood. A push whose signature is wrong is never acknowledged."""
    mode = backend.mode
    if mode == DeveloperBackend.Mode.FAIL or (mode == DeveloperBackend.Mode.SOMETIMES and random.randbelow(4) == 0):
        return 500, "The stand-in developer backend was told to fail."
    if mode == DeveloperBackend.Mode.REFUSE:
        return 200, compact(
            {"returnCode": "4001", "returnMessage": "No such player", "data": "", "requestId": random.token_hex(8)}
        )
    if not (push.event_signature_ok and push.webhook_signature_ok):
        return 401, compact({"returnCode": "SIGNATURE", "returnMessage": "The signature does not fit.", "requestId": ""})
    return 200, compact({"returnCode": "0", "returnMessage": "OK", "data": "OK", "requestId": random.token_hex(8)})
