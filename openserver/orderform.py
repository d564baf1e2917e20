"""What a caller of POST orders sent: the envelope, and the signed text inside it (docs/openserver.md, "Placing an order")."""

import json
import re
from typing import Any, NamedTuple

from items.models.items import PRODUCT_ID
from openserver import strict_json
from openserver.errors import ApiError
from openserver.signatures import SignatureFormat

MINI_GAME, MINI_PROGRAM = "mini_game", "mini_program"
METHODS = {MINI_GAME: "requestMidasPaymentGameItem", MINI_PROGRAM: "requestVirtualPayment"}
ENVELOPE_MODES = {MINI_GAME: "goods", MINI_PROGRAM: "short_series_goods"}
REQUIRED = ("token", "method", "signData", "paySig", "signature")
SIGNED = ("buyQuantity", "currencyType", "productId", "goodsPrice", "outTradeNo", "attach")
ATTACH_LIMIT = 1024  # bytes
PRICE_LIMIT, QUANTITY_LIMIT = 99_999_999, 10_000
AMOUNT_LIMIT = 9_999_999_999  # minor units of one order
NUMBER_LENGTHS = {MINI_GAME: (1, 32), MINI_PROGRAM: (8, 32)}

_HEX_64 = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"(?!_)[0-9A-Za-z_\-|*@]+")


class OrderForm(NamedTuple):
    """The envelope, well-formed. `sign_data` is the signed text as it came."""

    token: str
    method: str
    mode: str
    sign_data: str
    pay_sig: str
    signature: str


class Hints(NamedTuple):
    """What signData seems to say, before anything of it is believed: enough to pick the key and to look the item up."""

    env: int
    product_id: str


class SignedData(NamedTuple):
    """What signData says. Values that have a check of their own, later in the order of checks, are still as they came."""

    env: int
    currency: str
    product_id: str
    platform: str
    zone_id: str
    attach: str
    offer_id: object
    price: object
    quantity: object
    out_trade_no: object


def read_form(body: dict[str, Any]) -> OrderForm:
    """Return the envelope. Raises ApiError: MISSING_FIELD, UNKNOWN_FIELD, SIGN_DATA_NOT_STRING, SIG_FORMAT, MODE_INVALID."""
    body = _one_spelling(body)
    strict_json.fields(body, required=REQUIRED, optional=("mode",))
    sign_data, method = body["signData"], body["method"]
    if not isinstance(sign_data, str):
        raise ApiError("SIGN_DATA_NOT_STRING", "signData is not a string. Send the JSON text that was signed, as one string.")
    for name in ("paySig", "signature"):
        if not isinstance(body[name], str) or not _HEX_64.fullmatch(body[name]):
            raise SignatureFormat(name)
    if method not in METHODS.values():
        raise ApiError("MODE_INVALID", f"method is not known. Send {' or '.join(METHODS.values())}.")
    mode = body.get("mode", "")
    if mode not in ("", *ENVELOPE_MODES.values()):
        raise ApiError(
            "MODE_INVALID", 'mode is not known. Send "short_series_goods" for a mini program, nothing for a mini game.'
        )
    if not isinstance(body["token"], str):
        raise ApiError("BAD_JSON", "token is not a string. Send the token that the superapp's SDK gave to the player.")
    return OrderForm(body["token"], method, mode, sign_data, body["paySig"], body["signature"])


def hints(sign_data: str) -> Hints:
    """Return env and productId as far as they can be read; env 0 (live) otherwise. Never raises."""
    try:
        data = json.loads(sign_data)
    except (ValueError, RecursionError):
        data = None
    found = data if isinstance(data, dict) else {}
    product_id = found.get("productId")
    known = isinstance(product_id, str) and PRODUCT_ID.regex.match(product_id)  # type: ignore[union-attr]
    return Hints(1 if str(found.get("env")) == "1" else 0, str(product_id) if known else "")


def check_method(form: OrderForm, kind: str) -> None:
    """Refuse the method or the mode of the other kind of program. Raises MODE_INVALID."""
    if form.method != METHODS[kind]:
        raise ApiError("MODE_INVALID", f"method is not the one of a {_words(kind)}. Send {METHODS[kind]}.")
    if form.mode not in ("", ENVELOPE_MODES[kind]):
        raise ApiError("MODE_INVALID", f'mode is not the one of a {_words(kind)}. Send "{ENVELOPE_MODES[kind]}" or leave it out.')


def read_signed(sign_data: str, kind: str) -> SignedData:
    """Return what signData says; unknown fields are allowed, because they are signed too.

    Raises ApiError: BAD_JSON, DUPLICATE_FIELD, MISSING_FIELD, MODE_INVALID, ENV_INVALID, ATTACH_FORMAT.
    """
    data = strict_json.parse_text(sign_data, allow_floats=True)
    own = ("mode", "env") if kind == MINI_GAME else ("offerId",)
    strict_json.require(data, (*own, *SIGNED))
    if kind == MINI_GAME and data["mode"] != "goods":
        raise ApiError("MODE_INVALID", 'mode in signData is not "goods". A mini game sells goods: send "goods".')
    return SignedData(
        env=_env(data.get("env", 0)),
        currency=strict_json.text(data["currencyType"], "currencyType", 16),
        product_id=strict_json.text(data["productId"], "productId", 64),
        platform=strict_json.text(data.get("platform", ""), "platform", 32, min_length=0),
        zone_id=strict_json.text(data.get("zoneId", ""), "zoneId", 64, min_length=0),
        attach=read_attach(data["attach"]),
        offer_id=data.get("offerId"),
        price=data["goodsPrice"],
        quantity=data["buyQuantity"],
        out_trade_no=data["outTradeNo"],
    )


def read_price(value: object) -> int:
    """The unit price in minor units. Raises PRICE_FORMAT."""
    return strict_json.whole_number(value, "goodsPrice", 1, PRICE_LIMIT, "PRICE_FORMAT")


def read_quantity(value: object) -> int:
    """The quantity, a whole number or a string of digits. Raises QUANTITY_FORMAT."""
    return strict_json.whole_number(value, "buyQuantity", 1, QUANTITY_LIMIT, "QUANTITY_FORMAT", digits_allowed=True)


def read_number(value: object, shortest: int, longest: int, *, field: str = "outTradeNo") -> str:
    """The developer's order number, of so many characters. Raises OUT_TRADE_NO_FORMAT."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value) or not shortest <= len(value) <= longest:
        raise ApiError(
            "OUT_TRADE_NO_FORMAT",
            f"{field} is not {shortest} to {longest} of 0-9 A-Z a-z _ - | * @, or begins with _. Send a string like that.",
        )
    return value


def number_or_nothing(value: object) -> str:
    """The developer's order number if it could be one, else ""."""
    return value if isinstance(value, str) and _NUMBER.fullmatch(value) and len(value) <= 32 else ""


def read_attach(value: object) -> str:
    """What the developer wants back with the push. Raises ATTACH_FORMAT."""
    if not isinstance(value, str):
        raise ApiError("ATTACH_FORMAT", "attach is not a string. Send a string, empty if there is nothing to pass on.")
    if len(value.encode()) > ATTACH_LIMIT:
        raise ApiError("ATTACH_FORMAT", f"attach has more than {ATTACH_LIMIT} bytes in UTF-8. Shorten it.")
    return value


def _one_spelling(body: dict[str, Any]) -> dict[str, Any]:
    """paySign is another spelling of paySig."""
    if "paySign" not in body:
        return body
    if "paySig" in body:
        raise ApiError("DUPLICATE_FIELD", "paySig and paySign are both there, and mean the same. Send one of them.")
    return {("paySig" if name == "paySign" else name): value for name, value in body.items()}


def _env(value: object) -> int:
    if value in (0, 1, "0", "1") and not isinstance(value, (bool, float)):
        return int(value)
    raise ApiError("ENV_INVALID", "env in signData is neither 0 (live) nor 1 (sandbox). Send one of the two.")


def _words(kind: str) -> str:
    return kind.replace("_", " ")
