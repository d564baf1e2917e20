from django.apps import AppConfig


class OpenserverConfig(AppConfig):
    name = "openserver"
    default_auto_field = "django.db.models.BigAutoField"
