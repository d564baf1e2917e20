"""What the sign-in page and the demo banner need; a context processor in demo mode only."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from simulator.accounts import ACCOUNTS


def demo(_request: HttpRequest) -> dict[str, Any]:
    """The demo accounts, and the way into the simulator."""
    return {"demo_accounts": ACCOUNTS, "simulator_url": reverse("simulator:shop")}
