from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The foundation; its checks keep the site from starting with an undecided route."""

    name = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and the list of this app that can be exported."""
        from console import activity, checks  # noqa: F401  (register themselves; models must be ready first)
