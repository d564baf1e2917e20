"""Revoke an exemption: first what was released without review and who buys it, then the act."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.errors import Invisible, Refused, WrongState
from console.lifecycle import moves, wrong_state_message
from console.sentences import joined
from console.views.base import FormView
from items.actions import exemption as actions
from items.exemptions import unreviewed_under
from items.models import Item, ItemQuerySet
from orders.forms import ALL, CHOSEN, NONE, RevokeForm
from orders.reach import Reach, last_day, total
from payments.models import ExemptionRequest

SHOWN = 100  # those with most orders; the others are counted


class ExemptionRevoke(FormView):
    """The superapp ends an exemption, and may take down in the same step what was released under it."""

    permission: ClassVar[str] = "payments.intervene"
    fresh_factor: ClassVar[bool] = True
    template_name: ClassVar[str] = "orders/exemption_revoke.html"
    form_class: ClassVar[type[Any]] = RevokeForm
    exemption: ExemptionRequest

    def find_container(self, *, pk: int = 0, **names: Any) -> None:
        """The superapp, then the exemption. Raises Invisible."""
        super().find_container(**names)
        rows = ExemptionRequest.objects.filter(superapp=self.superapp, pk=pk)
        found = rows.select_related("mini_program", "team", "requested_by", "decided_by").first()
        if found is None:
            raise Invisible
        self.exemption = found

    def get(self, request: Any, **kwargs: Any) -> HttpResponse:
        """What it reaches; 409 when it is not in force."""
        declared = moves(ExemptionRequest)["revoke"]
        if self.exemption.state not in declared.sources:
            raise WrongState(wrong_state_message(self.exemption, declared))
        return super().get(request, **kwargs)

    def items(self) -> ItemQuerySet:
        """On sale without review under this exemption."""
        return unreviewed_under(self.exemption)

    def form_arguments(self) -> dict[str, Any]:
        """How many items there are now."""
        return {"number": self.items().count()}

    def page(self) -> dict[str, Any]:
        """The items with their orders of the last 24 hours, most orders first."""
        rows = list(self.items().select_related("live_image").order_by("live_name", "product_id"))
        reach = last_day(self.exemption.program_id, [item.product_id for item in rows])
        ranked = sorted(rows, key=lambda item: -_orders(reach, item))
        ticked = self.request.POST.getlist("take")
        return {
            "exemption": self.exemption,
            "program": self.exemption.mini_program,
            "number": len(rows),
            "rows": [(item, reach.get(item.product_id, Reach()), item.product_id in ticked) for item in ranked[:SHOWN]],
            "more": max(len(rows) - SHOWN, 0),
            "total": total(reach.values()),
            "back_url": reverse("payments:review", kwargs={"superapp": self.exemption.superapp.code, "pk": self.exemption.pk}),
        }

    def act(self, form: RevokeForm) -> HttpResponse:
        """Revoke, take down, and say both."""
        row, reason, what = self.exemption, form.cleaned_data["reason"], form.cleaned_data.get("items") or NONE
        chosen = self.ticked() if what == CHOSEN else []
        every = (form.cleaned_data["number"] or 0) if what == ALL else None
        try:
            taken = actions.revoke(row, actor=self.actor, reason=reason, take_down=chosen, every=every)
        except Refused:
            # The form that goes back carries the present number, so that confirming again means it.
            data = self.request.POST.copy()
            data["number"] = str(self.items().count())
            form.data = data
            raise
        told = [_("“%(request)s” was revoked. %(name)s is told by mail.") % {"request": row, "name": row.requested_by}]
        if taken:
            sentence = ngettext("%(number)d item was taken down.", "%(number)d items were taken down.", len(taken))
            told.append(sentence % {"number": len(taken)})
        return self.done(joined(told), reverse("payments:approvals", kwargs={"superapp": row.superapp.code}))

    def ticked(self) -> list[Item]:
        """The items ticked in the list. Raises Refused when there are none."""
        rows = self.items().select_related("mini_program__team", "edited_by")
        found = list(rows.filter(product_id__in=self.request.POST.getlist("take")[:SHOWN]))
        if not found:
            raise Refused(items=_("No item is ticked. Tick those to take down, or leave them on sale."))
        return found


def _orders(reach: dict[str, Reach], item: Item) -> int:
    return reach[item.product_id].orders if item.product_id in reach else 0
