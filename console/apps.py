from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The foundation; its checks keep the site from starting with an undecided route."""

    name = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from console import checks  # noqa: F401  (registers itself; models must be ready first)
