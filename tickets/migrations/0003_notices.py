from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def begin_now(apps: Any, schema_editor: Any) -> None:
    """What happened before is told to nobody: each scope begins at the end of its chain."""
    alias = schema_editor.connection.alias
    heads = dict(
        apps.get_model("core", "ChainHead").objects.using(alias).values_list("chain", "seq")
    )
    scopes = apps.get_model("scopes", "Scope").objects.using(alias).values_list("pk", flat=True)
    cursors = apps.get_model("tickets", "NoticeCursor")
    cursors.objects.using(alias).bulk_create(
        cursors(scope_id=pk, cursor=heads.get(f"scope:{pk}", 0)) for pk in scopes
    )


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_postponed_jobs"),
        ("scopes", "0008_service_accounts"),
        ("tickets", "0002_trackers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeCursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("cursor", models.BigIntegerField()),
                (
                    "scope",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("channel", models.CharField(max_length=5)),
                ("pace", models.CharField(max_length=6)),
                ("findings", models.JSONField(default=list)),
                ("count", models.PositiveIntegerField()),
                ("message_id", models.CharField(max_length=40, unique=True)),
                ("state", models.CharField(default="waiting", max_length=7)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("lease", models.BigIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("note", models.TextField(default="")),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "event",
                    models.ForeignKey(
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
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["next_attempt_at"],
                        name="notice_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("state", "waiting"), _negated=True),
                        fields=["ended_at"],
                        name="notice_over",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "assigned",
                                    "verification_failed",
                                    "due",
                                    "acceptance_ends",
                                    "mention",
                                ],
                            )
                        ),
                        name="notice_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["mail", "slack", "teams"])),
                        name="notice_channel",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pace__in", ["now", "digest"])), name="notice_pace"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "sent", "failed", "dropped"])),
                        name="notice_state",
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
                        name="notice_waits_or_has_ended",
                    ),
                    models.UniqueConstraint(
                        fields=("event", "user", "channel"), name="notice_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NoticePreferences",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("digest_hour", models.PositiveSmallIntegerField(default=8)),
                ("sealed_for", models.CharField(max_length=40, unique=True)),
                ("sealed_slack", models.TextField(default="")),
                ("sealed_teams", models.TextField(default="")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notice_preferences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("digest_hour__lte", 23)), name="notice_digest_hour"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="NoticeSetting",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("channel", models.CharField(max_length=5)),
                ("pace", models.CharField(max_length=6)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notice_settings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "assigned",
                                    "verification_failed",
                                    "due",
                                    "acceptance_ends",
                                    "mention",
                                ],
                            )
                        ),
                        name="noticesetting_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["mail", "slack", "teams"])),
                        name="noticesetting_channel",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pace__in", ["now", "digest"])),
                        name="noticesetting_pace",
                    ),
                    models.UniqueConstraint(
                        fields=("user", "kind", "channel"), name="noticesetting_once"
                    ),
                ],
            },
        ),
        migrations.RunPython(begin_now, migrations.RunPython.noop),
    ]
