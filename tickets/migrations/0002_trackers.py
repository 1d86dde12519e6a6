import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0013_moved_in"),
        ("scopes", "0006_priority_policies"),
        ("tickets", "0001_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TrackerConnection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=10)),
                ("name", models.CharField(max_length=80)),
                ("base", models.CharField(max_length=200)),
                ("project", models.CharField(max_length=200)),
                ("account", models.CharField(default="", max_length=200)),
                ("hook", models.CharField(max_length=40, unique=True)),
                ("sealed_key", models.TextField()),
                ("sealed_secret", models.TextField()),
                ("sealed_old_secret", models.TextField(default="")),
                ("old_secret_until", models.DateTimeField(null=True)),
                ("mapping", models.JSONField(default=dict)),
                ("reopens", models.CharField(default="always", max_length=6)),
                ("rule", models.JSONField(default=dict)),
                ("state", models.CharField(default="active", max_length=7)),
                ("problem", models.CharField(default="", max_length=300)),
                ("who", models.CharField(default="", max_length=200)),
                ("cursor", models.BigIntegerField()),
                ("lease", models.BigIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("rest_until", models.DateTimeField(null=True)),
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
                        related_name="trackers",
                        to="scopes.scope",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("marker", models.CharField(max_length=40, unique=True)),
                ("external_id", models.CharField(default="", max_length=64)),
                ("key", models.CharField(default="", max_length=64)),
                ("address", models.CharField(default="", max_length=500)),
                ("state", models.CharField(default="waiting", max_length=8)),
                ("status", models.CharField(default="", max_length=100)),
                ("version", models.CharField(default="", max_length=60)),
                ("told_status", models.CharField(default="", max_length=22)),
                ("told_band", models.CharField(default="", max_length=2)),
                ("problem", models.CharField(default="", max_length=300)),
                ("asked_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("rung_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
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
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="tickets.trackerconnection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TrackerMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("delivery", models.CharField(max_length=100)),
                ("event", models.CharField(max_length=60)),
                ("external_id", models.CharField(default="", max_length=64)),
                ("state", models.CharField(max_length=7)),
                ("received_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="tickets.trackerconnection",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["jira", "github", "gitlab", "servicenow"])),
                name="tracker_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("reopens__in", ["always", "never"])), name="tracker_reopens"
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["active", "refused", "ended"])),
                name="tracker_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                    models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                    _connector="OR",
                ),
                name="tracker_ended_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.CheckConstraint(
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
                        models.Q(("sealed_key", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="tracker_ended_tells",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("old_secret_until__isnull", True), ("sealed_old_secret", "")),
                    models.Q(
                        models.Q(("sealed_old_secret", ""), _negated=True),
                        ("old_secret_until__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="tracker_old_secret_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.UniqueConstraint(
                fields=("scope", "name"), name="tracker_name_in_scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.UniqueConstraint(fields=("id", "scope"), name="tracker_and_scope"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["connection", "read_at"], name="ticket_read_longest_ago"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["waiting", "open", "closed", "failed", "unlinked"])
                ),
                name="ticket_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["open", "closed"]), _negated=True),
                    models.Q(
                        models.Q(("external_id", ""), _negated=True),
                        models.Q(("key", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="ticket_there_has_an_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("state__in", ["failed", "unlinked"])),
                    models.Q(
                        models.Q(("state__in", ["failed", "unlinked"]), _negated=True),
                        ("ended_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="ticket_over_tells",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["failed", "unlinked"]), _negated=True),
                fields=("connection", "finding"),
                name="ticket_once_a_finding",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("external_id", ""), _negated=True),
                    models.Q(("state__in", ["failed", "unlinked"]), _negated=True),
                ),
                fields=("connection", "external_id"),
                name="ticket_once_linked",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.UniqueConstraint(fields=("id", "scope"), name="ticket_and_scope"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=core.constraints.CompositeForeignKey(
                fields=("connection", "scope"),
                name="ticket_connection_in_scope",
                to_columns=("id", "scope_id"),
                to_table="tickets_trackerconnection",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=core.constraints.CompositeForeignKey(
                fields=("finding", "scope"),
                name="ticket_finding_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_finding",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackermessage",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["rang", "ignored"])), name="tracker_message_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="trackermessage",
            constraint=models.UniqueConstraint(
                fields=("connection", "delivery"), name="tracker_message_once"
            ),
        ),
        migrations.CreateModel(
            name="TicketStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq", models.BigIntegerField()),
                ("kind", models.CharField(max_length=7)),
                ("plan", models.JSONField(default=dict)),
                ("marker", models.CharField(max_length=40, unique=True)),
                ("state", models.CharField(default="waiting", max_length=7)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("note", models.CharField(default="", max_length=300)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "scope",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="tickets.ticket",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["ticket", "id"],
                        name="step_waiting",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ["create", "adopt", "comment", "fields", "close", "reopen"],
                            )
                        ),
                        name="step_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "done", "failed"])),
                        name="step_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True),
                                ("next_attempt_at__isnull", False),
                                ("state", "waiting"),
                            ),
                            models.Q(
                                models.Q(("state", "waiting"), _negated=True),
                                ("ended_at__isnull", False),
                                ("next_attempt_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="step_waits_or_has_ended",
                    ),
                    models.UniqueConstraint(
                        fields=("ticket", "seq", "kind"), name="step_once_an_event"
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("ticket", "scope"),
                        name="step_ticket_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="tickets_ticket",
                    ),
                ],
            },
        ),
    ]
