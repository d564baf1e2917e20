"""Pushes as they come and as attackers send them, to try a developer's receiver with (docs/integrating.md, "Try your receiver").

Pure: what is sent, and whether the answers were right. `manage.py try_receiver` sends them through console.http.
"""

import base64
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from console.http_messages import Answer, OutgoingRequest
from orders.models import Attempt
from orders.payloads import GOODS_EVENT, REFUND_EVENT
from orders.schedule import judge
from orders.webhooks import pay_event_sig, webhook_headers

Outcome = Attempt.Outcome
BIG_ATTACH = "皮" * 341 + "a"  # 1,024 bytes
HOUR = 3600  # seconds


class Want(Enum):
    """What the receiver has to do: acknowledge every push, acknowledge none, or whatever it thinks right."""

    ACKNOWLEDGE = "acknowledge"
    REFUSE = "refuse"
    ANY = "any"


@dataclass(frozen=True)
class Play:
    """One scene: its pushes in their order (`together`: all at once), and what is right. `why` is for those who get it wrong."""

    code: str
    title: str
    want: Want
    requests: tuple[OutgoingRequest, ...]
    why: str = ""
    together: bool = False


class Verdict(NamedTuple):
    """How the receiver did: right, wrong, or worth knowing; what came back, in words."""

    mark: str  # "right", "WRONG" or "note"
    said: str


@dataclass(frozen=True)
class Stage:
    """Where the pushes go, with which AppKeys (by env), in which environment; `mock` marks them as test pushes."""

    url: str
    keys: dict[int, str] = field(repr=False)
    env: int = 1
    mock: bool = True
    run: str = field(default_factory=lambda: secrets.token_hex(5))

    @property
    def key(self) -> str:
        """The right key."""
        return self.keys[self.env]

    def goods(self, number: str, **changes: Any) -> str:
        """A Payload of a paid order."""
        goods = {"ProductId": "try_item", "Quantity": 1, "ZoneId": "1", "OrigPrice": 100, "ActualPrice": 100}
        goods |= {"Attach": "try", "OrderSource": 1, **changes.pop("goods", {})}
        whole = {"OpenId": "try_player", "Env": str(self.env), "OutTradeNo": f"TRY-{self.run}-{number}", "GoodsInfo": goods}
        return json.dumps(whole | changes, ensure_ascii=False, separators=(",", ":"))

    def refund(self, number: str) -> str:
        """A Payload of a refund."""
        whole: dict[str, Any] = {"OpenId": "try_player", "Env": str(self.env), "OutTradeNo": f"TRY-{self.run}-{number}"}
        whole |= {"RefundNo": f"TRY-R-{self.run}-{number}", "RefundAmount": 100, "Currency": "USD", "RefundReason": "try"}
        whole |= {"RefundStatus": "SUCCESS", "RefundStartTime": "2026-01-01T00:00:00Z", "RefundSuccTime": "2026-01-01T00:01:00Z"}
        return json.dumps(whole, separators=(",", ":"))

    def body(self, payload: object, *, event: str = GOODS_EVENT, key: str = "", **changes: object) -> bytes:
        """The envelope around a Payload, signed with `key` or the right one."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        fields = {"EventType": "event", "Event": event, "PayModel": "TRY", "Payload": payload}
        fields["PayEventSig"] = pay_event_sig(event, text, key or self.key)
        mock = {"IsMock": True} if self.mock else {}
        return json.dumps(fields | mock | changes, ensure_ascii=False, separators=(",", ":")).encode()

    def push(self, body: bytes, *, signed: bytes | None = None, keys: Sequence[str] = (), age: int = 0) -> OutgoingRequest:
        """The request; webhook-signature is over `signed` or the body, made `age` seconds ago, with `keys` or the right one."""
        uid, sent_at = f"try_{secrets.token_hex(8)}", int(time.time()) - age
        signed = body if signed is None else signed
        headers = webhook_headers(webhook_id=uid, timestamp=sent_at, body=signed, app_keys=list(keys) or [self.key])
        return OutgoingRequest(url=self.url, headers={"Content-Type": "application/json; charset=utf-8", **headers}, body=body)


def plays(stage: Stage) -> list[Play]:
    """All scenes; an ordinary push first, and once more at the end, when all the hostile ones are over."""
    return [*_ordinary(stage), *_hostile(stage), *_open(stage), _after(stage)]


def _good(code: str, title: str, *requests: OutgoingRequest, why: str = "", together: bool = False) -> Play:
    return Play(code, title, Want.ACKNOWLEDGE, requests, why, together)


def _ordinary(stage: Stage) -> Iterator[Play]:
    first = stage.body(stage.goods("1"))
    yield _good("ordinary", _("An ordinary push"), stage.push(first))
    again = _("The same push may come again, because an answer can get lost. Acknowledge it and deliver nothing twice.")
    yield _good("repeated", _("The same push twice more"), stage.push(first), stage.push(first), why=again)
    many = stage.body(stage.goods("2"))
    yield _good(
        "at_once", _("The same push five times at once"), *(stage.push(many) for _n in range(5)), why=again, together=True
    )
    late, refund = stage.body(stage.goods("3")), stage.body(stage.refund("3"), event=REFUND_EVENT)
    yield _good("refund", _("A refund"), stage.push(refund), why=_("Refunds come to the same address and are acknowledged too."))
    late_why = _("After an outage a push can come after the refund of its order. Acknowledge it; what to deliver is up to you.")
    yield _good("late", _("A push that comes after the refund of its order"), stage.push(late), why=late_why)
    types = [stage.body(stage.goods(f"4-{value!r}", Env=value)) for value in (stage.env, str(stage.env))]
    env_why = _("Env may be a number or a string.")
    yield _good("types", _("Env as a number, and as a string"), *map(stage.push, types), why=env_why)
    extra = stage.body(stage.goods("5", NewField={"a": [1]}), Later="a field")
    yield _good(
        "extra_fields", _("Fields that are not known yet"), stage.push(extra), why=_("Ignore fields that you do not know.")
    )
    big = stage.body(stage.goods("6", goods={"Attach": BIG_ATTACH}))
    big_why = _("Attach may have 1,024 bytes, and characters of several bytes.")
    yield _good("big_attach", _("A big Attach in Chinese"), stage.push(big), why=big_why)
    odd = json.dumps(json.loads(stage.goods("7", goods={"Attach": "é/<\u2028"})), indent=1).replace("/", "\\/")
    odd_why = _("Verify the string of Payload as it came. Whoever parses it and writes it again gets another text.")
    yield _good("spelling", _("A Payload with spaces and escapes"), stage.push(stage.body(odd)), why=odd_why)
    rotated = stage.push(stage.body(stage.goods("8")), keys=[_stranger(), stage.key])
    rotated_why = _("During a rotation webhook-signature has two parts; one that fits is enough.")
    yield _good("rotation", _("Two signatures, as during a rotation"), rotated, why=rotated_why)


def _hostile(stage: Stage) -> Iterator[Play]:
    right, other = stage.body(stage.goods("9")), stage.keys[1 - stage.env]
    unsigned = json.dumps({name: value for name, value in json.loads(right).items() if name != "PayEventSig"}).encode()
    richer = stage.goods("9", goods={"Quantity": 9999})
    forged = _("Anybody who knows the address could have items delivered without paying.")
    nameless, empty = _bare(stage, unsigned), _bare(stage, _with(right, PayEventSig=""))
    paid = stage.push(_with(right, Payload=richer), signed=right)
    renamed = stage.push(_with(right, Event=REFUND_EVENT), signed=right)
    values: tuple[object, ...] = (True, 0, None, [])
    odd = [_bare(stage, _with(right, PayEventSig=value)) for value in values]
    loose = _("A loose comparison lets such values pass. Compare strings, in constant time.")
    mixed = _("Verify with the key of Env only. Otherwise whoever has the sandbox key is delivered for nothing in live.")
    scenes = [
        ("unsigned", _("No signature"), [nameless, empty], forged),
        ("stranger", _("A signature with a stranger's key"), [_signed_by(stage, _stranger())], forged),
        ("altered", _("A Payload that was altered on its way"), [paid], forged),
        ("event", _("An event that was altered on its way"), [renamed], forged),
        ("types_of_signature", _("A signature that is true, 0, null or a list"), odd, loose),
        ("other_environment", _("The other environment's key"), [_signed_by(stage, other)], mixed),
    ]
    for code, title, requests, why in scenes:
        yield Play(code, title, Want.REFUSE, tuple(requests), why)
    broken = [b"", b"[]", b"{", b"null", b"[" * 9000, _with(right, Payload={"OutTradeNo": "1"}), _with(right, Payload=None)]
    why = _("What cannot be read was not stored, so it must not be acknowledged.")
    yield Play("broken", _("Bodies that are no push"), Want.REFUSE, tuple(_bare(stage, body) for body in broken), why)


def _open(stage: Stage) -> Iterator[Play]:
    unknown = Stage(stage.url, stage.keys, env=stage.env, mock=False, run=stage.run)
    push = unknown.push(unknown.body(unknown.goods("unknown")))
    yield Play("unknown_order", _("A paid order that you never placed (no test push)"), Want.ANY, (push,))
    old = stage.push(stage.body(stage.goods("1")), age=HOUR)
    yield Play("replayed", _("A push whose webhook-timestamp is an hour old"), Want.ANY, (old,))


def _after(stage: Stage) -> Play:
    why = _("A hostile push must not take the receiver down.")
    return _good("still_there", _("An ordinary push after all that"), stage.push(stage.body(stage.goods("10"))), why=why)


def _stranger() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _signed_by(stage: Stage, key: str) -> OutgoingRequest:
    return stage.push(stage.body(stage.goods("9"), key=key), keys=[key])


def _bare(stage: Stage, body: bytes) -> OutgoingRequest:
    return OutgoingRequest(url=stage.url, headers={"Content-Type": "application/json; charset=utf-8"}, body=body)


def _with(body: bytes, **changes: object) -> bytes:
    return json.dumps(json.loads(body) | changes, ensure_ascii=False, separators=(",", ":")).encode()


def verdict(play: Play, answers: Sequence[Answer]) -> Verdict:
    """Whether the answers to the pushes of `play` are right, with what came back."""
    outcomes = [judge(answer)[0] for answer in answers]
    acknowledged = [outcome == Outcome.ACKNOWLEDGED for outcome in outcomes]
    if play.want is Want.ANY:
        mark = "note"
    else:
        right = all(acknowledged) if play.want is Want.ACKNOWLEDGE else not any(acknowledged)
        mark = "right" if right else "WRONG"
    # Of several answers the one that decides, else the first.
    blamed = acknowledged.index(play.want is Want.REFUSE) if mark == "WRONG" else 0
    return Verdict(mark, came_back(answers[blamed]))


def came_back(answer: Answer) -> str:
    """One answer in words, with its time in milliseconds."""
    outcome, code = judge(answer)
    values = {"status": answer.status, "code": code, "ms": round(answer.durations.get("total", 0) * 1000)}
    sentences = {
        Outcome.ACKNOWLEDGED: _("acknowledged in %(ms)s ms"),
        Outcome.REFUSED: _("answered, refused: %(code)s, in %(ms)s ms"),
        Outcome.BAD_STATUS: _("answered with HTTP status %(status)s in %(ms)s ms"),
        Outcome.BAD_BODY: _("answered, but not with a JSON object that has a returnCode, in %(ms)s ms"),
    }
    return sentences[outcome] % values if outcome in sentences else _("no answer: %(why)s") % {"why": answer.public_reason()}
