from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the lists that can be exported: a worker has to know them before anybody asks for a page."""
        from orders import listings  # noqa: F401  (registers itself; models must be ready first)
