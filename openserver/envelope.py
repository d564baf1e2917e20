"""Every answer of openServer has the envelope of docs/openserver.md, whatever happened: errors, unknown paths, faults of ours."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from openserver import strict_json
from openserver.errors import ApiError, not_allowed

log = structlog.get_logger(__name__)
Handler = Callable[..., Any]


def endpoint(**handlers: Handler) -> Callable[..., HttpResponse]:
    """Return the view of one path: `endpoint(post=place_order)`. A handler returns the data of the answer or raises ApiError."""
    allowed = sorted(name.upper() for name in handlers)

    def view(request: HttpRequest, **kwargs: str) -> HttpResponse:
        handler = handlers.get((request.method or "").lower())
        if handler is None:
            return refused(not_allowed(request.method or "", allowed), headers={"Allow": ", ".join(allowed)})
        return answer_of(handler, request, kwargs)

    return csrf_exempt(view)  # callers sign their requests; there is no cookie to abuse


def answer_of(handler: Handler, request: HttpRequest, kwargs: dict[str, str]) -> HttpResponse:
    """Call the handler and put what came of it into the envelope; a fault of ours is logged and told without details."""
    try:
        return envelope("0", "OK", handler(request, **kwargs))
    except ApiError as error:
        return refused(error)
    except OperationalError:
        log.exception("openserver_database")
        return refused(ApiError("BUSY", "The service cannot take the request at this moment. Send it again in a few seconds."))
    except Exception:
        log.exception("openserver_fault")
        return refused(ApiError("INTERNAL_ERROR", "Something went wrong on our side. Send it again, or give us the requestId."))


def envelope(code: str, message: str, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return the JSON answer; `data` must be serialisable."""
    request_id = str(structlog.contextvars.get_contextvars().get("request_id") or uuid.uuid4())
    body = {"returnCode": code, "returnMessage": message, "data": data, "requestId": request_id}
    text = json.dumps(body, ensure_ascii=False)
    # Half of a surrogate pair may come back in a message; it has no UTF-8.
    answer = HttpResponse(text.encode("utf-8", "replace"), content_type="application/json", status=status, headers=headers)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def refused(error: ApiError, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return the answer to a call that is refused."""
    if error.code in ("BUSY", "RATE_LIMITED"):
        headers = {"Retry-After": str(error.retry_after), **(headers or {})}
    return envelope(error.code, error.message, None, error.status, headers)


def body_of(request: HttpRequest) -> bytes:
    """Return the body, at most strict_json.MAX_BYTES. Raises ApiError BAD_JSON without reading what is longer."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > strict_json.MAX_BYTES:
        raise ApiError("BAD_JSON", f"The body is {length[:20]} bytes long. Send at most {strict_json.MAX_BYTES} bytes.")
    try:
        return request.body
    except (RequestDataTooBig, UnreadablePostError):
        raise ApiError("BAD_JSON", f"The body could not be read. Send at most {strict_json.MAX_BYTES} bytes.") from None
