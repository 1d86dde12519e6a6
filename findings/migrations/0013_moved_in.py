import django.db.models.deletion
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [("findings", "0012_campaigns"), ("scopes", "0003_teams")]

    operations = [
        migrations.CreateModel(
            name="ExternalKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=10)),
                ("key", models.CharField(max_length=300)),
                ("url", models.CharField(default="", max_length=500)),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="external_keys",
                        to="findings.finding",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["scope", "source", "key"], name="external_key_of_scope")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("source__in", ["defectdojo", "github", "csv", "ticket"])
                        ),
                        name="external_key_source",
                    ),
                    models.UniqueConstraint(
                        fields=("finding", "source", "key"), name="external_key_once"
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="external_key_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                ],
            },
        ),
    ]
