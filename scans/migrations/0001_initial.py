import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
        ("core", "__first__"),
        ("findings", "0001_initial"),
        ("remediations", "0001_initial"),
        ("scopes", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Scan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("purpose", models.CharField(max_length=8)),
                ("upload_key", models.CharField(max_length=64)),
                ("facts", models.JSONField(default=dict)),
                ("recipe", models.JSONField(default=dict)),
                ("source", models.CharField(default="declared", max_length=8)),
                ("commit", models.CharField(default="", max_length=64)),
                ("tree", models.CharField(default="", max_length=64)),
                ("tool", models.CharField(default="", max_length=120)),
                ("tool_version", models.CharField(default="", max_length=80)),
                ("tool_class", models.CharField(default="", max_length=10)),
                ("category", models.CharField(default="", max_length=200)),
                ("state", models.CharField(default="received", max_length=11)),
                ("progress_done", models.PositiveIntegerField(default=0)),
                ("progress_total", models.PositiveIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                ("problems", models.JSONField(default=list)),
                ("error", models.TextField(default="")),
                ("log", models.TextField(default="")),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scans",
                        to="scopes.asset",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scans",
                        to="scopes.line",
                    ),
                ),
                (
                    "raw",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.blob",
                    ),
                ),
                (
                    "remediation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scans",
                        to="remediations.remediation",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scans",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["asset", "commit"], name="scan_of_commit")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "upload_key"), name="scan_once_per_upload"
                    ),
                    models.UniqueConstraint(fields=("id", "scope"), name="scan_and_scope"),
                    models.CheckConstraint(
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
                                ],
                            )
                        ),
                        name="scan_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["line", "fix", "control"])),
                        name="scan_purpose",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("source__in", ["measured", "attested", "fetched", "declared"])
                        ),
                        name="scan_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("line__isnull", False),
                                ("purpose", "line"),
                                ("remediation__isnull", True),
                            ),
                            models.Q(
                                ("line__isnull", True),
                                ("purpose__in", ["fix", "control"]),
                                ("remediation__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="scan_purpose_has_its_target",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("asset", "scope"),
                        name="scan_asset_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scopes_asset",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("line", "asset"),
                        name="scan_line_of_asset",
                        to_columns=("id", "asset_id"),
                        to_table="scopes_line",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("remediation", "scope"),
                        name="scan_remediation_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="remediations_remediation",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tool",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120, unique=True)),
                ("tool_class", models.CharField(max_length=10)),
                ("vendor", models.CharField(default="", max_length=120)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
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
                        name="tool_class",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("verdict", models.CharField(max_length=7)),
                ("safe", models.CharField(max_length=7)),
                ("right", models.CharField(max_length=7)),
                ("tier", models.CharField(max_length=6)),
                ("with_merge", models.BooleanField()),
                ("head_commit", models.CharField(max_length=64)),
                ("judgement", models.JSONField()),
                ("judgement_sha256", models.CharField(max_length=64)),
                ("inputs", models.JSONField()),
                ("at", models.DateTimeField()),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verifications",
                        to="findings.finding",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.policy",
                    ),
                ),
                (
                    "remediation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verifications",
                        to="remediations.remediation",
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
                (
                    "supersedes",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="scans.verification",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["finding", "-id"], name="verification_of_finding")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("id", "finding", "remediation", "verdict", "with_merge"),
                        name="verification_as_cleared",
                    ),
                    models.UniqueConstraint(fields=("id", "scope"), name="verification_and_scope"),
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["pass", "fail", "unknown"])),
                        name="verification_verdict",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("safe__in", ["pass", "fail", "unknown"])),
                        name="verification_safe",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("right__in", ["pass", "fail", "unknown"])),
                        name="verification_right",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("verdict", "pass"), _negated=True),
                            models.Q(("right", "pass"), ("safe", "pass")),
                            _connector="OR",
                        ),
                        name="verification_passes_with_both_lamps",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("remediation", "finding", "scope"),
                        name="verification_of_addressed_finding",
                        to_columns=("remediation_id", "finding_id", "scope_id"),
                        to_table="remediations_remediationfinding",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Disposition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rule", models.CharField(max_length=300)),
                ("path", models.CharField(max_length=1000)),
                ("line", models.PositiveIntegerField(null=True)),
                ("decision", models.CharField(max_length=14)),
                ("reason", models.TextField()),
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
                    "verification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispositions",
                        to="scans.verification",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("decision__in", ["accepted", "false_positive"])),
                        name="disposition_decision",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Clearance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("verdict", models.CharField(default="pass", max_length=7)),
                ("with_merge", models.BooleanField(default=True)),
                ("certificate", models.TextField()),
                ("key_id", models.CharField(max_length=64)),
                ("issued_at", models.DateTimeField()),
                ("live", models.BooleanField(default=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("revoked_reason", models.TextField(default="")),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clearances",
                        to="findings.finding",
                    ),
                ),
                (
                    "gate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.blob",
                    ),
                ),
                (
                    "remediation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clearances",
                        to="remediations.remediation",
                    ),
                ),
                (
                    "revoked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "verification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clearances",
                        to="scans.verification",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("live", True)),
                        fields=("finding",),
                        name="clearance_one_live",
                    ),
                    models.UniqueConstraint(
                        fields=("id", "finding", "live"), name="clearance_as_held"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verdict", "pass")), name="clearance_of_a_pass"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("with_merge", True)), name="clearance_of_merged"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("live", True), ("revoked_at__isnull", True), ("revoked_reason", "")
                            ),
                            models.Q(
                                ("live", False),
                                ("revoked_at__isnull", False),
                                models.Q(("revoked_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="clearance_live_or_revoked",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("verification", "finding", "remediation", "verdict", "with_merge"),
                        name="clearance_verification_passed",
                        to_columns=("id", "finding_id", "remediation_id", "verdict", "with_merge"),
                        to_table="scans_verification",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="clearance_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VerificationScan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("role", models.CharField(max_length=7)),
                (
                    "scan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verification_roles",
                        to="scans.scan",
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
                (
                    "verification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scan_roles",
                        to="scans.verification",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("verification", "scan", "role"), name="scan_role_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["before", "after", "control"])),
                        name="verification_scan_role",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("verification", "scope"),
                        name="role_verification_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scans_verification",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("scan", "scope"),
                        name="role_scan_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scans_scan",
                    ),
                ],
            },
        ),
    ]
