from django.db import migrations, models

from console.online_indexes import AddIndexOnline


class Migration(migrations.Migration):
    """The mismatch desk of a superapp lists what its backend signed wrongly."""

    atomic = False

    dependencies = [
        ("orders", "0017_key_of_the_mini_program"),
    ]

    operations = [
        AddIndexOnline(
            model_name="notification",
            index=models.Index(
                fields=["superapp", "-received_at"], name="notification_unsigned", condition=models.Q(verdict="bad_signature")
            ),
        ),
    ]
