"""What a caller of POST pay/transactions/jsapi sent (docs/openserver.md, "Standard payment")."""

import hashlib
import json
from typing import Any, NamedTuple

from console.destinations import DestinationRefused, check_addresses, check_destination, literal_address
from openserver import strict_json
from openserver.errors import ApiError
from openserver.orderform import AMOUNT_LIMIT, read_attach, read_number

REQUIRED = ("appid", "mchid", "description", "out_trade_no", "notify_url", "amount", "payer")
NUMBER_LENGTHS = (1, 32)
DESCRIPTION_LIMIT, OPEN_ID_LIMIT = 128, 128  # characters


class TransactionForm(NamedTuple):
    """The body, well-formed. `total` in minor units; `request_hash` is the same for the same content, however it is written."""

    app_id: str
    merchant_no: str
    description: str
    out_trade_no: str
    notify_url: str
    total: int
    currency: str
    open_id: str
    attach: str
    request_hash: str


def read_transaction(body: dict[str, Any]) -> TransactionForm:
    """Return the body of a standard payment. Raises ApiError: MISSING_FIELD, UNKNOWN_FIELD, BAD_JSON, OUT_TRADE_NO_FORMAT,
    NOTIFY_URL_REFUSED, PRICE_FORMAT, AMOUNT_LIMIT, ATTACH_FORMAT."""
    strict_json.fields(body, required=REQUIRED, optional=("attach",))
    amount = strict_json.part(body, "amount", required=("total", "currency"))
    payer = strict_json.part(body, "payer", required=("openid",))
    return TransactionForm(
        app_id=strict_json.text(body["appid"], "appid", 32),
        merchant_no=strict_json.text(body["mchid"], "mchid", 64),
        description=strict_json.text(body["description"], "description", DESCRIPTION_LIMIT),
        out_trade_no=read_number(body["out_trade_no"], *NUMBER_LENGTHS, field="out_trade_no"),
        notify_url=_destination(body["notify_url"]),
        total=_total(amount["total"]),
        currency=strict_json.text(amount["currency"], "amount.currency", 16),
        open_id=strict_json.text(payer["openid"], "payer.openid", OPEN_ID_LIMIT),
        attach=read_attach(body.get("attach", "")),
        request_hash=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
    )


def _total(value: object) -> int:
    total = strict_json.whole_number(value, "amount.total", 1, strict_json.MAX_INTEGER, "PRICE_FORMAT")
    if total > AMOUNT_LIMIT:
        raise ApiError("AMOUNT_LIMIT", f"amount.total is {total}. One order costs at most {AMOUNT_LIMIT} minor units.")
    return total


def _destination(value: object) -> str:
    url = strict_json.text(value, "notify_url", 2048, code="NOTIFY_URL_REFUSED")
    try:
        destination = check_destination(url)
        # What a name resolves to is judged whenever something is sent there; an order does not wait for a name server.
        if literal_address(destination.host):
            check_addresses(destination, [destination.host])
        return url
    except DestinationRefused as error:
        raise ApiError("NOTIFY_URL_REFUSED", f"notify_url is refused. {error.sentence}") from None
