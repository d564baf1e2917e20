"""What the requester is told by mail when a request was decided (docs/domain.md, section 3)."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from console.mail import queue_mail
from console.models import OutgoingMail
from payments.models import PaymentRequest, Request


def queue_decision_mail(request: Request, *, next_step: str = "") -> OutgoingMail | None:
    """Tell the requester, in their language, the state, the reason and what to do next; in the caller's transaction.

    `next_step` replaces the sentence that follows from the kind and the state.
    """
    reader = request.requested_by
    with override(reader.language or settings.LANGUAGE_CODE):
        context = {
            "request": request,
            "subject_of_request": request.mini_program or request.team,
            "next_step": next_step or what_next(request),
            "url": settings.BASE_URL + requester_url(request),
        }
        subject = render_to_string("payments/mail/decision_subject.txt", context)
        return queue_mail(to=reader.email, subject=subject, body=render_to_string("payments/mail/decision.txt", context))


def requester_url(request: Request) -> str:
    """The page on which the requesting team sees this request."""
    if request.kind == Request.Kind.MERCHANT_BINDING:
        return reverse("payments:merchant", kwargs={"team": request.team.code})
    program = request.mini_program
    assert program is not None, "only merchant bindings are requests of a team as a whole"
    if getattr(request, "type", "") == PaymentRequest.Type.STANDARD:
        return reverse("payments:standard-payment", kwargs={"app_id": program.app_id})
    pages = {Request.Kind.EXEMPTION: "payments:delivery", Request.Kind.RELEASE: "items:list"}
    return reverse(pages.get(Request.Kind(request.kind), "payments:payment"), kwargs={"app_id": program.app_id})


def what_next(request: Request) -> str:
    """What the team can do now, in one sentence; empty where nothing is left to do."""
    kind, state = Request.Kind, Request.State
    if request.state == state.REJECTED:
        return _("Mend what the reason names, then make a new request. Nothing else was changed.")
    if request.state == state.APPROVED and getattr(request, "type", "") == PaymentRequest.Type.STANDARD:
        return _("Its orders and refunds are listed under Standard payment.")
    sentences = {
        (kind.PAYMENT, state.APPROVED): _("Next, configure the delivery push, if that is not done yet."),
        (kind.PAYMENT, state.DISABLED): _("No orders are taken. Settle the reason, then make a new request."),
        (kind.PAYMENT, state.CANCELLED): _("A new request can be made at any time."),
        (kind.MERCHANT_BINDING, state.EFFECTIVE): _("The team is paid through it now. Next, request the payment permission."),
        (kind.MERCHANT_BINDING, state.UNBOUND): _("Selling is suspended until another merchant is effective."),
        (kind.EXEMPTION, state.APPROVED): _("Releases need no review from now on. What is in review stays there."),
        (kind.EXEMPTION, state.REVOKED): _("Releases that are submitted from now on are reviewed again."),
    }  # fmt: skip
    return sentences.get((kind(request.kind), state(request.state)), "")
