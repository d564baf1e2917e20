"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from console import secrets

PASSWORD = "reauthenticate"  # noqa: S105  (allauth's name of the method)
#: allauth seals before it knows the row, so all rows share one place.
PLACE = "mfa_authenticator:data:secret"


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by the platform and by invitation; nobody signs up by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Closed."""
        return False

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Whoever has a second factor confirms with it: a password alone must not switch it off."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        factors = [method for method in methods if method["id"] != PASSWORD]
        return factors or methods


class FactorAdapter(DefaultMFAAdapter):
    """Secrets of authenticator apps and seeds of recovery codes are sealed like all secrets at rest."""

    def encrypt(self, text: str) -> str:
        """Sealed by console.secrets."""
        return secrets.seal(text, bound_to=PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises SecretError for what was not sealed here."""
        return secrets.unseal(encrypted_text, bound_to=PLACE).decode()
