"""Switch the delivery push, test it, read what was sent, and redeliver."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.errors import Invisible, WrongState
from console.permissions import can, grants_of
from console.views.base import ConsoleView
from items.readiness import missing_step
from orders.actions.delivery import redeliver_order
from orders.actions.push import send_probe, send_test, sentence, switch_off, switch_on
from orders.models import Attempt, Delivery, Order
from orders.url_check import start_check
from payments.models import DeliveryConfig

LOG_LENGTH = 100


class _PushVerb(ConsoleView):
    """A button of the delivery page: POST acts and goes back there with a sentence."""

    permission = "payments.configure_delivery"

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponseRedirect:
        """Run the action; what came back is said on the delivery page."""
        config = DeliveryConfig.objects.select_related("mini_program").filter(mini_program=self.mini_program).first()
        try:
            if config is None:
                raise WrongState(_("The delivery push is not configured yet. Enter the URL first."))
            messages.success(request, self.act(config))
        except WrongState as error:
            messages.error(request, str(error))
        return redirect("payments:delivery", app_id=kwargs["app_id"])

    def act(self, config: DeliveryConfig) -> str:
        """Call the action; returns the sentence to show. Raises WrongState with one that says why not."""
        raise NotImplementedError


class PushOn(_PushVerb):
    """Switch on, after an acknowledged test push."""

    def act(self, config: DeliveryConfig) -> str:
        switch_on(config, actor=self.actor)
        return _("The test push was acknowledged and the delivery push is on. What was held is sent now.")


class PushOff(_PushVerb):
    """Switch off; what waits is held."""

    def act(self, config: DeliveryConfig) -> str:
        switch_off(config, actor=self.actor)
        return _("The delivery push is off. Paid orders are held until it is on again.")


class PushTest(_PushVerb):
    """Send a test push and say what came back."""

    def act(self, config: DeliveryConfig) -> str:
        attempt = send_test(config, actor=self.actor)
        if attempt.outcome != Attempt.Outcome.ACKNOWLEDGED:
            raise WrongState(sentence(attempt))
        return sentence(attempt)


class PushProbe(_PushVerb):
    """Send a test push signed with the newest key alone, before the old one ends."""

    permission = "payments.manage_credentials"
    fresh_factor = False  # a test push: no key is issued or ended

    def act(self, config: DeliveryConfig) -> str:
        attempt = send_probe(config, actor=self.actor)
        if attempt.outcome != Attempt.Outcome.ACKNOWLEDGED:
            raise WrongState(sentence(attempt))
        return _("The test push that only the new key signed was acknowledged. The old credential can be retired.")


class CheckUrls(_PushVerb):
    """Check both URLs now; what was found stands on the delivery page."""

    def act(self, config: DeliveryConfig) -> str:
        start_check(config.mini_program, actor=self.actor)
        return _("The URLs are being checked.")


class PushLog(ConsoleView):
    """The newest attempts of the mini program, test pushes too."""

    permission = "orders.view_attempt"
    template_name = "orders/push_log.html"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        """The newest LOG_LENGTH attempts that the reader may read, newest first."""
        rows = Attempt.objects.filter(delivery__mini_program=self.mini_program)
        if not can(self.actor, "orders.view_refund", self.container):
            rows = rows.exclude(delivery__event=Delivery.Event.REFUND)
        attempts = list(rows.select_related("delivery__order").order_by("-started_at", "-pk")[:LOG_LENGTH])
        assert self.mini_program
        teams, _superapps = grants_of(self.actor).containers(self.permission)
        return self.render(
            attempts=attempts,
            missing=None if attempts else missing_step(self.mini_program, actor=self.actor),
            length=LOG_LENGTH,
            sees_signatures=can(self.actor, "payments.view_delivery", self.container),
            # Bodies hold whole open ids, as raw notifications do: they are for the team.
            sees_player=self.container.scope.team_id in teams,
        )


class Redeliver(ConsoleView):
    """Send the events of one order once more, at once."""

    permission = "orders.redeliver"

    def post(self, request: HttpRequest, *, app_id: str, pk: int) -> HttpResponse:
        """Start the schedule of what waits anew."""
        order = Order.objects.filter(mini_program=self.mini_program, pk=pk).first()
        if order is None:
            raise Invisible
        count = redeliver_order(order, actor=self.actor)
        text = ngettext("%(count)d delivery is sent again now.", "%(count)d deliveries are sent again now.", count)
        messages.success(request, text % {"count": count})
        return redirect("orders:detail", app_id=app_id, pk=pk)
