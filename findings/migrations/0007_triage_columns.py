import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints
from findings.tallies import start_counting, stop_counting


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0006_lists_by_index"),
        ("scopes", "0003_teams"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, start_counting),
        migrations.RunPython(stop_counting, migrations.RunPython.noop),
        migrations.AddField(
            model_name="finding",
            name="cvss",
            field=models.CharField(db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="finding",
            name="decided_severity",
            field=models.CharField(db_default="", max_length=8),
        ),
        migrations.AddField(
            model_name="finding",
            name="due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="owned_by",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="scopes.team",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="set_aside",
            field=models.CharField(db_default="", max_length=12),
        ),
        migrations.AddField(
            model_name="finding",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="findings",
                to="scopes.team",
            ),
        ),
        migrations.AddField(
            model_name="tally",
            name="set_aside",
            field=models.CharField(default="", max_length=12),
        ),
        migrations.AddField("tally", "tool_class", models.CharField(default="", max_length=10)),
        migrations.AlterField(
            model_name="finding",
            name="duplicate_of",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="duplicates",
                to="findings.finding",
            ),
        ),
        migrations.CreateModel(
            name="FindingGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
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
            ],
        ),
        migrations.AddConstraint(
            model_name="findinggroup",
            constraint=models.UniqueConstraint(fields=("id", "scope"), name="group_and_scope"),
        ),
        migrations.AddField(
            model_name="finding",
            name="group",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="findings",
                to="findings.findinggroup",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(
                    ("due_at__isnull", False),
                    (
                        "status__in",
                        [
                            "discovered",
                            "prioritized",
                            "validated",
                            "mobilizing",
                            "awaiting_verification",
                        ],
                    ),
                ),
                fields=["due_at", "id"],
                name="finding_due",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("group__isnull", False)),
                fields=["group"],
                name="finding_of_group",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("owned_by__isnull", False)),
                fields=["owned_by"],
                name="finding_owned_by",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("team__isnull", False)), fields=["team"], name="finding_of_team"
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(("ssvc__in", ["track", "track*", "attend", "act"])),
                name="finding_ssvc",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(("set_aside__in", ["", "noise", "out_of_scope"])),
                name="finding_set_aside",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_severity", ""),
                    ("decided_severity", models.F("severity")),
                    _connector="OR",
                ),
                name="finding_severity_as_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("group", "scope"),
                name="finding_group_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_findinggroup",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("owned_by", "scope"),
                name="finding_owner_in_scope",
                to_columns=("id", "scope_id"),
                to_table="scopes_team",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("team", "scope"),
                name="finding_team_in_scope",
                to_columns=("id", "scope_id"),
                to_table="scopes_team",
            ),
        ),
        migrations.RunPython(start_counting, stop_counting),
    ]
