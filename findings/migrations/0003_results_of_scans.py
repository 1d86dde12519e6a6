import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0002_clearance"),
        ("scopes", "0002_pipeline_identities"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tool", models.CharField(max_length=120)),
                ("rule", models.CharField(max_length=300)),
                ("name", models.CharField(default="", max_length=300)),
                ("description", models.TextField(default="")),
                ("help_uri", models.CharField(default="", max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tool", models.CharField(max_length=120)),
                ("category", models.CharField(default="", max_length=200)),
                ("last_scan_id", models.BigIntegerField(null=True)),
                ("last_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="rule",
            name="scope",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="scopes.scope"
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="asset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="scopes.asset"
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="line",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="series", to="scopes.line"
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="scope",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="scopes.scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(fields=("scope", "tool", "rule"), name="rule_once"),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(fields=("id", "scope"), name="rule_and_scope"),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.UniqueConstraint(
                fields=("line", "tool", "category"), name="series_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.UniqueConstraint(
                fields=("id", "line", "asset", "scope"), name="series_and_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=core.constraints.CompositeForeignKey(
                fields=("line", "asset"),
                name="series_line_of_asset",
                to_columns=("id", "asset_id"),
                to_table="scopes_line",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=core.constraints.CompositeForeignKey(
                fields=("asset", "scope"),
                name="series_asset_in_scope",
                to_columns=("id", "scope_id"),
                to_table="scopes_asset",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=core.constraints.CompositeForeignKey(
                fields=("last_scan_id", "scope"),
                name="series_scan_in_scope",
                to_columns=("id", "scope_id"),
                to_table="scans_scan",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="seen_digest",
            field=models.CharField(default="", max_length=32),
        ),
        migrations.AddField(
            model_name="finding",
            name="seen_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="spot",
            field=models.CharField(default="", max_length=32),
        ),
        migrations.AddField(
            model_name="sighting",
            name="ended_by",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="described_by",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="findings.rule",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="series",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="findings.series",
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="current",
            field=models.JSONField(null=True),
        ),
    ]
