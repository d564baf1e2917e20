"""The stand-in superapp backend: opens player sessions, holds prepay orders, notifies payments and refunds."""

import json
import secrets as random
import time
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from console import secrets
from console.models import Superapp
from openserver.errors import ApiError
from openserver.signatures import pay_sig, read_superapp_headers, sign_superapp, verify_superapp
from orders.webhooks import pay_event_sig
from simulator.calls import OPENSERVER, Call, compact, now_and_nonce, to_openserver
from simulator.models import Prepay, PrepayRefund, SuperappBehaviour

GOODS_EVENT = "minigame_game_pay_goods_deliver_notify"
REFUND_EVENT = "minigame_pay_refund_notify"
PAGE = 200  # transactions of one page


def secret_key(superapp: Superapp) -> str:
    """The key this superapp shares with openServer."""
    return secrets.unseal(superapp.sealed_secret_key, bound_to=superapp.secret_binding).decode()


def signed_call(superapp: Superapp, title: str, method: str, path: str, body: bytes = b"") -> Call:
    """A call to openServer with the SAS-* headers."""
    timestamp, nonce = now_and_nonce()
    headers = sign_superapp(
        superapp=superapp.code, secret_key=secret_key(superapp), method=method, path_and_query=path, body=body,
        timestamp=timestamp, nonce=nonce,
    )  # fmt: skip
    return to_openserver(title, method, path, body=body, headers=headers)


def open_session(superapp: Superapp, *, app_id: str, open_id: str) -> Call:
    """A player opens the mini program: the superapp gets a code for the developer and a token for the SDK."""
    body = compact({"appId": app_id, "openId": open_id}).encode()
    return signed_call(superapp, "Superapp → openServer: open a player session", "POST", f"{OPENSERVER}/sessions", body)


def app_keys(superapp: Superapp, app_id: str) -> dict[str, Any]:
    """The AppKeys of a mini program, as openServer gives them to the superapp; {} when it does not."""
    call = signed_call(superapp, "Superapp → openServer: read AppKeys", "GET", f"{OPENSERVER}/appkeys/{app_id}")
    data = call.answer.get("data")
    return data if isinstance(data, dict) else {}


def is_from_openserver(superapp: Superapp, headers: Any, *, path: str, body: bytes, method: str = "POST") -> bool:
    """Whether a request carries a valid signature of this superapp's secret key."""
    try:
        auth = read_superapp_headers(headers)
    except Exception:  # whatever is wrong with it, it is not believed
        return False
    parts = {"method": method, "path_and_query": path, "body": body}
    fits = any(_fits(auth, sealed, superapp, parts) for sealed in superapp.accepted_secrets())
    return fits and auth.superapp == superapp.code


def _fits(auth: Any, sealed: str, superapp: Superapp, parts: dict[str, Any]) -> bool:
    key = secrets.unseal(sealed, bound_to=superapp.secret_binding).decode()
    try:
        verify_superapp(auth, secret_key=key, now=time.time(), **parts)
    except ApiError:
        return False
    return True


def create_prepay(superapp: Superapp, order: dict[str, Any]) -> Prepay:
    """Hold a unified order; the same number again is the same prepay id."""
    with transaction.atomic():
        prepay, created = Prepay.objects.get_or_create(
            app_id=order["appId"], env=int(order["env"]), out_trade_no=order["outTradeNo"],
            defaults={"superapp": superapp, "prepay_id": "pp" + random.token_hex(12), "request": order},
        )  # fmt: skip
        if not created:
            prepay.asked += 1
            prepay.save(update_fields=["asked"])
    return prepay


def create_transaction(superapp: Superapp, body: dict[str, Any]) -> Prepay:
    """Hold a standard payment."""
    return create_prepay(superapp, standard_order(body))


def standard_order(body: dict[str, Any]) -> dict[str, Any]:
    """A standard payment in the terms of the others; `standard` marks it and is what openServer sent."""
    amount = body["amount"]
    return {
        "appId": body["appid"], "merchantId": body["mchid"], "openId": body["payer"]["openid"], "env": 0, "quantity": 1,
        "outTradeNo": body["out_trade_no"], "productName": body["description"], "unitPrice": amount["total"],
        "totalAmount": amount["total"], "currencyType": amount["currency"], "standard": body,
    }  # fmt: skip


def transactions(superapp: Superapp, *, since: datetime, until: datetime, after: int) -> dict[str, Any]:
    """One page of the list that `manage.py reconcile` asks for; the cursor is the id of the last row."""
    rows = Prepay.objects.filter(superapp=superapp, created_at__gte=since, created_at__lt=until, pk__gt=after).order_by("pk")
    page = list(rows.prefetch_related("refunds")[: PAGE + 1])
    more = str(page[PAGE - 1].pk) if len(page) > PAGE else ""
    return {"transactions": [_transaction(prepay) for prepay in page[:PAGE]], "next": more}


def _transaction(prepay: Prepay) -> dict[str, Any]:
    states = {
        Prepay.State.WAITING: "WAIT_PAY", Prepay.State.PAID: "SUCCESS", Prepay.State.CLOSED: "CLOSED",
        Prepay.State.EXPIRED: "AUTO_CLOSED", Prepay.State.FAILED: "PAY_ERROR",
    }  # fmt: skip
    refunded = sum(refund.amount for refund in prepay.refunds.all() if refund.status == "SUCCESS")
    return {
        "appId": prepay.app_id, "env": prepay.env, "outTradeNo": prepay.out_trade_no, "totalAmount": prepay.amount,
        "currencyType": prepay.request["currencyType"], "refundedAmount": refunded, "state": states[Prepay.State(prepay.state)],
    }  # fmt: skip


def pay_sig_fits(order: dict[str, Any], keys: dict[str, Any]) -> bool:
    """The superapp checks the developer's signature once more."""
    key = app_key_of(keys, int(order["env"]))
    return bool(key) and pay_sig(order["method"], order["signData"], key) == order["paySig"]


def app_key_of(keys: dict[str, Any], env: int) -> str:
    """The AppKey of an environment out of the answer of GET appkeys."""
    return str(keys.get("sandbox" if env else "live") or "")


def behaviour(superapp: Superapp) -> SuperappBehaviour:
    """How it answers at the moment."""
    return SuperappBehaviour.objects.get_or_create(superapp=superapp)[0]


def pay(prepay: Prepay) -> Call:
    """The player paid: tell openServer."""
    if "standard" in prepay.request:
        success = {"transaction_id": "tx" + prepay.prepay_id[2:], "trade_state": "SUCCESS", "success_time": _now()}
        call = notify_standard(prepay, "TRANSACTION.SUCCESS", success)
    else:
        call = notify(prepay, GOODS_EVENT, goods_payload(prepay), "payment-notifications")
    Prepay.objects.filter(pk=prepay.pk).update(state=Prepay.State.PAID, paid_at=timezone.now(), last_answer=call.as_record())
    return call


def goods_payload(prepay: Prepay) -> dict[str, Any]:
    """The Payload of a payment notification."""
    order = prepay.request
    goods = {
        "ProductId": order["productId"], "Quantity": int(order["quantity"]), "ZoneId": "1", "OrigPrice": int(order["unitPrice"]),
        "ActualPrice": int(order["unitPrice"]), "Attach": order["attach"], "OrderSource": 1,
    }  # fmt: skip
    return {"OpenId": order["openId"], "Env": str(prepay.env), "OutTradeNo": prepay.out_trade_no, "GoodsInfo": goods}


def start_refund(prepay: Prepay, amount: int) -> PrepayRefund:
    """The player asked for `amount` minor units back."""
    return PrepayRefund.objects.create(prepay=prepay, refund_no="rf" + random.token_hex(10), amount=amount)


def notify_refund(refund: PrepayRefund, status: str) -> Call:
    """Tell openServer how the refund stands: PROCESSING, SUCCESS, CLOSED or FAILED."""
    prepay = refund.prepay
    call = _standard_refund(refund, status) if "standard" in prepay.request else _virtual_refund(refund, status)
    if call.ok:
        PrepayRefund.objects.filter(pk=refund.pk).update(status=status)
    Prepay.objects.filter(pk=prepay.pk).update(last_answer=call.as_record())
    return call


def _virtual_refund(refund: PrepayRefund, status: str) -> Call:
    prepay = refund.prepay
    payload = {
        "OpenId": prepay.request["openId"], "Env": str(prepay.env), "OutTradeNo": prepay.out_trade_no,
        "RefundNo": refund.refund_no, "RefundAmount": refund.amount, "Currency": prepay.request["currencyType"],
        "RefundReason": "Asked for by the player",
        "RefundStatus": status, "RefundStartTime": refund.started_at.isoformat(timespec="seconds"),
    }  # fmt: skip
    if status == "SUCCESS":
        payload["RefundSuccTime"] = _now()
    return notify(prepay, REFUND_EVENT, payload, "refund-notifications")


def _standard_refund(refund: PrepayRefund, status: str) -> Call:
    amount = refund.prepay.request["standard"]["amount"] | {"refund": refund.amount}
    told = {
        "out_refund_no": refund.refund_no, "amount": amount, "reason": "Asked for by the player",
        "create_time": refund.started_at.isoformat(timespec="seconds"),
    }  # fmt: skip
    if status == "SUCCESS":
        told["success_time"] = _now()
    event = {"FAILED": "REFUND.ABNORMAL"}.get(status, f"REFUND.{status}")
    return notify_standard(refund.prepay, event, told)


def notify_standard(prepay: Prepay, event: str, told: dict[str, Any]) -> Call:
    """Tell of a standard payment or its refund."""
    body = prepay.request["standard"]
    resource = {name: body[name] for name in ("appid", "mchid", "out_trade_no", "amount", "payer")} | told
    content = {"id": random.token_hex(8), "create_time": _now(), "event_type": event, "resource": resource}
    title = "Superapp → openServer: pay/notifications"
    return signed_call(prepay.superapp, title, "POST", f"{OPENSERVER}/pay/notifications", compact(content).encode())


def _now() -> str:
    return timezone.now().isoformat(timespec="seconds")


def notify(prepay: Prepay, event: str, payload: dict[str, Any], endpoint: str) -> Call:
    """Send a notification with its PayEventSig; the payload is serialised once."""
    text = compact(payload)
    key = app_key_of(app_keys(prepay.superapp, prepay.app_id), prepay.env)
    signature = pay_event_sig(event, text, key) if key else ""
    envelope = {"EventType": "event", "Event": event, "PayModel": "orbit-wallet", "Payload": text, "PayEventSig": signature}
    title = f"Superapp → openServer: {endpoint}"
    return signed_call(prepay.superapp, title, "POST", f"{OPENSERVER}/{endpoint}", compact(envelope).encode())


def answer_text(prepay: Prepay) -> str:
    """What create-prepay-order answers."""
    return json.dumps({"returnCode": "0", "returnMessage": "OK", "data": {"prepayId": prepay.prepay_id}})
