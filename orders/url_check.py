"""Check the two URLs of a delivery push with a test push each, as a job (docs/deliveries.md, "URL check").

A job, because it waits for two receivers; the newest one of a mini program is what the panel shows.
"""

from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from console import jobs
from console.errors import Refused
from console.jobs import Progress, job
from console.models import Job, MiniProgram, User
from console.permissions import require
from console.url_check import Check, check_sync
from orders.actions.push import SANDBOX, note_answer, test_push
from orders.models import Attempt
from orders.sender import outgoing
from payments.keys import accepted_keys
from payments.models import DeliveryConfig

KIND = "orders.check_urls"  # payments names it, because a save starts it
PERMISSION = "payments.configure_delivery"


def start_check(program: MiniProgram, *, actor: User) -> Job:
    """Start the check of what is configured. Raises Invisible, Forbidden."""
    require(actor, PERMISSION, program)
    title = _("URL check: %(place)s") % {"place": program.name}
    return jobs.start(KIND, actor=actor, title=title, params={"program": program.pk}, container=program)


def newest(program: MiniProgram) -> Job | None:
    """The newest check of the mini program, under way or done; None when there is none any more."""
    rows = Job.objects.filter(kind=KIND, team=program.team_id, params__program=program.pk)
    return rows.order_by("-created_at", "-pk").first()


@job(KIND)
def check_urls(row: Job, progress: Progress) -> dict[str, Any]:
    """Send a test push to each URL at the same time; the result holds one panel for each. Repeating it is harmless.

    Raises Refused without a key.
    """
    program = MiniProgram.objects.select_related("team", "superapp").get(pk=row.params["program"])
    require(row.actor, PERMISSION, program)
    config = DeliveryConfig.objects.select_related("mini_program").get(mini_program=program)
    urls = {"url": config.url, "test_url": config.test_url}
    keys = accepted_keys(program.pk, SANDBOX)
    if not keys:
        raise Refused(_("There is no AppKey to sign with. Request a certificate and keys first."))
    pushes = {name: test_push(config, url, keys, actor=row.actor) for name, url in urls.items() if url}
    requests = {name: replace(outgoing(push), inspect=True) for name, push in pushes.items()}
    started_at = timezone.now()
    checks = dict(zip(requests, check_sync(*requests.values()), strict=True))
    panels = []
    for name, check in checks.items():
        attempt = note_answer(pushes[name], requests[name], check.answer, started_at=started_at, actor=row.actor)
        panels.append(panel(name, check, attempt))
    return {"panels": panels, "facts": [[each["url"], each["outcome_label"]] for each in panels]}


def panel(name: str, check: Check, attempt: Attempt) -> dict[str, Any]:
    """What is shown and kept of one check: facts, no sentences, so that each reader reads their own language."""
    return {
        "name": name,
        "url": check.url,
        "refusal": check.refusal,
        "addresses": [found._asdict() for found in check.addresses],
        "blocked": any(found.kind != "public" and not found.address for found in check.addresses),
        "status": check.answer.status,
        "location": check.location,
        "error": check.answer.public_class,
        "tls_fault": check.answer.tls_fault,
        "certificates": [
            each._asdict() | {"ends": each.ends.isoformat(), "days_left": each.days_left} for each in check.certificates
        ],
        "durations": attempt.durations,
        "outcome": attempt.outcome,
        "outcome_label": attempt.get_outcome_display(),
        "return_code": attempt.return_code,
        "answer": attempt.answer,
    }
