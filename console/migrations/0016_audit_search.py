"""A search in what people did reads what it finds: indexes of request ids, addresses, and names at the end of labels."""

from django.db import migrations, models

from console.online_indexes import AddIndexOnline, AddSqlIndexOnline

PEOPLE = models.Q(("actor__isnull", False))
NAMES = "console_auditentry (split_part(object_label, ' · ', -1)) WHERE actor_id IS NOT NULL"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("console", "0015_export_failures")]
    operations = [
        AddIndexOnline("auditentry", models.Index(condition=PEOPLE, fields=["request_id"], name="audit_people_request")),
        AddIndexOnline("auditentry", models.Index(condition=PEOPLE, fields=["address"], name="audit_people_address")),
        AddSqlIndexOnline("audit_people_name", of=NAMES),
    ]
