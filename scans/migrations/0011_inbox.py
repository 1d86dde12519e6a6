import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


def _key(to, **more):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=to, **more
    )


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_postponed_jobs"),
        ("scans", "0010_import_tests"),
        ("scopes", "0004_scoping"),
        ("remediations", "0012_proposals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InboxReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("asset_name", models.CharField(blank=True, default="", max_length=200)),
                ("repository", models.CharField(blank=True, default="", max_length=500)),
                ("line", models.CharField(blank=True, default="", max_length=200)),
                ("facts", models.JSONField(default=dict)),
                ("upload_key", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField()),
                ("state", models.CharField(default="waiting", max_length=8)),
                ("scan_id", models.BigIntegerField(null=True)),
                ("reason", models.TextField(blank=True, default="")),
                ("decided_at", models.DateTimeField(null=True)),
                ("asset", _key("scopes.asset", null=True)),
                ("created_by", _key(settings.AUTH_USER_MODEL)),
                ("decided_by", _key(settings.AUTH_USER_MODEL, null=True)),
                ("raw", _key("core.blob")),
                ("scope", _key("scopes.scope")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["scope", "id"],
                        name="inbox_waiting",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "placed", "rejected"])),
                        name="inbox_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("decided_by__isnull", True)),
                            models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="inbox_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asset_name", ""), _negated=True),
                            models.Q(("repository", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="inbox_names_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("asset__isnull", True),
                                ("decided_at__isnull", True),
                                ("reason", ""),
                                ("scan_id__isnull", True),
                                ("state", "waiting"),
                            ),
                            models.Q(
                                ("asset__isnull", False),
                                ("decided_at__isnull", False),
                                ("reason", ""),
                                ("scan_id__isnull", False),
                                ("state", "placed"),
                            ),
                            models.Q(
                                ("asset__isnull", True),
                                ("decided_at__isnull", False),
                                ("scan_id__isnull", True),
                                ("state", "rejected"),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="inbox_as_decided",
                    ),
                    models.UniqueConstraint(
                        fields=("scope", "upload_key"), name="inbox_once_per_upload"
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("asset", "scope"),
                        name="inbox_asset_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scopes_asset",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("scan_id", "scope"),
                        name="inbox_scan_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scans_scan",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="scan",
            index=models.Index(
                condition=models.Q(("state__in", ["failed", "quarantined"])),
                fields=["asset"],
                name="scan_without_result",
            ),
        ),
    ]
