from datetime import timedelta

from django.db import migrations, models


def set_due(apps, editor):
    """By the days of each scope, which pages worked out as they drew."""
    finding = apps.get_model("findings", "Finding")
    for scope, days in apps.get_model("scopes", "Scope").objects.values_list("pk", "sla_days"):
        for severity, allowed in days.items():
            rows = finding.objects.filter(scope=scope, severity=severity)
            rows.update(due_at=models.F("first_seen_at") + timedelta(days=allowed))


class Migration(migrations.Migration):
    dependencies = [("findings", "0007_triage_columns")]

    operations = [migrations.RunPython(set_due, migrations.RunPython.noop)]
