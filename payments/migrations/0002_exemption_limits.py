"""Within which limits an exemption was granted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="exemptionrequest",
            name="price_ceiling",
            field=models.PositiveIntegerField(help_text="Minor units of `ceiling_currency`; dearer items are reviewed.", null=True),
        ),
        migrations.AddField(
            model_name="exemptionrequest",
            name="ceiling_currency",
            field=models.CharField(blank=True, default="", max_length=3),
        ),
        migrations.AddField(
            model_name="exemptionrequest",
            name="items_per_day",
            field=models.PositiveIntegerField(help_text="Items released without review on one day (UTC).", null=True),
        ),
        migrations.AddField(
            model_name="exemptionrequest",
            name="last_day",
            field=models.DateField(help_text="The exemption holds until the end of this day (UTC).", null=True),
        ),
    ]
