from django.db import migrations, models

from console.online_indexes import WidenUniqueOnline


class Migration(migrations.Migration):
    """The mini program in every unique constraint of deliveries and attempts (docs/scale.md, "Citus").

    Processes of the previous version go on inserting attempts without it. The number of an attempt is drawn by the claim, so two
    rows of one number can only come from one process; while old ones still run such a row may stand there twice.
    """

    atomic = False

    dependencies = [
        ("orders", "0016_attempt_mini_program"),
    ]

    operations = [
        WidenUniqueOnline(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=["mini_program", "delivery", "number"], name="attempt_number_once"),
        ),
        WidenUniqueOnline(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=["mini_program", "order"], condition=models.Q(event="goods"), name="one_goods_delivery_an_order"
            ),
        ),
        WidenUniqueOnline(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=["mini_program", "refund"], condition=models.Q(event="refund"), name="one_delivery_a_refund"
            ),
        ),
    ]
