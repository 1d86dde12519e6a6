from django.db import migrations, models

import scopes.models.scope


class Migration(migrations.Migration):
    dependencies = [("scopes", "0004_scoping")]

    operations = [
        migrations.AddField("scope", "sla_stage_days", models.JSONField(default=dict)),
        migrations.AddField(
            "scope", "sla_counts", models.CharField(default="calendar", max_length=8)
        ),
        migrations.AddField("scope", "sla_warn_days", models.PositiveSmallIntegerField(default=7)),
        migrations.AddField("scope", "time_zone", models.CharField(default="UTC", max_length=64)),
        migrations.AddField(
            "scope", "working_days", models.JSONField(default=scopes.models.scope.workweek)
        ),
        migrations.AddField("scope", "holidays", models.JSONField(default=list)),
        migrations.AddConstraint(
            "scope",
            models.CheckConstraint(
                condition=models.Q(sla_counts__in=["calendar", "business"]), name="scope_sla_counts"
            ),
        ),
    ]
