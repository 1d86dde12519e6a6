import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_postponed_jobs"),
        ("core", "__first__"),
        ("findings", "0013_moved_in"),
        ("remediations", "0011_board_by_index"),
        ("scopes", "0003_teams"),
    ]

    operations = [
        migrations.CreateModel(
            name="Proposal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=6)),
                ("place", models.CharField(default="", max_length=300)),
                ("tool", models.CharField(default="", max_length=120)),
                ("rule", models.CharField(default="", max_length=300)),
                ("title", models.CharField(max_length=300)),
                ("description", models.TextField(default="")),
                ("digest", models.CharField(max_length=64)),
                ("files", models.PositiveIntegerField()),
                ("base_commit", models.CharField(default="", max_length=64)),
                ("origin", models.CharField(default="unknown", max_length=12)),
                ("agent", models.CharField(default="", max_length=120)),
                ("model", models.CharField(default="", max_length=120)),
                ("confidence", models.CharField(default="", max_length=6)),
                ("signals", models.JSONField(default=list)),
                ("state", models.CharField(default="offered", max_length=8)),
                ("reason", models.TextField(default="")),
                ("decided_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="scopes.asset",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "diff",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.blob",
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.line",
                    ),
                ),
                (
                    "remediation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="remediations.remediation",
                    ),
                ),
                (
                    "replacements",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.blob",
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
                "constraints": [
                    models.UniqueConstraint(fields=("line", "digest"), name="proposal_once"),
                    models.UniqueConstraint(fields=("id", "scope"), name="proposal_and_scope"),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["codetf", "sarif", "diff"])),
                        name="proposal_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["offered", "taken", "declined"])),
                        name="proposal_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "origin__in",
                                ["human", "ai_assisted", "ai_generated", "automation", "unknown"],
                            )
                        ),
                        name="proposal_origin",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("confidence__in", ["", "low", "medium", "high"])),
                        name="proposal_confidence",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("decided_by__isnull", True)),
                            models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="proposal_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("diff__isnull", False),
                            ("replacements__isnull", False),
                            _connector="OR",
                        ),
                        name="proposal_has_a_change",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True),
                                ("reason", ""),
                                ("remediation__isnull", True),
                                ("state", "offered"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("reason", ""),
                                ("remediation__isnull", False),
                                ("state", "taken"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("remediation__isnull", True),
                                ("state", "declined"),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="proposal_state_tells",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("asset", "scope"),
                        name="proposal_asset_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scopes_asset",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("line", "asset"),
                        name="proposal_line_of_asset",
                        to_columns=("id", "asset_id"),
                        to_table="scopes_line",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("remediation", "scope"),
                        name="proposal_remediation_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="remediations_remediation",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProposalFinding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sure", models.CharField(max_length=8)),
                ("reason", models.CharField(max_length=300)),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposed",
                        to="findings.finding",
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="named",
                        to="remediations.proposal",
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("proposal", "finding"), name="proposal_finding_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sure__in", ["exact", "likely", "possible"])),
                        name="proposal_finding_sure",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("proposal", "scope"),
                        name="proposal_finding_proposal_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="remediations_proposal",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="proposal_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="proposal",
            name="findings",
            field=models.ManyToManyField(
                related_name="proposals",
                through="remediations.ProposalFinding",
                through_fields=("proposal", "finding"),
                to="findings.finding",
            ),
        ),
    ]
