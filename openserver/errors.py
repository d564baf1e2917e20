"""The error codes of openServer (docs/domain.md, section 6): stable names, each with its HTTP status.

Messages are part of the wire format and read by developers and their logs, so they are English and not translated.
"""

ERRORS: dict[str, int] = {
    "BAD_JSON": 400,
    "DUPLICATE_FIELD": 400,
    "UNKNOWN_FIELD": 400,
    "MISSING_FIELD": 400,
    "SIGN_DATA_NOT_STRING": 400,
    "SIG_FORMAT": 400,
    "PAY_SIG_INVALID": 401,
    "SESSION_INVALID": 401,
    "SESSION_EXPIRED": 401,
    "SESSION_SIG_INVALID": 401,
    "AUTH_INVALID": 401,
    "PAYMENT_NOT_ENABLED": 403,
    "PAYMENT_SUSPENDED": 403,
    "MERCHANT_NOT_BOUND": 403,
    "MODE_INVALID": 400,
    "ENV_INVALID": 400,
    "CURRENCY_NOT_ENABLED": 400,
    "ITEM_NOT_ON_SALE": 404,
    "PRICE_FORMAT": 400,
    "PRICE_MISMATCH": 409,
    "QUANTITY_FORMAT": 400,
    "AMOUNT_LIMIT": 400,
    "OUT_TRADE_NO_FORMAT": 400,
    "ORDER_NO_REUSED": 409,
    "ATTACH_FORMAT": 400,
    "NOTIFY_URL_REFUSED": 400,
    "ORDER_NOT_FOUND": 404,
    "ORDER_ARCHIVED": 410,
    "NOTIFY_SIG_INVALID": 401,
    "AMOUNT_MISMATCH": 409,
    "REFUND_EXCEEDS_PAID": 409,
    "REFUND_NO_REUSED": 409,
    "REFUND_CURRENCY": 409,
    "ORDER_NOT_PAID": 409,
    "SUPERAPP_UNAVAILABLE": 502,
    "RATE_LIMITED": 429,
    "BUSY": 503,
}
#: Answers that HTTP itself asks for; no rule of an order stands behind them.
HTTP_ERRORS: dict[str, int] = {"NOT_FOUND": 404, "METHOD_NOT_ALLOWED": 405, "INTERNAL_ERROR": 500}


class ApiError(Exception):
    """A call that is refused: `code` of ERRORS or HTTP_ERRORS, a message with field, fault and remedy, and the HTTP `status`.

    `retry_after` in seconds is told with BUSY and RATE_LIMITED.
    """

    retry_after = 2

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = (ERRORS | HTTP_ERRORS)[code] if status is None else status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class RateLimited(ApiError):
    """Too many calls; the next one is taken in `seconds`."""

    def __init__(self, sentence: str, *, seconds: int) -> None:
        super().__init__("RATE_LIMITED", f"{sentence} Wait {seconds} s, as Retry-After says, then send it again.")
        self.retry_after = seconds


def not_allowed(method: str, allowed: list[str]) -> ApiError:
    """The answer to a method that a path does not know."""
    return ApiError("METHOD_NOT_ALLOWED", f"{method[:16]} is not possible here. Use {' or '.join(allowed)}.")
