"""The client of the superapps' backends (docs/openserver.md, "What the superapp implements")."""

import json
import secrets
import time
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from django.conf import settings

from console.http_kept import send_kept
from console.http_messages import ANSWER_LIMIT, Answer, OutgoingRequest
from console.models import Superapp
from openserver.errors import ApiError
from openserver.facts import Facts
from openserver.keys import opened
from openserver.signatures import sign_superapp, tc_headers
from orders.models import Order

PATH, TRANSACTIONS_PATH = "/create-prepay-order", "/v3/pay/transactions/jsapi"
DEADLINE = 10.0  # seconds, from the call to the last byte
MAX_PREPAY_ID = 128  # characters


class Backend(NamedTuple):
    """A superapp's backend and what calls to it are signed with."""

    code: str
    url: str
    sealed_secret_key: str
    tc_compatible: bool = False

    @classmethod
    def of(cls, superapp: Superapp) -> Self:
        """The backend of a superapp."""
        return cls(superapp.code, superapp.backend_url, superapp.sealed_secret_key, superapp.tc_compatible)


class SuperappUnavailable(ApiError):
    """The superapp gave no answer that could be used; `fault` completes "The superapp's backend …", `detail` is for operators.

    An order stays Created, so that the same request again asks with the same number.
    """

    def __init__(self, fault: str, *, detail: str = "") -> None:
        self.fault, self.detail = fault, detail
        super().__init__(
            "SUPERAPP_UNAVAILABLE",
            f"The superapp's backend {fault}. Nothing was charged. Send the same request again, with the same number.",
        )


def create_prepay_order(order: Order, facts: Facts) -> str:
    """Ask the superapp for the prepay id of an order; takes at most DEADLINE seconds. Raises SuperappUnavailable.

    The superapp keeps one prepay per order number, so asking again after a time-out is harmless.
    """
    backend = Backend(facts.superapp_code, facts.backend_url, facts.sealed_secret_key, facts.tc_compatible)
    content = call(backend, "POST", PATH, prepay_body(order, facts), merchant_no=order.merchant_no)
    if "returnCode" not in content:
        raise SuperappUnavailable("answered without returnCode")
    return _prepay_id(content.get("data"), "prepayId")


def create_transaction(order: Order, *, backend: Backend) -> str:
    """Ask the superapp for the prepay_id of a standard payment (docs/domain.md, 5.8), as `create_prepay_order`."""
    content = call(backend, "POST", TRANSACTIONS_PATH, transaction_body(order), merchant_no=order.merchant_no)
    # As the path of v3 answers it, or in the envelope of the superapp's other answers.
    return _prepay_id(content.get("data", content), "prepay_id")


def call(
    backend: Backend,
    method: str,
    path: str,
    body: dict[str, object] | None = None,
    *,
    merchant_no: str = "",
    answer_limit: int = ANSWER_LIMIT,
) -> dict[str, Any]:
    """Call a superapp's backend, signed, and return the object it answers; takes at most DEADLINE seconds.

    `answer_limit` in bytes. Raises SuperappUnavailable for whatever is no whole answer with status 200 and no returnCode but "0".
    """
    if not backend.url or not backend.sealed_secret_key:
        raise SuperappUnavailable("is not configured yet")
    url = backend.url.rstrip("/") + path
    raw = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = _headers(backend, method, url, raw, merchant_no)
    request = OutgoingRequest(
        url=url, method=method, body=raw, headers=headers, deadline=DEADLINE, answer_limit=answer_limit
    )
    return _content(send_kept(request))


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


def transaction_body(order: Order) -> dict[str, object]:
    """Return what the developer sent, with our address in place of theirs: notifications come here first."""
    return {
        "appid": order.mini_program.app_id,
        "mchid": order.merchant_no,
        "description": order.product_name,
        "out_trade_no": order.out_trade_no,
        "notify_url": f"{settings.BASE_URL}/openserver/v1/pay/notifications",
        "amount": {"total": order.amount, "currency": order.currency},
        "payer": {"openid": order.open_id},
        "attach": order.attach,
    }


def _headers(backend: Backend, method: str, url: str, body: bytes, merchant_no: str) -> dict[str, str]:
    secret_key = opened(backend.sealed_secret_key, f"superapp:{backend.code}:secret_key")
    now, parts = time.time(), urlsplit(url)
    headers = sign_superapp(
        superapp=backend.code,
        secret_key=secret_key,
        method=method,
        path_and_query=parts.path + (f"?{parts.query}" if parts.query else ""),
        body=body,
        timestamp=int(now),
        nonce=secrets.token_hex(16),
    )
    compatible = tc_headers(int(now * 1000), secret_key, merchant_no) if backend.tc_compatible else {}
    return {"Content-Type": "application/json", **headers, **compatible}


def _content(answer: Answer) -> dict[str, Any]:
    if answer.error_class == "timeout":
        raise SuperappUnavailable("did not answer in time", detail=answer.detail)
    if answer.error_class:
        raise SuperappUnavailable("could not be reached or gave no whole answer", detail=answer.detail)
    if answer.status != 200:
        raise SuperappUnavailable(f"answered with status {answer.status}")
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise SuperappUnavailable("did not answer JSON") from None
    if not isinstance(content, dict) or str(content.get("returnCode", "0")) != "0":
        raise SuperappUnavailable("refused the request")
    return content


def _prepay_id(data: object, name: str) -> str:
    prepay_id = data.get(name) if isinstance(data, dict) else None
    if not isinstance(prepay_id, str) or not 1 <= len(prepay_id) <= MAX_PREPAY_ID or not prepay_id.isprintable():
        raise SuperappUnavailable(f"answered without a usable {name}")
    return prepay_id
