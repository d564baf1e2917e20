"""What each error code means and what to do about it; the reference page and docs/openserver.md say the same."""

from typing import NamedTuple

from openserver.errors import ERRORS, HTTP_ERRORS


class Meaning(NamedTuple):
    """A row of the error table."""

    code: str
    status: int
    means: str
    remedy: str


_MEANINGS: dict[str, tuple[str, str]] = {
    "BAD_JSON": ("The body, signData or Payload is not one strict JSON object, or a field has the wrong type.",
                 "Send UTF-8 JSON of at most 16 KB and 32 levels, without repeated keys, NaN or fractions."),
    "DUPLICATE_FIELD": ("A field stands twice.", "Send it once."),
    "UNKNOWN_FIELD": ("The envelope has a field that is not documented.", "Remove it, or correct its spelling."),
    "MISSING_FIELD": ("A required field is missing.", "Send it; the message names it."),
    "SIGN_DATA_NOT_STRING": ("signData is an object.", "Send the very text that was signed, as one JSON string."),
    "SIG_FORMAT": ("A signature is not 64 lower-case hexadecimal digits.", "Encode the HMAC-SHA256 in lower-case hex."),
    "PAY_SIG_INVALID": ("paySig does not fit.", 'Sign method + "&" + signData with the AppKey of the env in signData.'),
    "SESSION_INVALID": ("The token or code names no session, or the code was used.", "Open a new session."),
    "SESSION_EXPIRED": ("The player's session is over.", "Open a new session."),
    "SESSION_SIG_INVALID": ("signature does not fit.", "Sign signData with the text of the player's session_key."),
    "AUTH_INVALID": ("The request is not signed by somebody who may send it, is too old, or repeats a nonce.",
                     "Sign the five lines as sent, with a fresh timestamp and nonce, for your own mini program."),
    "PAYMENT_NOT_ENABLED": ("Payment of this kind is not approved for the program.", "A team admin requests it in the console."),
    "PAYMENT_SUSPENDED": ("The superapp's payment feature is off, or the team has no merchant in effect.",
                          "Ask the superapp, or bind a merchant; orders already paid go on."),
    "MERCHANT_NOT_BOUND": ("offerId or mchid is not the merchant of the team.", "Send the merchant id that the console shows."),
    "MODE_INVALID": ("method or mode does not belong to this kind of program.", "Use those of a mini game or of a mini program."),
    "ENV_INVALID": ("env is neither 0 nor 1.", "Send 0 (live) or 1 (sandbox)."),
    "CURRENCY_NOT_ENABLED": ("The superapp or the merchant does not take this currency.", "Send the merchant's currency."),
    "ITEM_NOT_ON_SALE": ("No such item, or it is not released.", "Check productId; in the sandbox drafts can be bought too."),
    "PRICE_FORMAT": ("The price is not a whole number from 1 to 99,999,999.", "Send minor units, as a number."),
    "PRICE_MISMATCH": ("The price is not the item's.", "Send the released unit price, without discounts."),
    "QUANTITY_FORMAT": ("The quantity is not a whole number from 1 to 10,000.", "Send a number or a string of digits."),
    "AMOUNT_LIMIT": ("Price × quantity, or the total, is above 9,999,999,999 minor units.", "Split the order."),
    "OUT_TRADE_NO_FORMAT": ("outTradeNo has other characters or another length than allowed.",
                            "Use 0-9 A-Z a-z _ - | * @, not _ first; 8–32 for mini programs, 1–32 for mini games."),
    "ORDER_NO_REUSED": ("The number was used for another order, or that order has ended.", "Sign a new number."),
    "ATTACH_FORMAT": ("attach is not a string, or longer than 1,024 bytes.", "Shorten it."),
    "NOTIFY_URL_REFUSED": ("notify_url is no address that may be called.",
                           "Send a public http address on port 80 or https on port 443, without user name and fragment."),
    "ORDER_NOT_FOUND": ("No such order here. A notification is kept and applied when the order appears.",
                        "Check number and env."),
    "ORDER_ARCHIVED": ("The order is so old that it is in the archive. A notification is kept, and changes nothing.",
                       "Do not send it again; ask the platform for the record."),
    "NOTIFY_SIG_INVALID": ("PayEventSig does not fit.", 'Sign Event + "&" + Payload with the AppKey of Env.'),
    "AMOUNT_MISMATCH": ("OpenId, item, quantity or amount do not fit the order. Nothing is delivered.",
                        "Compare the notification with create-prepay-order; the team sees an alert."),
    "REFUND_EXCEEDS_PAID": ("All refunds together would exceed what was paid.", "Refund at most what is left."),
    "REFUND_NO_REUSED": ("The refund number stands for another refund, or that refund has ended.", "Use a new number."),
    "REFUND_CURRENCY": ("The refund has another currency than the order.", "Refund in the order's currency."),
    "ORDER_NOT_PAID": ("The order is not paid.", "Send the payment notification first."),
    "SUPERAPP_UNAVAILABLE": ("The superapp gave no prepay id. Nothing was charged.",
                             "Send the same request again; it keeps its number."),
    "RATE_LIMITED": ("Too many calls from one address or for one mini program.", "Wait the seconds of Retry-After."),
    "BUSY": ("The service cannot take the request at this moment.", "Send it again after the seconds of Retry-After."),
    "NOT_FOUND": ("There is nothing at this path.", "Check the path; none ends with a slash."),
    "METHOD_NOT_ALLOWED": ("The path does not know this method.", "Use a method of the Allow header."),
    "INTERNAL_ERROR": ("A fault of ours.", "Send it again, or give us the requestId."),
}  # fmt: skip


def meanings() -> list[Meaning]:
    """Every code with its HTTP status, in the order of docs/domain.md."""
    return [Meaning(code, status, *_MEANINGS[code]) for code, status in (ERRORS | HTTP_ERRORS).items()]
