"""The chain that must hold before one item can be sold, complete: the links of payments and the sixth, a released item."""

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.models import MiniProgram, User
from console.permissions import can
from items.models import Item
from payments.readiness import DONE, WAITING, Link, Missing, Step, links, people, place


def steps(program: MiniProgram, *, actor: User) -> list[Step]:
    """All six steps in order, for `actor` (docs/domain.md, section 1); one query beside those of payments.readiness."""
    return place([*links(program), _released(program)], people(program), program, actor=actor)


def missing_step(program: MiniProgram, *, actor: User) -> Missing | None:
    """The first step that is not done yet, for a list that is empty before; None once items can be sold."""
    step = next((step for step in steps(program, actor=actor) if step.state != DONE), None)
    if step is None:
        return None
    url = reverse("orders:home", kwargs={"app_id": program.app_id}) if can(actor, "console.view_mini_program", program) else ""
    return Missing(step.title, step.sentence, step.who, url)


def _released(program: MiniProgram) -> Link:
    """At least one item is on sale."""
    title, names = _("Released item"), {"app_id": program.app_id}
    numbers = (
        Item.objects.filter(mini_program=program)
        .existing()
        .aggregate(
            all=Count("pk"),
            on_sale=Count("pk", filter=Q(on_sale=True)),
            under_review=Count("pk", filter=Q(state=Item.State.UNDER_REVIEW)),
        )
    )
    url = reverse("items:list", kwargs=names)
    if number := numbers["on_sale"]:
        sentence = ngettext("%(number)d item is on sale.", "%(number)d items are on sale.", number) % {"number": number}
        return Link("items", title, DONE, sentence, "items.submit_release", url)
    if number := numbers["under_review"]:
        sentence = ngettext("%(number)d item is under review.", "%(number)d items are under review.", number) % {"number": number}
        return Link("items", title, WAITING, sentence, "payments.decide", url)
    if numbers["all"]:
        return Link("items", title, "", _("No item is released yet."), "items.submit_release", url, _("Submit for release"))
    url = reverse("items:add", kwargs=names)
    return Link("items", title, "", _("There is no item yet."), "items.edit_item", url, _("Add item"))
