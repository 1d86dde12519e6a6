import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints
from core.append_only import protect, unprotect

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def to(model, **more):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=model, **more
    )


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
        ("scans", "0011_inbox"),
        ("scopes", "0003_teams"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricClosure",
            fields=[
                ("id", ID),
                ("asset_name", models.CharField(default="", max_length=200)),
                ("source", models.CharField(max_length=10)),
                ("key", models.CharField(max_length=300)),
                ("url", models.CharField(default="", max_length=500)),
                ("tool", models.CharField(default="", max_length=120)),
                ("rule", models.CharField(default="", max_length=300)),
                ("title", models.CharField(max_length=300)),
                ("severity", models.CharField(default="", max_length=8)),
                ("closed_at", models.DateTimeField()),
                ("how", models.CharField(max_length=14)),
                ("reason", models.TextField(default="")),
                ("fix_url", models.CharField(default="", max_length=500)),
                ("fix_commit", models.CharField(default="", max_length=64)),
                ("merged_at", models.DateTimeField(null=True)),
                ("origin", models.CharField(default="unknown", max_length=12)),
                ("agent", models.CharField(default="", max_length=120)),
                ("scanned", models.CharField(default="unknown", max_length=7)),
                ("evidence", models.CharField(max_length=500)),
                ("links", models.JSONField(default=list)),
                ("imported_at", models.DateTimeField()),
                ("asset", to("scopes.asset", null=True)),
                ("imported_by", to(settings.AUTH_USER_MODEL, null=True)),
                ("scope", to("scopes.scope")),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["scope", "-closed_at", "-id"], name="historic_closure_newest"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["github", "defectdojo", "csv"])),
                        name="historic_closure_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "how__in",
                                [
                                    "fixed",
                                    "false_positive",
                                    "risk_accepted",
                                    "duplicate",
                                    "out_of_scope",
                                    "dismissed",
                                    "unknown",
                                ],
                            )
                        ),
                        name="historic_closure_how",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "origin__in",
                                ["human", "ai_assisted", "ai_generated", "automation", "unknown"],
                            )
                        ),
                        name="historic_closure_origin",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scanned__in", ["yes", "after", "no", "unknown"])),
                        name="historic_closure_scanned",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("severity__in", ["", "critical", "high", "medium", "low"])
                        ),
                        name="historic_closure_severity",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("merged_at__isnull", False), ("scanned", "unknown"), _connector="OR"
                        ),
                        name="historic_closure_scanned_of_a_merge",
                    ),
                    models.UniqueConstraint(
                        fields=("scope", "source", "key"), name="historic_closure_once"
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("asset", "scope"),
                        name="historic_closure_asset_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scopes_asset",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RangeDiff",
            fields=[
                ("id", ID),
                ("base_commit", models.CharField(max_length=64)),
                ("head_commit", models.CharField(max_length=64)),
                ("unparsed", models.JSONField(default=list)),
                ("source", models.CharField(max_length=8)),
                ("at", models.DateTimeField()),
                ("asset", to("scopes.asset")),
                ("diff", to("core.blob")),
                ("scope", to("scopes.scope")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["measured", "fetched"])),
                        name="range_diff_source",
                    ),
                    models.UniqueConstraint(
                        fields=("asset", "base_commit", "head_commit"), name="range_diff_once"
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("asset", "scope"),
                        name="range_diff_asset_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scopes_asset",
                    ),
                ],
            },
        ),
        migrations.RunPython(protect("scans_rangediff"), unprotect("scans_rangediff")),
    ]
