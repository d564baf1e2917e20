"""What people are told of a request: the deciders when it is made, its requester when it is decided (docs/superapp.md)."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from console.models import Notice, User
from console.notices import News, tell
from console.permissions import holders
from payments.models import PaymentRequest, Request

#: Where a request of each kind is reviewed. Routes are strings, so a kind of an app to the right can stand here.
REVIEW_ROUTES = {
    Request.Kind.PAYMENT: "payments:review",
    Request.Kind.MERCHANT_BINDING: "payments:review",
    Request.Kind.EXEMPTION: "payments:review",
    Request.Kind.RELEASE: "items:release-review",
}


def tell_requester(request: Request, *, next_step: str = "") -> None:
    """Tell the requester the state, the reason and what to do next; in the caller's transaction.

    `next_step` replaces the sentence that follows from the kind and the state.
    """

    def write(_reader: User) -> News:
        context = {
            "request": request,
            "subject_of_request": request.mini_program or request.team,
            "next_step": next_step or what_next(request),
            "url": settings.BASE_URL + requester_url(request),
        }
        subject = render_to_string("payments/mail/decision_subject.txt", context)
        return News(subject, requester_url(request), render_to_string("payments/mail/decision.txt", context))

    tell([request.requested_by], kind=Notice.Kind.DECISION, write=write)


def tell_deciders(request: Request) -> None:
    """Tell those who may decide a new request; in the caller's transaction. Members of the requesting team may not."""

    def write(_reader: User) -> News:
        words = {"request": request, "name": request.requested_by}
        url = review_url(request.kind, superapp=request.superapp.code, pk=request.pk)
        subject = _("New request: %(request)s") % words
        return News(subject, url, _("%(name)s asks: %(request)s.") % words + f"\n\n{settings.BASE_URL}{url}\n")

    people = holders("payments.decide", request.superapp).exclude(team_memberships__team=request.team_id)
    tell(people.exclude(pk=request.requested_by_id), kind=Notice.Kind.REQUEST, write=write)


def review_url(kind: str, *, superapp: str, pk: int) -> str:
    """The page on which a request of this kind is reviewed; `superapp` is the code."""
    return reverse(REVIEW_ROUTES[Request.Kind(kind)], kwargs={"superapp": superapp, "pk": pk})


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


def mend_url(request: Request) -> str:
    """The field that a rejection is about, in the form of a new request; "" for none."""
    if request.state != Request.State.REJECTED or not request.reason_part:
        return ""
    if request.kind == Request.Kind.MERCHANT_BINDING:
        route, names = "payments:merchant-bind", {"team": request.team.code}
    elif request.reason_part == Request.Part.MERCHANT:
        return reverse("payments:merchant", kwargs={"team": request.team.code})
    else:
        assert request.mini_program
        standard = getattr(request, "type", "") == PaymentRequest.Type.STANDARD
        exempts = request.kind == Request.Kind.EXEMPTION
        route = "payments:standard-payment-request" if standard else "payments:payment-request"
        route, names = "payments:exemption-request" if exempts else route, {"app_id": request.mini_program.app_id}
    return f"{reverse(route, kwargs=names)}#id_{request.reason_part}"


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
