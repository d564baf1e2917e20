"""From an outbox row to the request that is posted, and from the answer to what is kept of the attempt."""

import ssl
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self

from django.utils import timezone

from console.http_messages import DEADLINE, Answer, OutgoingRequest, excerpt
from orders.models import Attempt, Delivery
from orders.moving import Row
from orders.schedule import judge
from orders.webhooks import webhook_headers

#: Mini program id, environment and lane (orders.lanes).
Endpoint = tuple[int, int, int]


class Push(NamedTuple):
    """One attempt of one outbox row, as it was claimed. `step` counts the failures of the present schedule."""

    row: Row
    number: int
    body: bytes
    url: str
    app_keys: Sequence[str]
    step: int
    first_due_at: datetime
    probe: bool = False  # at an endpoint that rests
    tls: ssl.SSLContext | None = None  # with the client certificate, if the mini program has one

    @property
    def endpoint(self) -> Endpoint:
        """Where it goes."""
        return self.row.mini_program_id, self.row.env, self.row.lane

    @classmethod
    def of(cls, delivery: Delivery, *, url: str, app_keys: Sequence[str]) -> Self:
        """The present attempt of a delivery."""
        return cls(
            Row.of(delivery), delivery.attempt_number, delivery.body.encode(), url, app_keys, delivery.schedule_step,
            delivery.first_due_at,
        )  # fmt: skip


class Tried(NamedTuple):
    """What is kept of one attempt: the columns of an Attempt row, without the cost of a model instance. Durations in ms."""

    mini_program_id: int
    delivery_id: int
    number: int
    url: str
    outcome: Attempt.Outcome
    started_at: datetime
    error: str = ""
    request_headers: dict[str, str] = {}
    status: int | None = None
    return_code: str = ""
    answer: str = ""
    durations: dict[str, float] = {}
    next_attempt_at: datetime | None = None

    def attempt(self) -> Attempt:
        """The unsaved row."""
        return Attempt(**self._asdict())


def outgoing(push: Push, *, deadline: float = DEADLINE) -> OutgoingRequest:
    """The request, signed now. `deadline` in seconds is for all of it. Raises ValueError without an AppKey."""
    signed = webhook_headers(webhook_id=str(push.row.uid), timestamp=int(time.time()), body=push.body, app_keys=push.app_keys)
    headers = {"Content-Type": "application/json; charset=utf-8", **signed}
    return OutgoingRequest(url=push.url, headers=headers, body=push.body, deadline=deadline, tls=push.tls)


def unsent(push: Push, *, outcome: Attempt.Outcome, error: str = "") -> Tried:
    """The attempt of a push that could not be made; the schedule goes on all the same."""
    return Tried(push.row.mini_program_id, push.row.pk, push.number, push.url, outcome, timezone.now(), error)


def tried(push: Push, request: OutgoingRequest, answer: Answer, *, started_at: datetime) -> Tried:
    """What was sent and what came back, as far as people may see it."""
    outcome, code = judge(answer)
    # Times and reasons of connections that did not come about would tell a closed port from a blocked address.
    durations = {} if answer.unreachable else {name: round(value * 1000, 1) for name, value in answer.durations.items()}
    return Tried(
        push.row.mini_program_id, push.row.pk, push.number, push.url, outcome, started_at, answer.public_class,
        dict(request.headers), answer.status, code, excerpt(answer.body), durations,
    )  # fmt: skip
