import django.db.models.deletion
from django.db import migrations, models

from findings.tallies import start_counting, stop_counting


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0004_findings_of_series"),
        ("scopes", "0002_pipeline_identities"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tool", models.CharField(max_length=120)),
                ("status", models.CharField(max_length=22)),
                ("severity", models.CharField(max_length=8)),
                ("priority_band", models.CharField(max_length=2)),
                ("presence", models.CharField(max_length=10)),
                ("n", models.BigIntegerField()),
                (
                    "scope",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
                (
                    "asset",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scopes.asset",
                    ),
                ),
            ],
        ),
        migrations.RunPython(start_counting, stop_counting),
    ]
