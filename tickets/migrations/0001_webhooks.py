import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_postponed_jobs"),
        ("core", "__first__"),
        ("scopes", "0006_priority_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("url", models.CharField(max_length=1000)),
                ("actions", models.JSONField(default=list)),
                ("payload", models.CharField(default="thin", max_length=4)),
                ("sealed_for", models.CharField(max_length=40, unique=True)),
                ("sealed_secret", models.TextField()),
                ("sealed_old_secret", models.TextField(default="")),
                ("old_secret_until", models.DateTimeField(null=True)),
                ("state", models.CharField(default="on", max_length=8)),
                ("reason", models.CharField(default="", max_length=300)),
                ("cursor", models.BigIntegerField()),
                ("last_number", models.BigIntegerField(default=0)),
                ("lease", models.BigIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
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
                        related_name="webhooks",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["on", "off", "disabled", "ended"])),
                        name="webhook_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("payload__in", ["thin", "full"])),
                        name="webhook_payload",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="webhook_ended_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False),
                                ("sealed_secret", ""),
                                ("state", "ended"),
                            ),
                            models.Q(
                                models.Q(("state", "ended"), _negated=True),
                                ("ended_at__isnull", True),
                                models.Q(("sealed_secret", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="webhook_ended_tells",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state", "disabled"), models.Q(("reason", ""), _negated=True)
                            ),
                            models.Q(
                                models.Q(("state", "disabled"), _negated=True), ("reason", "")
                            ),
                            _connector="OR",
                        ),
                        name="webhook_disabled_tells_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("old_secret_until__isnull", True), ("sealed_old_secret", "")),
                            models.Q(
                                models.Q(("sealed_old_secret", ""), _negated=True),
                                ("old_secret_until__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="webhook_old_secret_ends",
                    ),
                    models.UniqueConstraint(fields=("scope", "name"), name="webhook_name_in_scope"),
                    models.UniqueConstraint(fields=("id", "scope"), name="webhook_and_scope"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField()),
                ("seq", models.BigIntegerField(null=True)),
                ("action", models.CharField(max_length=60)),
                ("payload", models.CharField(max_length=4)),
                ("message_id", models.CharField(max_length=40, unique=True)),
                ("lane", models.CharField(default="order", max_length=5)),
                ("state", models.CharField(default="waiting", max_length=7)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("last_status", models.PositiveSmallIntegerField(null=True)),
                ("note", models.TextField(default="")),
                ("took_ms", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("attempted_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "event",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.event",
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
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="tickets.webhookendpoint",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("payload__in", ["thin", "full"])),
                        name="delivery_payload",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lane__in", ["order", "hand"])), name="delivery_lane"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "sent", "failed"])),
                        name="delivery_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("event__isnull", True), ("seq__isnull", True)),
                            models.Q(("event__isnull", False), ("seq__isnull", False)),
                            _connector="OR",
                        ),
                        name="delivery_of_an_event_or_a_test",
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
                        name="delivery_waits_or_has_ended",
                    ),
                    models.UniqueConstraint(fields=("endpoint", "number"), name="delivery_number"),
                    models.UniqueConstraint(
                        fields=("endpoint", "seq"), name="delivery_once_an_event"
                    ),
                    core.constraints.CompositeForeignKey(
                        fields=("endpoint", "scope"),
                        name="delivery_endpoint_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="tickets_webhookendpoint",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["endpoint", "lane", "number"],
                        name="delivery_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("state", "waiting"), _negated=True),
                        fields=["ended_at"],
                        name="delivery_over",
                    ),
                ],
            },
        ),
    ]
