"""What was signed for an order or a push, read from its rows, and the keys that somebody may have used for it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from console.models import MiniProgram
from openserver.keys import opened, session_key_binding
from openserver.models import PlayerSession
from openserver.workbench.causes import NOTES
from openserver.workbench.diagnosis import Diagnosis, diagnose
from openserver.workbench.variants import METHODS, Key, Signed
from orders.models import Attempt, Environment, Order
from orders.payloads import GOODS_EVENT, REFUND_EVENT
from payments.models import Credential

CREDENTIALS, SESSIONS = 8, 10  # the newest ones are tried


@dataclass(frozen=True)
class Subject:
    """One signature: its name on the wire, what it covers, how it was sent (if it was), the keys to try, what its key is."""

    name: str
    title: str | Promise
    signed: Signed
    keys: tuple[Key, ...]
    sent: str = ""
    key_note: str | Promise = ""

    @property
    def characters(self) -> int:
        """Length of what is signed, in characters."""
        return len(self.signed.message)

    @property
    def size(self) -> int:
        """Length of what is signed, in bytes of UTF-8."""
        return len(self.signed.message.encode("utf-8", "surrogatepass"))

    @property
    def accepted(self) -> list[Key]:
        """The keys that are right."""
        return [key for key in self.keys if not set(key.causes) - NOTES]

    @property
    def used(self) -> Diagnosis | None:
        """How the signature that was sent came about; None when none was sent."""
        return diagnose(self.signed, self.sent.split(" ")[0], self.keys) if self.sent else None

    def diagnose(self, signature: str, text: str) -> Diagnosis:
        """What is wrong with the `signature` that somebody computed over `text`."""
        return diagnose(self.signed, signature, self.keys, text=text)


def subjects_of_order(order: Order) -> list[Subject]:
    """paySig and the user-state signature of an order; nothing for one that was not placed with signed data."""
    if not order.sign_data:
        return []
    env, program, sessions = order.env, order.mini_program, session_keys(order.mini_program, open_id=order.open_id)
    return [
        pay_sig(program, order.method, order.sign_data, env=env, sessions=sessions, sent=order.pay_sig),
        session_signature(program, order.sign_data, env=env, sessions=sessions, sent=order.signature),
    ]


def subjects_of_attempt(attempt: Attempt) -> list[Subject]:
    """PayEventSig and webhook-signature of one push, as it was posted."""
    delivery, headers = attempt.delivery, attempt.request_headers
    envelope = _object(delivery.body)
    found = []
    if isinstance(envelope.get("Payload"), str):
        event, payload = str(envelope.get("Event", "")), envelope["Payload"]
        sent = str(envelope.get("PayEventSig", ""))
        found.append(pay_event_sig(delivery.mini_program, event, payload, env=delivery.env, body=delivery.body, sent=sent))
    if headers.get("webhook-signature"):
        found.append(webhook_signature(delivery.mini_program, headers, delivery.body, env=delivery.env))
    return found


def pay_sig(
    program: MiniProgram, method: str, sign_data: str, *, env: int, sessions: Iterable[Key] | None = None, sent: str = ""
) -> Subject:
    """paySig over `sign_data` as it stands, with the AppKey of `env`."""
    others = tuple(("other_method", other) for other in METHODS if other != method)
    sessions = session_keys(program) if sessions is None else sessions
    keys = (*app_keys(program, env=env), *(Key(key.text, ("session_key",), key.label) for key in sessions))
    return Subject("paySig", _("paySig"), Signed(method, sign_data, others=others), keys, sent, _("AppKey as text"))


def session_signature(
    program: MiniProgram, sign_data: str, *, env: int, sessions: Iterable[Key] | None = None, sent: str = ""
) -> Subject:
    """The user-state signature over `sign_data`, with the player's session key."""
    others = tuple(("added_prefix", method) for method in METHODS)
    sessions = session_keys(program) if sessions is None else sessions
    keys = (*sessions, *(Key(key.text, ("app_key",), key.label) for key in app_keys(program, env=env)))
    signed = Signed("", sign_data, others=others)
    return Subject("signature", _("signature (user state)"), signed, keys, sent, _("sessionKey as text"))


def pay_event_sig(program: MiniProgram, event: str, payload: str, *, env: int, body: str = "", sent: str = "") -> Subject:
    """PayEventSig over event and Payload as they stand, with the AppKey of `env`."""
    wrong = {"event", "EventType", "Event", GOODS_EVENT, REFUND_EVENT, *METHODS} - {event}
    bodies = (("whole_body", body),) if body else ()
    signed = Signed(event, payload, others=tuple(("other_event", other) for other in sorted(wrong)), bodies=bodies)
    return Subject("PayEventSig", _("PayEventSig"), signed, tuple(app_keys(program, env=env)), sent, _("AppKey as text"))


def webhook_signature(program: MiniProgram, headers: dict[str, str], body: str, *, env: int) -> Subject:
    """webhook-signature of one attempt, with the AppKey's bytes."""
    prefix = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}."
    payload = _object(body).get("Payload")
    bodies = (("only_payload", payload),) if isinstance(payload, str) else ()
    signed = Signed(prefix, body, joint="", raw_key=True, encoding="webhook", bodies=bodies)
    keys = tuple(app_keys(program, env=env))
    note = _("AppKey decoded from Base64")
    return Subject("webhook-signature", _("webhook-signature"), signed, keys, headers["webhook-signature"], note)


def app_keys(program: MiniProgram, *, env: int) -> list[Key]:
    """Every AppKey of the mini program's newest credentials; those that are right for `env` (0 live, 1 sandbox) first."""
    rows = list(Credential.objects.filter(mini_program=program).order_by("-issued_at", "-pk")[:CREDENTIALS])
    return [_app_key(row, own, env=env) for own in (env, 1 - env) for row in rows]


def _app_key(row: Credential, own: int, *, env: int) -> Key:
    states = {Credential.State.ACTIVE: (), Credential.State.OVERLAPPING: ("overlapping_key",)}
    causes = states.get(Credential.State(row.state), ("old_key",))
    if own != env:
        causes = ("other_environment", *(cause for cause in causes if cause not in NOTES))
    name = "live_key" if own == Environment.LIVE else "sandbox_key"
    text = opened(getattr(row, f"sealed_{name}"), row.binding(name))
    return Key(text, causes, _key_label(row, own))


def _key_label(row: Credential, env: int) -> str:
    values = {
        "mark": row.live_key_fingerprint if env == Environment.LIVE else row.sandbox_key_fingerprint,
        "environment": Environment(env).label,
        "state": row.get_state_display(),
        "serial": row.serial_no,
    }
    return _now("%(mark)s (%(environment)s, %(state)s, certificate %(serial)s)") % values


def session_keys(program: MiniProgram, *, open_id: str = "") -> list[Key]:
    """The session keys of the newest sessions that are kept, of one player or of any."""
    rows = PlayerSession.objects.filter(mini_program=program)
    rows = rows.filter(open_id=open_id) if open_id else rows
    newest = rows.order_by("-pk")[:SESSIONS]
    return [Key(opened(row.sealed_session_key, session_key_binding(row.token_hash)), (), _session_label(row)) for row in newest]


def _session_label(row: PlayerSession) -> str:
    return _now("session opened at %(time)s UTC") % {"time": f"{row.created_at:%Y-%m-%d %H:%M:%S}"}


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
