"""The client of the superapps' backends: create-prepay-order (docs/openserver.md, "What the superapp implements")."""

import json
import secrets
import time
from urllib.parse import urlsplit

import structlog

from console.http_kept import send_kept
from console.http_messages import Answer, OutgoingRequest
from openserver.errors import ApiError
from openserver.facts import Facts
from openserver.keys import opened
from openserver.signatures import sign_superapp, tc_headers
from orders.models import Order

PATH = "/create-prepay-order"
DEADLINE = 10.0  # seconds, from the call to the last byte
MAX_PREPAY_ID = 128  # characters

log = structlog.get_logger(__name__)


class SuperappUnavailable(ApiError):
    """The superapp gave no prepay id. The order stays Created; the same request again asks with the same number."""

    def __init__(self, fault: str) -> None:
        super().__init__(
            "SUPERAPP_UNAVAILABLE",
            f"The superapp's backend {fault}. Nothing was charged. Send the same request again, with the same outTradeNo.",
        )


def create_prepay_order(order: Order, facts: Facts) -> str:
    """Ask the superapp for the prepay id of an order; takes at most DEADLINE seconds. Raises SuperappUnavailable.

    The superapp keeps one prepay per order number, so asking again after a time-out is harmless.
    """
    if not facts.backend_url or not facts.sealed_secret_key:
        raise SuperappUnavailable("is not configured yet")
    url = facts.backend_url.rstrip("/") + PATH
    body = json.dumps(prepay_body(order, facts), ensure_ascii=False, separators=(",", ":")).encode()
    answer = send_kept(OutgoingRequest(url=url, body=body, headers=_headers(url, body, order, facts), deadline=DEADLINE))
    try:
        return _prepay_id(answer)
    except SuperappUnavailable as error:
        log.warning("prepay_failed", superapp=facts.superapp_code, order=order.pk, error=str(error), detail=answer.detail)
        raise


def prepay_body(order: Order, facts: Facts) -> dict[str, object]:
    """Return the body: amounts in minor units, signed strings exactly as they came."""
    return {
        "appId": facts.app_id,
        "miniProgramName": facts.program_name,
        "merchantId": order.merchant_no,
        "openId": order.open_id,
        "outTradeNo": order.out_trade_no,
        "productId": order.product_id,
        "productName": order.product_name,
        "quantity": order.quantity,
        "unitPrice": order.unit_price,
        "totalAmount": order.amount,
        "currencyType": order.currency,
        "env": order.env,
        "platform": order.platform,
        "attach": order.attach,
        "method": order.method,
        "signData": order.sign_data,
        "paySig": order.pay_sig,
        "signature": order.signature,
    }


def _headers(url: str, body: bytes, order: Order, facts: Facts) -> dict[str, str]:
    secret_key = opened(facts.sealed_secret_key, f"superapp:{facts.superapp_code}:secret_key")
    now, parts = time.time(), urlsplit(url)
    headers = sign_superapp(
        superapp=facts.superapp_code,
        secret_key=secret_key,
        method="POST",
        path_and_query=parts.path + (f"?{parts.query}" if parts.query else ""),
        body=body,
        timestamp=int(now),
        nonce=secrets.token_hex(16),
    )
    compatible = tc_headers(int(now * 1000), secret_key, order.merchant_no) if facts.tc_compatible else {}
    return {"Content-Type": "application/json", **headers, **compatible}


def _prepay_id(answer: Answer) -> str:
    if answer.error_class == "timeout":
        raise SuperappUnavailable("did not answer in time")
    if answer.error_class:
        raise SuperappUnavailable("could not be reached or gave no whole answer")
    if answer.status != 200:
        raise SuperappUnavailable(f"answered with status {answer.status}")
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise SuperappUnavailable("did not answer JSON") from None
    return _read(content)


def _read(content: object) -> str:
    if not isinstance(content, dict) or str(content.get("returnCode")) != "0":
        raise SuperappUnavailable("refused the order")
    data = content.get("data")
    prepay_id = data.get("prepayId") if isinstance(data, dict) else None
    if not isinstance(prepay_id, str) or not 1 <= len(prepay_id) <= MAX_PREPAY_ID or not prepay_id.isprintable():
        raise SuperappUnavailable("answered without a usable prepayId")
    return prepay_id
