"""The shapes of requests and answers, for the documents. openserver.strict_json reads the requests and says what is wrong."""

from typing import Any, Literal

from ninja import Field, Schema
from pydantic import ConfigDict

HEX_64 = "^[0-9a-f]{64}$"
NUMBER = "^[0-9A-Za-z|*@-][0-9A-Za-z_|*@-]*$"


class Request(Schema):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class SessionRequest(Request):
    appId: str = Field(max_length=32, description="The mini program; it must be of the superapp that signs.")
    openId: str = Field(min_length=1, max_length=128, description="The player in this mini program.")


class SessionData(Schema):
    code: str = Field(description="For the mini program, which passes it to its backend; works once.")
    token: str = Field(description="For the SDK, which places orders with it.")
    expiresIn: int = Field(description="Seconds.")


class CodeRequest(Request):
    appId: str = Field(description="The appid of the certificate.")
    code: str = Field(max_length=128)


class CodeData(Schema):
    openId: str
    sessionKey: str = Field(description="The key of the user-state signature; its text is the key, do not decode it.")
    expiresIn: int = Field(description="Seconds left.")


class OrderRequest(Request):
    token: str = Field(description="From POST sessions.")
    method: Literal["requestMidasPaymentGameItem", "requestVirtualPayment"] = Field(
        description="Of a mini game, of a mini program."
    )
    mode: str | None = Field(None, description='"short_series_goods" for a mini program; leave it out for a mini game.')
    signData: str = Field(description="The JSON text that was signed, as one string. At most 16 KB.")
    paySig: str = Field(pattern=HEX_64, description='HMAC-SHA256 of method + "&" + signData with the AppKey. Also paySign.')
    signature: str = Field(pattern=HEX_64, description="HMAC-SHA256 of signData with the session key.")


class OrderData(Schema):
    outTradeNo: str
    prepayId: str = Field(description="For the superapp's payment.")


class NotificationRequest(Request):
    EventType: Literal["event"]
    Event: str = Field(description="minigame_game_pay_goods_deliver_notify, or minigame_pay_refund_notify for refunds.")
    PayModel: str = Field(max_length=64)
    Payload: str = Field(description="The JSON text that was signed, as one string.")
    PayEventSig: str = Field(pattern=HEX_64, description='HMAC-SHA256 of Event + "&" + Payload with the AppKey of Env.')


class OrderState(Schema):
    appId: str
    env: Literal[0, 1] = Field(description="0 live, 1 sandbox.")
    outTradeNo: str
    prepayId: str = Field(description="Empty while the superapp has given none.")
    openId: str
    productId: str
    productName: str
    quantity: int
    unitPrice: int = Field(description="Minor units.")
    totalAmount: int = Field(description="Minor units.")
    currencyType: str = Field(description="ISO 4217.")
    attach: str
    paymentState: Literal["created", "unpaid", "paid", "closed", "expired", "failed"]
    deliveryState: Literal["not_due", "pending", "delivering", "delivered", "needs_attention", "held", "cancelled"]
    refundState: Literal["none", "partially_refunded", "refunded"]
    paidAmount: int = Field(description="Minor units.")
    refundingAmount: int = Field(description="Refunds under way, minor units.")
    refundedAmount: int = Field(description="Refunds done, minor units.")
    createdAt: str = Field(description="RFC 3339, UTC.")
    paidAt: str | None
    closedAt: str | None
    deliveredAt: str | None


class Amount(Request):
    total: int = Field(ge=1, le=9_999_999_999, description="Minor units.")
    currency: str = Field(description="ISO 4217; that of the merchant.")


class Payer(Request):
    openid: str = Field(min_length=1, max_length=128, description="The player in this mini program.")


class TransactionRequest(Request):
    appid: str = Field(max_length=32, description="The appid of the certificate.")
    mchid: str = Field(max_length=64, description="The merchant id of the team.")
    description: str = Field(min_length=1, max_length=128, description="What is bought, for people.")
    out_trade_no: str = Field(max_length=32, pattern=NUMBER, description="Your order number, never used before.")
    notify_url: str = Field(max_length=2048, description="Where you want to be told; the destination rules hold.")
    amount: Amount
    payer: Payer
    attach: str | None = Field(None, description="At most 1,024 bytes; comes back with the query.")


class TransactionData(Schema):
    prepay_id: str = Field(description='For wx.requestPayment, as package "prepay_id=…".')


class AmountState(Schema):
    total: int = Field(description="Minor units.")
    currency: str


class PayerState(Schema):
    openid: str


class TransactionState(Schema):
    appid: str
    mchid: str
    out_trade_no: str
    prepay_id: str = Field(description="Empty while the superapp has given none.")
    transaction_id: str = Field(description="The superapp's number of the payment; empty until it is paid.")
    trade_type: Literal["JSAPI"]
    trade_state: Literal["WAIT_PAY", "SUCCESS", "CLOSED", "AUTO_CLOSED", "REFUND", "PAY_ERROR"]
    description: str
    attach: str
    amount: AmountState
    refunded_total: int = Field(description="Refunds done, minor units.")
    payer: PayerState
    create_time: str = Field(description="RFC 3339, UTC.")
    success_time: str | None


class TransactionNotification(Request):
    id: str = Field(max_length=64, description="Of this notification.")
    create_time: str = Field(max_length=64, description="RFC 3339.")
    event_type: Literal[
        "TRANSACTION.SUCCESS", "TRANSACTION.CLOSED", "REFUND.PROCESSING", "REFUND.SUCCESS", "REFUND.CLOSED", "REFUND.ABNORMAL"
    ]
    resource_type: str | None = Field(None)
    summary: str | None = Field(None)
    resource: dict[str, Any] = Field(description="The transaction or the refund; fields that are not documented are passed on.")


class AppKeyPair(Schema):
    live: str
    sandbox: str


class AppKeysData(Schema):
    appId: str
    live: str | None = Field(description="AppKey of env 0; null before the first credential.")
    sandbox: str | None = Field(description="AppKey of env 1.")
    overlapping: list[AppKeyPair] = Field(description="Older keys that are still accepted after a rotation.")


class HealthData(Schema):
    status: Literal["ok"]
