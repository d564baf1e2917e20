"""Machine endpoints: the stand-in superapp's create-prepay-order and the stand-in developers' receivers."""

import time
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from console.models import MiniProgram, Superapp
from simulator import developer, superapp
from simulator.calls import as_object
from simulator.models import DeveloperBackend, SuperappBehaviour

NAMED = ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "user-agent")


@method_decorator(csrf_exempt, name="dispatch")
class Machine(View):
    """An endpoint without a browser: its callers sign their requests."""


class CreatePrepayOrder(Machine):
    """POST {backend}/create-prepay-order (docs/openserver.md)."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Misbehaves when told to, checks both signatures, and holds the order."""
        app = get_object_or_404(Superapp, code=request.headers.get("SAS-Superapp", ""))
        if (fault := misbehave(superapp.behaviour(app).mode)) is not None:
            return fault
        order = as_object(request.body.decode("utf-8", "replace"))
        if not superapp.is_from_openserver(app, request.headers, path=request.get_full_path(), body=request.body):
            return refusal("AUTH_INVALID", "The SAS signature does not fit.", status=401)
        if not superapp.pay_sig_fits(order, superapp.app_keys(app, str(order.get("appId", "")))):
            return refusal("PAY_SIG_INVALID", "paySig does not fit.", status=401)
        return HttpResponse(superapp.answer_text(superapp.create_prepay(app, order)), content_type="application/json")


class CreateTransaction(Machine):
    """POST {backend}/v3/pay/transactions/jsapi (docs/openserver.md, "Standard payment")."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """As create-prepay-order; the developer's own signature was for openServer."""
        app = get_object_or_404(Superapp, code=request.headers.get("SAS-Superapp", ""))
        if (fault := misbehave(superapp.behaviour(app).mode)) is not None:
            return fault
        if not superapp.is_from_openserver(app, request.headers, path=request.get_full_path(), body=request.body):
            return refusal("AUTH_INVALID", "The SAS signature does not fit.", status=401)
        prepay = superapp.create_transaction(app, as_object(request.body.decode("utf-8", "replace")))
        return JsonResponse({"prepay_id": prepay.prepay_id})


class Transactions(Machine):
    """GET {backend}/transactions (docs/openserver.md, "Reconciliation")."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of what the payment channel knows."""
        app = get_object_or_404(Superapp, code=request.headers.get("SAS-Superapp", ""))
        path = request.get_full_path()
        if not superapp.is_from_openserver(app, request.headers, path=path, body=b"", method="GET"):
            return refusal("AUTH_INVALID", "The SAS signature does not fit.", status=401)
        try:
            since, until = (datetime.fromisoformat(request.GET[name]) for name in ("from", "to"))
            page = superapp.transactions(app, since=since, until=until, after=int(request.GET.get("cursor", "0")))
        except (KeyError, ValueError):
            return refusal("BAD_REQUEST", "from and to are times, cursor is what the page before gave.", status=400)
        return JsonResponse({"returnCode": "0", "returnMessage": "OK", "data": page})


def misbehave(mode: str) -> HttpResponse | None:
    """The fault the page asked for, or None."""
    if mode == SuperappBehaviour.Mode.SLOW:
        time.sleep(3)
    if mode == SuperappBehaviour.Mode.ERROR:
        return HttpResponse("The stand-in superapp was told to fail.", status=500)
    return HttpResponse("<html>It works!</html>") if mode == SuperappBehaviour.Mode.NONSENSE else None


def refusal(code: str, message: str, *, status: int) -> JsonResponse:
    """An answer that is not "0"."""
    return JsonResponse({"returnCode": code, "returnMessage": message, "data": None}, status=status)


class Receive(Machine):
    """The developer's URL and Test URL."""

    def post(self, request: HttpRequest, app_id: str, **_kwargs: Any) -> HttpResponse:
        """Verify, keep, answer as told."""
        backend = developer.backend_of(get_object_or_404(MiniProgram, app_id=app_id))
        if backend.mode == DeveloperBackend.Mode.SLOW:
            time.sleep(12)
        headers = {name: request.headers[name] for name in NAMED if name in request.headers}
        status, answer = developer.receive(backend, body=request.body, headers=headers)
        return HttpResponse(answer, status=status, content_type="application/json")
