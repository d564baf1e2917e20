"""The endpoints. Each handler says who must sign, reads the body strictly and calls one action."""

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from console.crash import mark
from openserver import openapi, strict_json
from openserver.actions import notifications, ordering, sessions, transactions
from openserver.answers import order_data, refuse_archived, transaction_data
from openserver.authentication import developer_of, program_of, require_own, superapp_of
from openserver.envelope import body_of, refused
from openserver.errors import ApiError
from openserver.transactionform import read_transaction
from orders.models import Notification, Order
from payments.keys import LIVE, SANDBOX, accepted_keys

MAX_OPEN_ID = 128  # characters


def open_session(request: HttpRequest) -> dict[str, Any]:
    """POST sessions: a superapp opens a player's session."""
    superapp, body = superapp_of(request), strict_json.parse(body_of(request))
    strict_json.fields(body, required=("appId", "openId"))
    open_id = strict_json.text(body["openId"], "openId", MAX_OPEN_ID)
    opened = sessions.open_session(program_of(superapp, strict_json.text(body["appId"], "appId", 32)), open_id=open_id)
    return {"code": opened.code, "token": opened.token, "expiresIn": opened.expires_in}


def exchange_code(request: HttpRequest) -> dict[str, Any]:
    """POST jscode2session: a developer swaps a code for the session key, once."""
    program, body = developer_of(request), strict_json.parse(body_of(request))
    strict_json.fields(body, required=("appId", "code"))
    require_own(program, body["appId"])
    got = sessions.exchange_code(program, code=strict_json.text(body["code"], "code", 128))
    return {"openId": got.open_id, "sessionKey": got.session_key, "expiresIn": got.expires_in}


def place_order(request: HttpRequest) -> dict[str, str]:
    """POST orders: the SDK places an order; three signatures inside prove who asks."""
    placed = ordering.place_order(strict_json.parse(body_of(request)))
    mark("before-order-answered")
    return placed


def payment_notification(request: HttpRequest) -> str:
    """POST payment-notifications: a superapp says that an order was paid."""
    superapp = superapp_of(request)
    return notifications.receive(superapp, strict_json.parse(body_of(request)), kind=Notification.Kind.PAYMENT)


def refund_notification(request: HttpRequest) -> str:
    """POST refund-notifications: a superapp says how a refund stands."""
    superapp = superapp_of(request)
    return notifications.receive(superapp, strict_json.parse(body_of(request)), kind=Notification.Kind.REFUND)


def query_order(request: HttpRequest, out_trade_no: str) -> dict[str, Any]:
    """GET orders/{outTradeNo}?appId=&env=: a developer asks how an order stands."""
    program = developer_of(request)
    require_own(program, request.GET.get("appId"))
    env = request.GET.get("env", "0")
    if env not in ("0", "1"):
        raise ApiError("ENV_INVALID", "env is neither 0 (live) nor 1 (sandbox). Send one of the two, or leave it out for 0.")
    out_trade_no = out_trade_no.replace("\0", "")  # PostgreSQL refuses it, and nobody's number has it
    known = Order.objects.filter(mini_program=program, env=int(env), out_trade_no=out_trade_no)
    order = known.select_related("mini_program").first()
    if order is None:
        refuse_archived(program, env=int(env), out_trade_no=out_trade_no)
        raise ApiError("ORDER_NOT_FOUND", "outTradeNo names no order of this mini program in this env. Check both.")
    return order_data(order)


def place_transaction(request: HttpRequest) -> dict[str, str]:
    """POST pay/transactions/jsapi: a developer places a standard payment."""
    program = developer_of(request)
    form = read_transaction(strict_json.parse(body_of(request)))
    require_own(program, form.app_id)
    placed = transactions.place_transaction(program, form)
    mark("before-order-answered")
    return placed


def query_transaction(request: HttpRequest, out_trade_no: str) -> dict[str, Any]:
    """GET pay/transactions/out-trade-no/{out_trade_no}?mchid=: a developer asks how a standard payment stands."""
    program = developer_of(request)
    order = transactions.find_transaction(program, out_trade_no=out_trade_no, merchant_no=request.GET.get("mchid"))
    return transaction_data(order)


def transaction_notification(request: HttpRequest) -> str:
    """POST pay/notifications: a superapp says how a standard payment or its refund stands."""
    superapp, body = superapp_of(request), body_of(request)
    return notifications.receive_standard(superapp, strict_json.parse(body), text=body.decode())


def read_app_keys(request: HttpRequest, app_id: str) -> dict[str, Any]:
    """GET appkeys/{appId}: a superapp reads the AppKeys of one of its mini programs, newest first; null is "none yet"."""
    program = program_of(superapp_of(request), app_id.replace("\0", ""))
    live = [key.text for key in accepted_keys(program.pk, LIVE)]
    sandbox = [key.text for key in accepted_keys(program.pk, SANDBOX)]
    return {
        "appId": program.app_id,
        "live": live[0] if live else None,
        "sandbox": sandbox[0] if sandbox else None,
        "overlapping": [{"live": one, "sandbox": other} for one, other in zip(live[1:], sandbox[1:], strict=False)],
    }


def health(request: HttpRequest) -> dict[str, str]:
    """GET health: openServer answers, and so does its database; else the envelope says BUSY, for balancers to turn elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"status": "ok"}


def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Every other path below /openserver/v1/."""
    return refused(ApiError("NOT_FOUND", "There is nothing at this path. docs/ beside it lists the paths."))


def schema(request: HttpRequest) -> JsonResponse:
    """GET openapi.json: the interface for machines, as plain OpenAPI 3.1 without our envelope."""
    return JsonResponse(openapi.document())


def docs(request: HttpRequest) -> HttpResponse:
    """GET docs: the same for people."""
    return render(request, "openserver/docs.html", openapi.page())
