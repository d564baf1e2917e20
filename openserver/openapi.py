"""The interface as an OpenAPI document, made from one table; the reference page is drawn from the same document."""

from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from ninja import Schema

from openserver import schemas
from openserver.catalogue import Meaning, meanings

BASE = "/openserver/v1"
ENVELOPE = (("returnCode", '"0", or an error code'), ("returnMessage", "a sentence for whoever reads your log"))
JSON_FAULTS = ("BAD_JSON", "DUPLICATE_FIELD", "UNKNOWN_FIELD", "MISSING_FIELD")
NOTIFIED = (
    "SIG_FORMAT",
    "ENV_INVALID",
    "ORDER_NOT_FOUND",
    "ORDER_ARCHIVED",
    "NOTIFY_SIG_INVALID",
    "AMOUNT_MISMATCH",
    "PRICE_FORMAT",
    "QUANTITY_FORMAT",
)
REFUNDED = ("REFUND_EXCEEDS_PAID", "REFUND_NO_REUSED", "REFUND_CURRENCY", "ORDER_NOT_PAID")
ORDERED = (
    "SIGN_DATA_NOT_STRING", "SIG_FORMAT", "MODE_INVALID", "SESSION_INVALID", "PAYMENT_NOT_ENABLED", "PAYMENT_SUSPENDED",
    "PAY_SIG_INVALID", "SESSION_EXPIRED", "SESSION_SIG_INVALID", "ENV_INVALID", "ATTACH_FORMAT", "MERCHANT_NOT_BOUND",
    "CURRENCY_NOT_ENABLED", "ITEM_NOT_ON_SALE", "PRICE_FORMAT", "PRICE_MISMATCH", "QUANTITY_FORMAT", "AMOUNT_LIMIT",
    "OUT_TRADE_NO_FORMAT", "ORDER_NO_REUSED", "SUPERAPP_UNAVAILABLE",
)  # fmt: skip
PLACED = (
    "OUT_TRADE_NO_FORMAT", "NOTIFY_URL_REFUSED", "PRICE_FORMAT", "AMOUNT_LIMIT", "ATTACH_FORMAT", "PAYMENT_NOT_ENABLED",
    "PAYMENT_SUSPENDED", "MERCHANT_NOT_BOUND", "CURRENCY_NOT_ENABLED", "ORDER_NO_REUSED", "SUPERAPP_UNAVAILABLE",
)  # fmt: skip
ALWAYS = ("RATE_LIMITED", "BUSY", "INTERNAL_ERROR")


class Endpoint(NamedTuple):
    """One operation. `signed` names the security scheme, "" for none; `data` is the schema of the answer's data."""

    method: str
    path: str
    summary: str
    signed: str
    request: type[Schema] | None
    data: type[Schema] | None
    errors: tuple[str, ...]
    query: tuple[tuple[str, str, bool], ...] = ()


ENDPOINTS = (
    Endpoint("post", "/sessions", "Open a player's session", "superapp", schemas.SessionRequest, schemas.SessionData,
             ("AUTH_INVALID", *JSON_FAULTS)),
    Endpoint("post", "/jscode2session", "Swap a code for the session key", "developer", schemas.CodeRequest, schemas.CodeData,
             ("AUTH_INVALID", *JSON_FAULTS, "SESSION_INVALID", "SESSION_EXPIRED")),
    Endpoint("post", "/orders", "Place an order", "", schemas.OrderRequest, schemas.OrderData, (*JSON_FAULTS, *ORDERED)),
    Endpoint("get", "/orders/{outTradeNo}", "Query an order", "developer", None, schemas.OrderState,
             ("AUTH_INVALID", "ENV_INVALID", "ORDER_NOT_FOUND", "ORDER_ARCHIVED"),
             (("appId", "The appid of the certificate.", True), ("env", "0 live (default), 1 sandbox.", False))),
    Endpoint("post", "/payment-notifications", "Say that an order was paid", "superapp", schemas.NotificationRequest, None,
             ("AUTH_INVALID", *JSON_FAULTS, *NOTIFIED)),
    Endpoint("post", "/refund-notifications", "Say how a refund stands", "superapp", schemas.NotificationRequest, None,
             ("AUTH_INVALID", *JSON_FAULTS, *NOTIFIED, *REFUNDED)),
    Endpoint("post", "/pay/transactions/jsapi", "Place a standard payment", "developer", schemas.TransactionRequest,
             schemas.TransactionData, ("AUTH_INVALID", *JSON_FAULTS, *PLACED)),
    Endpoint("get", "/pay/transactions/out-trade-no/{outTradeNo}", "Query a standard payment", "developer", None,
             schemas.TransactionState, ("AUTH_INVALID", "MISSING_FIELD", "ORDER_NOT_FOUND", "ORDER_ARCHIVED"),
             (("mchid", "The merchant id that the payment was placed with.", True),)),
    Endpoint("post", "/pay/notifications", "Say how a standard payment or its refund stands", "superapp",
             schemas.TransactionNotification, None,
             ("AUTH_INVALID", *JSON_FAULTS, "PRICE_FORMAT", "ORDER_NOT_FOUND", "ORDER_ARCHIVED", "AMOUNT_MISMATCH", *REFUNDED)),
    Endpoint("get", "/appkeys/{appId}", "Read the AppKeys of a mini program", "superapp", None, schemas.AppKeysData,
             ("AUTH_INVALID",)),
    Endpoint("get", "/health", "See whether openServer and its database answer", "", None, schemas.HealthData, ()),
)  # fmt: skip
SECURITY = {
    "superapp": {
        "type": "apiKey", "in": "header", "name": "SAS-Signature",
        "description": "SAS-Superapp, SAS-Timestamp, SAS-Nonce and SAS-Signature: HMAC-SHA256 over the five lines.",
    },
    "developer": {
        "type": "apiKey", "in": "header", "name": "Authorization",
        "description": "SAS-SHA256-RSA2048 with appid, serial_no, timestamp, nonce_str and signature over the five lines.",
    },
}  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(BASE + endpoint.path, {})[endpoint.method] = _operation(endpoint)
    used = {schema for endpoint in ENDPOINTS for schema in (endpoint.request, endpoint.data) if schema}
    return {
        "openapi": "3.1.0",
        "info": {"title": "openServer", "version": "1", "description": "What superapps, SDKs and developers' backends call."},
        "paths": paths,
        "components": {"schemas": _components(used), "securitySchemes": SECURITY},
    }


def page() -> dict[str, Any]:
    """Return what the reference page shows, read off the document."""
    shown, defined = document(), document()["components"]["schemas"]
    operations = [_shown(path, method, told, defined) for path, each in shown["paths"].items() for method, told in each.items()]
    return {"info": shown["info"], "operations": operations, "meanings": meanings(), "envelope": ENVELOPE}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    by_code = {row.code: row for row in meanings()}
    elsewhere = ("NOT_FOUND",) if "{" in endpoint.path else ()  # a parameter that holds a slash names another path
    told: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": endpoint.method + endpoint.path.title().translate(str.maketrans("", "", "/{}-")),
        "parameters": _parameters(endpoint),
        "responses": {
            "200": _answer("Done.", _data(endpoint)),
            **_refusals([by_code[code] for code in (*endpoint.errors, *elsewhere, *ALWAYS)]),
        },
    }
    if endpoint.request:
        told["requestBody"] = {"required": True, "content": _json(_reference(endpoint.request))}
    if endpoint.signed:
        told["security"] = [{endpoint.signed: []}]
    return told


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = [part.strip("{}") for part in endpoint.path.split("/") if part.startswith("{")]
    inside = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    asked = [
        {"name": name, "in": "query", "required": required, "description": text, "schema": {"type": "string"}}
        for name, text, required in endpoint.query
    ]
    return [*inside, *asked]


def _refusals(rows: list[Meaning]) -> dict[str, Any]:
    by_status: dict[str, list[Meaning]] = {}
    for row in rows:
        by_status.setdefault(str(row.status), []).append(row)
    return {
        status: _answer(" ".join(f"{row.code}: {row.means}" for row in same), {"type": "null"}, [row.code for row in same])
        for status, same in sorted(by_status.items())
    }


def _answer(description: str, data: dict[str, Any], codes: list[str] | None = None) -> dict[str, Any]:
    text = {"type": "string"}
    properties = {"returnCode": {**text, "enum": codes or ["0"]}, "returnMessage": text, "data": data, "requestId": text}
    return {
        "description": description,
        "content": _json({"type": "object", "required": list(properties), "properties": properties}),
    }


def _data(endpoint: Endpoint) -> dict[str, Any]:
    return _reference(endpoint.data) if endpoint.data else {"type": "string", "enum": ["OK"]}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference(schema: type[Schema]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema.__name__}"}


def _components(used: set[type[Schema]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for schema in sorted(used, key=attrgetter("__name__")):
        made = schema.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= made.pop("$defs", {})
        found[schema.__name__] = made
    return found


def _shown(path: str, method: str, told: dict[str, Any], defined: dict[str, Any]) -> dict[str, Any]:
    body = told.get("requestBody", {}).get("content", _json({}))["application/json"]["schema"]
    data = told["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["data"]
    refusals = [
        answer["content"]["application/json"]["schema"] for status, answer in told["responses"].items() if status != "200"
    ]
    return {
        "id": told["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": told["summary"],
        "security": [SECURITY[name]["description"] for each in told.get("security", []) for name in each],
        "parameters": told["parameters"],
        "request": _rows(body, defined),
        "data": _rows(data, defined),
        "codes": [code for schema in refusals for code in schema["properties"]["returnCode"]["enum"]],
    }


def _rows(schema: dict[str, Any], defined: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a referenced object: name, type in words, whether it is required, what it is."""
    found = defined.get(schema.get("$ref", "").rsplit("/", 1)[-1], {})
    return [
        {"name": name, "type": _type(field), "required": name in found.get("required", []), "text": field.get("description", "")}
        for name, field in found.get("properties", {}).items()
    ]


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if "const" in field or "enum" in field:
        return " | ".join(str(value) for value in field.get("enum", [field.get("const")]))
    return "list" if field.get("type") == "array" else str(field.get("type", "object"))
