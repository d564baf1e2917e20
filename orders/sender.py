"""From an outbox row to the request that is posted, and from the answer to the Attempt row."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.utils import timezone

from console.http_messages import DEADLINE, Answer, OutgoingRequest, excerpt
from orders.models import Attempt, Delivery
from orders.schedule import judge
from orders.webhooks import webhook_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One attempt of one outbox row, as it was claimed. `step` counts the failures of the present schedule."""

    delivery_id: int
    number: int
    mini_program_id: int
    env: int
    uid: str
    body: bytes
    url: str
    app_keys: tuple[str, ...]
    step: int
    first_due_at: datetime

    @classmethod
    def of(cls, row: Delivery, *, url: str, app_keys: list[str]) -> Self:
        """The next attempt of a row that was just claimed."""
        return cls(
            delivery_id=row.pk, number=row.attempt_number, mini_program_id=row.mini_program_id, env=row.env, uid=str(row.uid),
            body=row.body.encode(), url=url, app_keys=tuple(app_keys), step=row.schedule_step, first_due_at=row.first_due_at,
        )  # fmt: skip


def outgoing(push: Push, *, deadline: float = DEADLINE) -> OutgoingRequest:
    """The request, signed now. `deadline` in seconds is for all of it. Raises ValueError without an AppKey."""
    signed = webhook_headers(webhook_id=push.uid, timestamp=int(time.time()), body=push.body, app_keys=push.app_keys)
    headers = {"Content-Type": "application/json; charset=utf-8", **signed}
    return OutgoingRequest(url=push.url, headers=headers, body=push.body, deadline=deadline)


def unsent(push: Push, *, outcome: Attempt.Outcome, error: str = "") -> Attempt:
    """The unsaved Attempt row of a push that could not be made; the schedule goes on all the same."""
    return Attempt(
        delivery_id=push.delivery_id, number=push.number, url=push.url, outcome=outcome, error=error, started_at=timezone.now()
    )


def attempt_of(push: Push, request: OutgoingRequest, answer: Answer, *, started_at: datetime) -> Attempt:
    """The unsaved Attempt row: what was sent and what came back, as far as people may see it. Durations in milliseconds."""
    outcome, code = judge(answer)
    # Times and reasons of connections that did not come about would tell a closed port from a blocked address.
    durations = {} if answer.unreachable else {name: round(value * 1000, 1) for name, value in answer.durations.items()}
    return Attempt(
        delivery_id=push.delivery_id, number=push.number, url=push.url, request_headers=dict(request.headers), outcome=outcome,
        status=answer.status, return_code=code, answer=excerpt(answer.body), error=answer.public_class, durations=durations,
        started_at=started_at,
    )  # fmt: skip
