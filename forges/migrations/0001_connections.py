import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("core", "__first__"),
        ("findings", "0002_clearance"),
        ("remediations", "0007_host_reviews"),
        ("scans", "0005_own_recipes_and_schedules"),
        ("scopes", "0002_pipeline_identities"),
    ]

    operations = [
        migrations.CreateModel(
            name="Connection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("forge", models.CharField(max_length=6)),
                ("name", models.CharField(max_length=80)),
                ("api", models.CharField(max_length=200)),
                ("account", models.CharField(max_length=200)),
                ("include", models.JSONField(default=list)),
                ("release_branches", models.JSONField(default=list)),
                ("mode", models.CharField(default="warn", max_length=7)),
                ("sign_in", models.CharField(max_length=5)),
                ("app_id", models.CharField(default="", max_length=40)),
                ("installation", models.CharField(default="", max_length=40)),
                ("sealed_key", models.TextField()),
                ("hook", models.CharField(max_length=40, unique=True)),
                ("sealed_secret", models.TextField()),
                ("sealed_old_secret", models.TextField(default="")),
                ("old_secret_until", models.DateTimeField(null=True)),
                ("state", models.CharField(default="active", max_length=7)),
                ("problem", models.TextField(default="")),
                ("asked_at", models.DateTimeField(null=True)),
                ("looked_at", models.DateTimeField(null=True)),
                ("message_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "actor",
                    models.ForeignKey(
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
                    "scope",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="connections",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "name"), name="connection_name_in_scope"
                    ),
                    models.UniqueConstraint(fields=("id", "scope"), name="connection_and_scope"),
                    models.CheckConstraint(
                        condition=models.Q(("forge__in", ["github", "gitlab"])),
                        name="connection_forge",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["observe", "warn", "block"])),
                        name="connection_mode",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sign_in__in", ["app", "token"])),
                        name="connection_sign_in",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["active", "refused", "ended"])),
                        name="connection_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="connection_ended_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False),
                                ("sealed_key", ""),
                                ("sealed_secret", ""),
                                ("state", "ended"),
                            ),
                            models.Q(
                                models.Q(("state", "ended"), _negated=True),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="connection_ended_tells",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HostPerson",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("login", models.CharField(max_length=200)),
                ("mention", models.CharField(max_length=400)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="people",
                        to="forges.connection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "login"), name="host_person_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="InboundMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("delivery", models.CharField(max_length=100)),
                ("event", models.CharField(max_length=60)),
                ("about", models.CharField(max_length=20)),
                ("repository", models.CharField(default="", max_length=40)),
                ("number", models.PositiveIntegerField(null=True)),
                ("ref", models.CharField(default="", max_length=250)),
                ("commit", models.CharField(default="", max_length=64)),
                ("state", models.CharField(max_length=7)),
                ("received_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="forges.connection",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["connection", "-id"], name="message_newest")],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "delivery"), name="message_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["rang", "ignored"])),
                        name="inbound_message_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Repository",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("host_id", models.CharField(max_length=40)),
                ("full_name", models.CharField(max_length=200)),
                ("default_branch", models.CharField(max_length=200)),
                ("web_url", models.CharField(default="", max_length=500)),
                ("clone_url", models.CharField(default="", max_length=500)),
                ("pushed_at", models.CharField(default="", max_length=40)),
                ("looked_push", models.CharField(default="", max_length=40)),
                ("asked_at", models.DateTimeField(null=True)),
                ("looked_at", models.DateTimeField(null=True)),
                ("alerts_until", models.CharField(default="", max_length=40)),
                ("problem", models.TextField(default="")),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="repositories",
                        to="scopes.asset",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="repositories",
                        to="forges.connection",
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
                    models.Index(fields=["connection", "full_name"], name="repository_by_name")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "host_id"), name="repository_once"
                    ),
                    models.UniqueConstraint(fields=("id", "scope"), name="repository_and_scope"),
                    core.constraints.CompositeForeignKey(
                        fields=("connection", "scope"),
                        name="repository_connection_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="forges_connection",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("asset", "scope"),
                        name="repository_asset_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scopes_asset",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PullRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("title", models.CharField(default="", max_length=300)),
                ("url", models.CharField(default="", max_length=500)),
                ("state", models.CharField(default="open", max_length=6)),
                ("head_commit", models.CharField(default="", max_length=64)),
                ("asked_at", models.DateTimeField(null=True)),
                ("followed_at", models.DateTimeField(null=True)),
                ("problem", models.TextField(default="")),
                ("shown", models.JSONField(default=dict)),
                ("shown_verification", models.BigIntegerField(default=0)),
                (
                    "remediation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pulls",
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
                    "repository",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pulls",
                        to="forges.repository",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("repository", "number"), name="pull_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "closed", "merged"])),
                        name="pull_state",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("repository", "scope"),
                        name="pull_repository_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="forges_repository",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("remediation", "scope"),
                        name="pull_remediation_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="remediations_remediation",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="KnownAnalysis",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("host_id", models.CharField(max_length=200)),
                ("ref", models.CharField(max_length=250)),
                ("commit", models.CharField(max_length=64)),
                ("tool", models.CharField(max_length=120)),
                ("category", models.CharField(default="", max_length=200)),
                ("workflow", models.CharField(default="", max_length=300)),
                ("made_at", models.CharField(default="", max_length=40)),
                ("state", models.CharField(default="seen", max_length=5)),
                ("listed", models.JSONField()),
                ("note", models.CharField(default="", max_length=300)),
                (
                    "scan",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="analyses",
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
                    "repository",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="analyses",
                        to="forges.repository",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["repository", "commit"], name="analysis_of_commit")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("repository", "host_id"), name="analysis_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["seen", "taken", "left"])),
                        name="analysis_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("scan__isnull", False), ("state", "taken")),
                            models.Q(
                                models.Q(("state", "taken"), _negated=True), ("scan__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="analysis_taken_as_a_scan",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("repository", "scope"),
                        name="analysis_repository_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="forges_repository",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("scan", "scope"),
                        name="analysis_scan_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="scans_scan",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HostAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=40)),
                ("state", models.CharField(max_length=9)),
                ("tool", models.CharField(max_length=120)),
                ("rule", models.CharField(max_length=300)),
                ("path", models.CharField(default="", max_length=1000)),
                ("line", models.PositiveIntegerField(null=True)),
                ("url", models.CharField(default="", max_length=500)),
                ("dismissed_by", models.CharField(default="", max_length=200)),
                ("dismissed_at", models.CharField(default="", max_length=40)),
                ("dismissed_reason", models.CharField(default="", max_length=200)),
                ("dismissed_comment", models.TextField(default="")),
                ("updated_at", models.CharField(default="", max_length=40)),
                (
                    "finding",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="host_alerts",
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
                (
                    "repository",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="forges.repository",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("repository", "number"), name="host_alert_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "dismissed", "fixed"])),
                        name="host_alert_state",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("repository", "scope"),
                        name="host_alert_repository_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="forges_repository",
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="host_alert_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                ],
            },
        ),
    ]
