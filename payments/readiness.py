"""The chain that must hold before one item can be sold: the first five links (docs/domain.md, section 1). Items add the sixth."""

from collections import defaultdict
from typing import NamedTuple

from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.matrix import codename
from console.models import MiniProgram, Superapp, SuperappGrant, TeamGrant, User
from console.permissions import Scoped, can, holders
from payments.models import DeliveryConfig, MerchantBinding, PaymentRequest, Request

DONE, NOW, WAITING, TODO, BLOCKED = "done", "now", "waiting", "todo", "blocked"
NAMES = 3  # people named before "and … more"


class Step(NamedTuple):
    """One link. `state`: done, now (the next thing to do), waiting (somebody decides), todo (later), blocked (you must act).

    `url` is "" for a reader who may not do it; `action` is the label of its button. `text` is what components/steps.html shows.
    """

    key: str
    title: str
    state: str
    sentence: str
    who: str = ""
    url: str = ""
    action: str = ""

    @property
    def text(self) -> str:
        """The sentence, under the name the component knows."""
        return self.sentence


class Link(NamedTuple):
    """A step before its place in the chain is known: `state` is done, waiting, blocked, or "" for not yet."""

    key: str
    title: str
    state: str
    sentence: str
    permission: str
    url: str = ""
    action: str = ""


class Missing(NamedTuple):
    """The step that an empty list waits for, and who can take it. `url` is the page that says so, "" for who cannot open it."""

    title: str
    sentence: str
    who: str
    url: str


def missing_feature(superapp: Superapp, *, actor: User) -> Missing | None:
    """What is missing before anything is sold in a superapp: the payment feature. None once it is on."""
    link = _feature(superapp)
    if link.state == DONE:
        return None
    url = reverse("payments:payment-management", kwargs={"superapp": superapp.code})
    seen = can(actor, "payments.view_payment_management", superapp)
    return Missing(link.title, link.sentence, _who(link.permission, superapp), url if seen else "")


def missing_standard(program: MiniProgram, *, actor: User) -> Missing | None:
    """What is missing before a mini program takes standard payments: its permission. None once it is approved."""
    link = _payment(program, PaymentRequest.Type.STANDARD)
    if link.state == DONE:
        return None
    url = link.url if can(actor, "console.view_mini_program", program) else ""
    return Missing(_("Permission for standard payment"), link.sentence, _who(link.permission, program), url)


def _who(permission: str, obj: Scoped) -> str:
    return names_sentence([str(user) for user in holders(permission, obj)])


def steps(program: MiniProgram, *, actor: User) -> list[Step]:
    """The five links in order, for `actor`; six queries beside the superapp and team of `program`."""
    return place(links(program), people(program), program, actor=actor)


def links(program: MiniProgram) -> list[Link]:
    """Where each link stands."""
    config = DeliveryConfig.objects.filter(mini_program=program).first()
    virtual = _payment(program, PaymentRequest.Type.VIRTUAL)
    return [_feature(program.superapp), _merchant(program), virtual, _delivery(program, config), _push(program, config)]


def place(chain: list[Link], who: dict[str, list[str]], program: MiniProgram, *, actor: User) -> list[Step]:
    """Turn links into steps: the first that is not done is the next one, those after it come later."""
    placed: list[Step] = []
    reached = True
    for link in chain:
        state = link.state if link.state == DONE or (reached and link.state) else NOW if reached else TODO
        reached = reached and link.state == DONE
        allowed = can(actor, link.permission, program)
        url = link.url if allowed and state in (NOW, BLOCKED) else ""
        named = names_sentence(who[codename(link.permission)])
        placed.append(Step(link.key, link.title, state, link.sentence, named, url, link.action))
    return placed


def people(program: MiniProgram) -> dict[str, list[str]]:
    """Names of those who hold each permission (by codename) on the program's team or superapp; two queries."""
    found: dict[str, list[str]] = defaultdict(list)
    columns = ("permission__codename", "user__name", "user__email")
    teams = TeamGrant.objects.filter(content_object=program.team_id, user__is_active=True)
    superapps = SuperappGrant.objects.filter(content_object=program.superapp_id, user__is_active=True)
    for rows in (teams, superapps):
        for code, name, email in rows.order_by("user__name", "user__email").values_list(*columns):
            found[code].append(name or email)
    return found


def names_sentence(names: list[str]) -> str:
    """The first few names, and how many more."""
    if not names:
        return _("Nobody has the role for it yet.")
    shown, more = ", ".join(names[:NAMES]), len(names) - NAMES
    if more <= 0:
        return shown
    return ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more) % {"names": shown, "more": more}


def _feature(superapp: Superapp) -> Link:
    title, permission = _("Payment feature"), "payments.manage_payment"
    if superapp.payment_enabled and superapp.currencies:
        return Link("feature", title, DONE, ", ".join(superapp.currencies), permission)
    sentence = _("%(superapp)s has not switched it on yet.") % {"superapp": superapp.name}
    if superapp.payment_enabled:
        sentence = _("%(superapp)s has chosen no currency yet.") % {"superapp": superapp.name}
    return Link("feature", title, "", sentence, permission)


def _merchant(program: MiniProgram) -> Link:
    rows = MerchantBinding.objects.filter(bound_team=program.team_id).select_related("merchant")
    # NULLs last on both databases: the effective one first, else the newest.
    row = rows.filter(effective=True).first() or rows.order_by("-requested_at", "-pk").first()
    title, permission = _("Merchant"), "payments.bind_merchant"
    url = reverse("payments:merchant", kwargs={"team": program.team.code})
    if row is None:
        return Link("merchant", title, "", _("No merchant is bound yet."), permission, url, _("Bind a merchant"))
    if row.effective:
        return Link("merchant", title, DONE, f"{row.merchant.name} · {row.merchant.currency}", permission, url)
    return _request_link("merchant", title, row, permission, url, _("Bind a merchant"))


def _payment(program: MiniProgram, type: str) -> Link:  # noqa: A002
    row = PaymentRequest.objects.filter(program=program, type=type).order_by("-requested_at", "-pk").first()
    title, permission = _("Payment permission"), "payments.request_payment"
    page = "payments:payment" if type == PaymentRequest.Type.VIRTUAL else "payments:standard-payment"
    url = reverse(page, kwargs={"app_id": program.app_id})
    if row is None:
        return Link("payment", title, "", _("Not requested yet."), permission, url, _("Request permission"))
    if row.state == Request.State.APPROVED:
        return Link("payment", title, DONE, _("Approved."), permission, url)
    return _request_link("payment", title, row, permission, url, _("Request permission"))


def _request_link(key: str, title: str, row: Request, permission: str, url: str, action: str) -> Link:
    """A request that is not in force: waiting for the approver, ended with a reason, or taken back."""
    if row.state == Request.State.IN_PROGRESS:
        sentence = _("In review for %(duration)s.") % {"duration": timesince(row.requested_at, depth=1)}
        return Link(key, title, WAITING, sentence, "payments.decide", url)
    if row.state in (Request.State.REJECTED, Request.State.DISABLED):
        sentence = _("%(state)s: %(reason)s") % {"state": row.get_state_display(), "reason": row.reason}
        return Link(key, title, BLOCKED, sentence, permission, url, action)
    return Link(key, title, "", f"{row.get_state_display()}.", permission, url, action)


def _delivery(program: MiniProgram, config: DeliveryConfig | None) -> Link:
    title, permission = _("Delivery push"), "payments.configure_delivery"
    url = reverse("payments:delivery", kwargs={"app_id": program.app_id})
    if config:
        return Link("delivery", title, DONE, _("Configured; certificate and keys are issued."), permission, url)
    return Link("delivery", title, "", _("No URL is configured yet."), permission, url, _("Configure"))


def _push(program: MiniProgram, config: DeliveryConfig | None) -> Link:
    title, permission = _("Push switch"), "payments.configure_delivery"
    url = reverse("payments:delivery", kwargs={"app_id": program.app_id})
    if config and config.enabled:
        return Link("push", title, DONE, _("On since the test push was acknowledged."), permission, url)
    return Link("push", title, "", _("Off. Switching it on sends a signed test push."), permission, url, _("Switch on"))
