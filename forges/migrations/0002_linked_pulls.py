import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0012_campaigns"),
        ("forges", "0001_connections"),
        ("scopes", "0003_teams"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="pullrequest",
            constraint=models.UniqueConstraint(fields=("id", "scope"), name="pull_and_scope"),
        ),
        migrations.CreateModel(
            name="PullFinding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="findings.finding",
                    ),
                ),
                (
                    "pull",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="asked",
                        to="forges.pullrequest",
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
        ),
        migrations.AddConstraint(
            model_name="pullfinding",
            constraint=models.UniqueConstraint(
                fields=("pull", "finding"), name="pull_finding_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="pullfinding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("pull", "scope"),
                name="pull_finding_pull_in_scope",
                to_columns=("id", "scope_id"),
                to_table="forges_pullrequest",
            ),
        ),
        migrations.AddConstraint(
            model_name="pullfinding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("finding", "scope"),
                name="pull_finding_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_finding",
            ),
        ),
    ]
