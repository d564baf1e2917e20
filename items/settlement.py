"""The currency in which a mini program sells: that of its team's effective merchant (docs/items.md)."""

from console.models import MiniProgram
from payments.models import MerchantBinding


def settlement_currency(program: MiniProgram) -> str:
    """ISO 4217 code of the settlement currency of the team's effective merchant, "" while none is effective."""
    effective = MerchantBinding.objects.filter(bound_team_id=program.team_id, effective=True)
    return effective.values_list("merchant__currency", flat=True).first() or ""
