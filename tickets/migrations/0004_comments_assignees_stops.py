import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_kept_answers"),
        ("findings", "0013_moved_in"),
        ("scopes", "0008_service_accounts"),
        ("tickets", "0003_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # The column keeps its name: only a finding calls its state "status" in code.
        migrations.AlterField(
            model_name="ticket",
            name="status",
            field=models.CharField(db_column="status", default="", max_length=100),
        ),
        migrations.RenameField(model_name="ticket", old_name="status", new_name="status_there"),
        migrations.CreateModel(
            name="TicketRemark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("external_id", models.CharField(max_length=64)),
                ("heard_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="notice",
            name="notice_kind",
        ),
        migrations.RemoveConstraint(
            model_name="noticesetting",
            name="noticesetting_kind",
        ),
        migrations.RemoveConstraint(
            model_name="ticketstep",
            name="step_kind",
        ),
        migrations.AddField(
            model_name="ticket",
            name="assignee",
            field=models.CharField(db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="ticket",
            name="assignee_key",
            field=models.CharField(db_default="", default="", max_length=128),
        ),
        migrations.AddField(
            model_name="ticket",
            name="heard_version",
            field=models.CharField(db_default="", default="", max_length=60),
        ),
        migrations.AddField(
            model_name="ticket",
            name="told_to",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="trackerconnection",
            name="comments",
            field=models.CharField(db_default="none", default="both", max_length=4),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "assigned",
                            "verification_failed",
                            "due",
                            "acceptance_ends",
                            "stopped",
                            "mention",
                        ],
                    )
                ),
                name="notice_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticesetting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "assigned",
                            "verification_failed",
                            "due",
                            "acceptance_ends",
                            "stopped",
                            "mention",
                        ],
                    )
                ),
                name="noticesetting_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticketstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ["create", "adopt", "comment", "fields", "assign", "close", "reopen"],
                    )
                ),
                name="step_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackerconnection",
            constraint=models.CheckConstraint(
                condition=models.Q(("comments__in", ["none", "both"])), name="tracker_comments"
            ),
        ),
        migrations.AddField(
            model_name="ticketremark",
            name="comment",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="findings.comment",
            ),
        ),
        migrations.AddField(
            model_name="ticketremark",
            name="ticket",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="remarks",
                to="tickets.ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticketremark",
            constraint=models.UniqueConstraint(
                fields=("ticket", "external_id"), name="remark_heard_once"
            ),
        ),
    ]
