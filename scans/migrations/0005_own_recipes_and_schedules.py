import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints
from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_postponed_jobs"),
        ("remediations", "0007_host_reviews"),
        ("scans", "0004_descents"),
        ("scopes", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ScannerRecipe",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("version", models.PositiveIntegerField()),
                ("tool", models.CharField(default="", max_length=120)),
                ("tool_class", models.CharField(max_length=10)),
                ("command", models.JSONField()),
                ("ok_exit_codes", models.JSONField(default=list)),
                ("network", models.CharField(default="none", max_length=7)),
                ("output", models.CharField(default="sarif", max_length=9)),
                ("config_name", models.CharField(default="", max_length=100)),
                ("image", models.CharField(default="", max_length=300)),
                ("vendor", models.CharField(default="", max_length=120)),
                ("model", models.CharField(default="", max_length=120)),
                ("digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ScanSchedule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("recipe", models.CharField(max_length=40)),
                ("hour", models.PositiveSmallIntegerField()),
                ("last_on", models.DateField(null=True)),
                ("error", models.TextField(default="")),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="scan",
            name="scan_state",
        ),
        migrations.AddConstraint(
            model_name="scan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "received",
                            "scanning",
                            "parsing",
                            "applying",
                            "done",
                            "failed",
                            "quarantined",
                            "cancelled",
                        ],
                    )
                ),
                name="scan_state",
            ),
        ),
        migrations.AddField(
            model_name="scannerrecipe",
            name="config",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.blob",
            ),
        ),
        migrations.AddField(
            model_name="scannerrecipe",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="scannerrecipe",
            name="scope",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="recipes",
                to="scopes.scope",
            ),
        ),
        migrations.AddField(
            model_name="scanschedule",
            name="asset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="scopes.asset"
            ),
        ),
        migrations.AddField(
            model_name="scanschedule",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="scanschedule",
            name="line",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="schedules",
                to="scopes.line",
            ),
        ),
        migrations.AddField(
            model_name="scanschedule",
            name="scope",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="scopes.scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="scannerrecipe",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "tool_class__in",
                        [
                            "agentic",
                            "sast",
                            "sca",
                            "secrets",
                            "iac",
                            "container",
                            "dast",
                            "cloud",
                            "fuzz",
                            "manual",
                        ],
                    )
                ),
                name="recipe_tool_class",
            ),
        ),
        migrations.AddConstraint(
            model_name="scannerrecipe",
            constraint=models.CheckConstraint(
                condition=models.Q(("network__in", ["none", "allowed"])), name="recipe_network"
            ),
        ),
        migrations.AddConstraint(
            model_name="scannerrecipe",
            constraint=models.CheckConstraint(
                condition=models.Q(("output__in", ["sarif", "eslint", "pip-audit"])),
                name="recipe_output",
            ),
        ),
        migrations.AddConstraint(
            model_name="scannerrecipe",
            constraint=models.UniqueConstraint(
                fields=("scope", "name", "version"), name="recipe_version_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="scannerrecipe",
            constraint=models.CheckConstraint(
                condition=models.Q(("version__gte", 1)), name="recipe_versions_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="scannerrecipe",
            constraint=models.CheckConstraint(
                condition=models.Q(("command", []), _negated=True), name="recipe_has_a_command"
            ),
        ),
        migrations.AddConstraint(
            model_name="scannerrecipe",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("config__isnull", True), ("config_name", "")),
                    models.Q(
                        ("config__isnull", False), models.Q(("config_name", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="recipe_config_has_a_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="scanschedule",
            constraint=models.UniqueConstraint(fields=("line", "recipe"), name="schedule_once"),
        ),
        migrations.AddConstraint(
            model_name="scanschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(("hour__lte", 23)), name="schedule_at_an_hour"
            ),
        ),
        migrations.AddConstraint(
            model_name="scanschedule",
            constraint=core.constraints.CompositeForeignKey(
                fields=("asset", "scope"),
                name="schedule_asset_in_scope",
                to_columns=("id", "scope_id"),
                to_table="scopes_asset",
            ),
        ),
        migrations.AddConstraint(
            model_name="scanschedule",
            constraint=core.constraints.CompositeForeignKey(
                fields=("line", "asset"),
                name="schedule_line_of_asset",
                to_columns=("id", "asset_id"),
                to_table="scopes_line",
            ),
        ),
        migrations.RunPython(protect("scans_scannerrecipe"), unprotect("scans_scannerrecipe")),
    ]
