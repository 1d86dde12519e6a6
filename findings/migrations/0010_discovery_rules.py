import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints
from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_postponed_jobs"),
        ("core", "__first__"),
        ("findings", "0009_feeds"),
        ("scopes", "0003_teams"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="validationevidence",
            constraint=models.UniqueConstraint(
                fields=("id", "finding"), name="evidence_and_finding"
            ),
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=150)),
                ("content_type", models.CharField(max_length=40)),
                ("size", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "blob",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.blob",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="findings.validationevidence",
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="findings.finding",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("finding", "number"), name="attachment_number"),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1), ("number__lte", 20)),
                        name="attachment_so_many",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="attachment_has_a_name",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="attachment_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("evidence", "finding"),
                        name="attachment_evidence_of_finding",
                        to_columns=("id", "finding_id"),
                        to_table="findings_validationevidence",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DiscoveryRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("position", models.PositiveIntegerField()),
                ("conditions", models.JSONField()),
                ("actions", models.JSONField(default=dict)),
                ("sets_aside", models.CharField(default="", max_length=12)),
                ("to_member", models.BigIntegerField(null=True)),
                ("to_team", models.BigIntegerField(null=True)),
                ("reason", models.TextField(default="")),
                ("expires_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("alone", models.BooleanField(db_default=False, default=False)),
                ("approved_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_because", models.CharField(default="", max_length=8)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="next_versions",
                        to="findings.discoveryrule",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="discovery_rules",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["scope", "position", "id"],
                        name="discovery_rule_standing",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("ended_at__isnull", True), ("expires_at__isnull", False)
                        ),
                        fields=["expires_at"],
                        name="discovery_rule_expiring",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("replaces",),
                        name="discovery_rule_one_next_version",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sets_aside__in", ["", "noise", "out_of_scope"])),
                        name="discovery_rule_sets_aside",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_because__in", ["", "ended", "replaced", "expired"])
                        ),
                        name="discovery_rule_ended_because",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="discovery_rule_has_a_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("sets_aside", ""),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="discovery_rule_set_aside_with_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sets_aside", "noise"), _negated=True),
                            ("expires_at__isnull", False),
                            _connector="OR",
                        ),
                        name="discovery_rule_noise_until",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True),
                            ("expires_at__gt", models.F("created_at")),
                            _connector="OR",
                        ),
                        name="discovery_rule_expires_later",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("to_member__isnull", True), ("to_team__isnull", True), _connector="OR"
                        ),
                        name="discovery_rule_to_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at__isnull", True), ("approved_by__isnull", True)),
                            models.Q(
                                ("approved_at__isnull", False), ("approved_by__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="discovery_rule_approved_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("created_by")), _negated=True),
                            ("alone", True),
                            _connector="OR",
                        ),
                        name="discovery_rule_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True),
                                ("ended_because", ""),
                                ("ended_by__isnull", True),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ended_because", "expired"),
                                ("ended_by__isnull", True),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ended_because", "ended"),
                                ("ended_by__isnull", False),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ended_because", "replaced"),
                                ("ended_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="discovery_rule_ended_for_a_reason",
                    ),
                ],
            },
        ),
        # PostgreSQL writes the constraints of this table at the end; what points to it needs the key before
        migrations.AddConstraint(
            model_name="discoveryrule",
            constraint=models.UniqueConstraint(
                fields=("id", "scope"), name="discovery_rule_and_scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="discoveryrule",
            constraint=core.constraints.CompositeForeignKey(
                fields=("replaces", "scope"),
                name="discovery_rule_replaces_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_discoveryrule",
            ),
        ),
        migrations.CreateModel(
            name="AppliedRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("did", models.JSONField()),
                ("at", models.DateTimeField()),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "finding",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="applied_rules",
                        to="findings.finding",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applied",
                        to="findings.discoveryrule",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["rule", "id"], name="applied_rule_of_rule")],
                "constraints": [
                    models.UniqueConstraint(fields=("finding", "rule"), name="applied_rule_once"),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="applied_rule_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("rule", "scope"),
                        name="applied_rule_rule_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_discoveryrule",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FindingDispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("about", models.CharField(max_length=9)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                ("state", models.CharField(default="open", max_length=9)),
                ("answer", models.TextField(default="")),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
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
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="disputed",
                        to="findings.finding",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("finding", "about"),
                        name="finding_dispute_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("about__in", ["existence", "severity", "ownership"])),
                        name="finding_dispute_about",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["open", "upheld", "rejected", "withdrawn"])
                        ),
                        name="finding_dispute_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="finding_dispute_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answered_at__isnull", True), ("answered_by__isnull", True)),
                            models.Q(
                                ("answered_at__isnull", False), ("answered_by__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="finding_dispute_answered_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("answer", ""), ("answered_at__isnull", True), ("state", "open")
                            ),
                            models.Q(
                                ("answered_at__isnull", False),
                                ("state__in", ["upheld", "rejected"]),
                                models.Q(("answer", ""), _negated=True),
                                models.Q(("answered_by", models.F("by")), _negated=True),
                            ),
                            models.Q(
                                ("answered_at__isnull", False),
                                ("answered_by", models.F("by")),
                                ("state", "withdrawn"),
                            ),
                            _connector="OR",
                        ),
                        name="finding_dispute_state_tells",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="finding_dispute_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ScopeDecisionPolicy",
            fields=[
                (
                    "scope",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="decision_policy",
                        serialize=False,
                        to="scopes.scope",
                    ),
                ),
                ("dismissals_alone", models.BooleanField(default=False)),
                ("acceptances_alone", models.BooleanField(default=False)),
                ("rules_alone", models.BooleanField(default=False)),
                ("set_at", models.DateTimeField()),
                (
                    "set_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SeverityDecision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("severity", models.CharField(default="", max_length=8)),
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
                    "finding",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="severity_decisions",
                        to="findings.finding",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("severity__in", ["", "critical", "high", "medium", "low"])
                        ),
                        name="severity_decision_severity",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="severity_decision_has_a_reason",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="severity_decision_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "scope",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="finding_tags",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "name"), name="tag_once_in_scope"),
                    models.UniqueConstraint(fields=("id", "scope"), name="tag_and_scope"),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="tag_has_a_name"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FindingTag",
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
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tagged",
                        to="findings.finding",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="findings.discoveryrule",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tagged",
                        to="findings.tag",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("finding", "tag"), name="finding_tag_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("by__isnull", True), ("rule__isnull", False)),
                            models.Q(("by__isnull", False), ("rule__isnull", True)),
                            _connector="OR",
                        ),
                        name="finding_tag_by_somebody",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="finding_tag_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("tag", "scope"),
                        name="finding_tag_tag_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_tag",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("rule", "scope"),
                        name="finding_tag_rule_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_discoveryrule",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="dismissal",
            name="dismissal_two_people",
        ),
        migrations.RemoveConstraint(
            model_name="riskacceptance",
            name="risk_acceptance_two_people",
        ),
        migrations.RemoveConstraint(
            model_name="validationevidence",
            name="validation_evidence_kind",
        ),
        migrations.AddField(
            model_name="dismissal",
            name="alone",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="riskacceptance",
            name="alone",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddConstraint(
            model_name="dismissal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("requested_by")), _negated=True),
                    ("alone", True),
                    _connector="OR",
                ),
                name="dismissal_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="riskacceptance",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("requested_by")), _negated=True),
                    ("alone", True),
                    _connector="OR",
                ),
                name="risk_acceptance_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="validationevidence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "note",
                            "proof_of_concept",
                            "reachability",
                            "exploitability_claim",
                            "duplicate_proof",
                        ],
                    )
                ),
                name="validation_evidence_kind",
            ),
        ),
        migrations.RunPython(
            protect("findings_discoveryrule"), unprotect("findings_discoveryrule")
        ),
    ]
