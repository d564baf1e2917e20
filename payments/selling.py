"""Whether a mini program may take payments now, and through which merchant (docs/domain.md, sections 3 and 5.2)."""

from typing import NamedTuple

from console.models import MiniProgram, MiniProgramQuerySet, Superapp
from payments.models import Merchant, MerchantBinding, PaymentRequest

NOT_ENABLED, SUSPENDED, NOT_BOUND = "PAYMENT_NOT_ENABLED", "PAYMENT_SUSPENDED", "MERCHANT_NOT_BOUND"


class Selling(NamedTuple):
    """`code`: openServer's error code, "" while enabled. `suspended_reason`: "", "feature_off" or "merchant_unbound"."""

    enabled: bool
    code: str = ""
    suspended_reason: str = ""
    merchant: Merchant | None = None

    @property
    def suspended(self) -> bool:
        """Approved once, but something before it in the chain no longer holds; derived, nothing is rewritten."""
        return self.code == SUSPENDED


def selling_state(program: MiniProgram, *, type: str = PaymentRequest.Type.VIRTUAL) -> Selling:  # noqa: A002
    """Whether payments of `type` are taken now; at most three queries beside the superapp of `program`."""
    approved = PaymentRequest.objects.filter(program=program, type=type, state=PaymentRequest.State.APPROVED).exists()
    binding = MerchantBinding.objects.filter(bound_team=program.team_id, effective=True).select_related("merchant").first()
    merchant = binding.merchant if binding else None
    if not approved:
        return Selling(False, NOT_ENABLED, merchant=merchant)
    if not program.superapp.payment_enabled:
        return Selling(False, SUSPENDED, "feature_off", merchant)
    if merchant is None:
        was_bound = MerchantBinding.objects.filter(bound_team=program.team_id, state=MerchantBinding.State.UNBOUND).exists()
        return Selling(False, SUSPENDED, "merchant_unbound") if was_bound else Selling(False, NOT_BOUND)
    return Selling(True, merchant=merchant)


def sellers(superapp: Superapp, *, currency: str = "") -> MiniProgramQuerySet:
    """The mini programs that sell while the feature is on: payment approved, merchant effective (settling in `currency`)."""
    approved = PaymentRequest.objects.filter(superapp=superapp, state=PaymentRequest.State.APPROVED).values("program_id")
    bindings = MerchantBinding.objects.filter(superapp=superapp, effective=True)
    if currency:
        bindings = bindings.filter(merchant__currency=currency)
    return MiniProgram.objects.filter(superapp=superapp, pk__in=approved, team_id__in=bindings.values("bound_team_id"))
