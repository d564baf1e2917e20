"""Test the connection to a superapp's backend: plays create-prepay-order against it (docs/superapp.md, "Backend").

The order is made up, sandbox, and stored nowhere on our side. Its number begins with TEST, its item is `connection-test`.
"""

import json
import secrets as random
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from console.audit import record
from console.errors import WrongState
from console.http import probe_sync
from console.http_messages import Answer, OutgoingRequest, excerpt
from console.models import MiniProgram, Superapp, User
from console.permissions import require
from openserver.keys import opened
from openserver.signatures import pay_sig, session_signature, sign_superapp, tc_headers
from orders.models import Environment
from payments.keys import accepted_keys
from payments.models import Merchant

PATH = "/create-prepay-order"
METHOD = "requestVirtualPayment"


class Tested(NamedTuple):
    """What came of the test. `sentence` says it and what to do; `sent` and `received` are safe to show, `took` is seconds."""

    passed: bool
    sentence: str
    url: str
    sent: str
    received: str
    status: int | None
    took: float


def send_test(superapp: Superapp, *, actor: User, program: MiniProgram | None = None, with_new_key: bool = False) -> Tested:
    """Send one made-up sandbox order now, signed like a real one, and wait for its answer (at most 10 s); in no transaction.

    With `program`, paySig is made with that mini program's sandbox AppKey; `with_new_key` signs with the key that waits.
    Raises Invisible, Forbidden, or WrongState without an address or a key.
    """
    require(actor, "payments.edit_backend", superapp)
    sealed = superapp.sealed_next_secret_key if with_new_key else superapp.sealed_secret_key
    if not superapp.backend_url or not sealed:
        raise WrongState(_("There is no address or no secret key yet. Configure both, then test."))
    url = superapp.backend_url.rstrip("/") + PATH
    body = json.dumps(_order(superapp, program), ensure_ascii=False, separators=(",", ":")).encode()
    headers = _headers(superapp, opened(sealed, superapp.secret_binding), url, body)
    answer = probe_sync(OutgoingRequest(url=url, body=body, headers=headers))
    passed, sentence = verdict(answer)
    record("openserver.backend.test", superapp, actor=actor, note=sentence)
    took = answer.durations.get("total", 0.0) if answer.connected else 0.0
    return Tested(passed, sentence, url, body.decode(), excerpt(answer.body), answer.status, took)


def _order(superapp: Superapp, program: MiniProgram | None) -> dict[str, Any]:
    keys = accepted_keys(program.pk, Environment.SANDBOX.value) if program else []
    merchant = _merchant(superapp, program)
    number, currency = "TEST" + random.token_hex(8), merchant.currency if merchant else "USD"
    signed = {
        "offerId": merchant.merchant_id if merchant else "", "buyQuantity": 1, "currencyType": currency,
        "productId": "connection-test", "goodsPrice": 1, "outTradeNo": number, "attach": "", "env": 1,
    }  # fmt: skip
    sign_data = json.dumps(signed, separators=(",", ":"))
    return {
        "appId": program.app_id if program else "connection-test",
        "miniProgramName": program.name if program else "Connection test",
        "merchantId": signed["offerId"], "openId": "connection-test", "outTradeNo": number, "productId": "connection-test",
        "productName": "Connection test", "quantity": 1, "unitPrice": 1, "totalAmount": 1, "currencyType": currency, "env": 1,
        "platform": "", "attach": "", "method": METHOD, "signData": sign_data,
        "paySig": pay_sig(METHOD, sign_data, keys[0].text if keys else random.token_hex(16)),
        "signature": session_signature(sign_data, random.token_hex(16)),
    }  # fmt: skip


def _merchant(superapp: Superapp, program: MiniProgram | None) -> Merchant | None:
    rows = Merchant.objects.filter(superapp=superapp)
    bound = rows.filter(bindings__bound_team=program.team_id, bindings__effective=True).first() if program else None
    return bound or rows.order_by("pk").first()


def _headers(superapp: Superapp, secret_key: str, url: str, body: bytes) -> dict[str, str]:
    now = time.time()
    signed = sign_superapp(
        superapp=superapp.code, secret_key=secret_key, method="POST", path_and_query=urlsplit(url).path, body=body,
        timestamp=int(now), nonce=random.token_hex(16),
    )  # fmt: skip
    compatible = tc_headers(int(now * 1000), secret_key, "") if superapp.tc_compatible else {}
    return {"Content-Type": "application/json", **signed, **compatible}


def verdict(answer: Answer) -> tuple[bool, str]:
    """Whether the answer holds a prepay id, and a sentence that says what it holds instead and what to do."""
    if answer.error_class:
        return False, answer.public_reason()
    if answer.status != 200:
        sentence = _("The backend answered with HTTP status %(status)s; it has to be 200. 401 usually means another secret key.")
        return False, sentence % {"status": answer.status}
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False, _("The backend answered, but not with JSON. Check that the address is the backend's and not a web page's.")
    return _read(content)


def _read(content: object) -> tuple[bool, str]:
    if not isinstance(content, dict) or "returnCode" not in content:
        return False, _("The backend answered JSON without returnCode. Answer {“returnCode”: “0”, “data”: {“prepayId”: “…”}}.")
    if str(content["returnCode"]) != "0":
        sentence = _("The backend was reached and refused the test order with returnCode “%(code)s”.")
        return False, sentence % {"code": excerpt(str(content["returnCode"]).encode(), 64)}
    data = content.get("data")
    prepay_id = data.get("prepayId") if isinstance(data, dict) else None
    if not isinstance(prepay_id, str) or not 1 <= len(prepay_id) <= 128 or not prepay_id.isprintable():
        return False, _("The backend accepted the test order but gave no usable prepayId: a text of 1 to 128 characters.")
    return True, _("The backend answered with a prepay id. The connection and the secret key work.")
