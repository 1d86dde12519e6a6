import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from findings.tallies import start_counting, stop_counting
from findings.weaknesses import start_indexing, stop_indexing


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0005_tallies"),
        ("scopes", "0002_pipeline_identities"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, start_counting),
        migrations.RunPython(stop_counting, migrations.RunPython.noop),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_queue",
        ),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_assigned_to",
        ),
        migrations.AddField(
            model_name="tally",
            name="priority_score",
            field=models.SmallIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="finding",
            name="asset",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="scopes.asset",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["-priority_score", "-id"], name="finding_urgent"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                fields=["scope", "-priority_score", "-id"], name="finding_urgent_of_scope"
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                fields=["asset", "-priority_score", "-id"], name="finding_urgent_of_asset"
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                fields=["rule", "-priority_score", "-id"], name="finding_urgent_of_rule"
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("assigned_to__isnull", False)),
                fields=["assigned_to", "-priority_score", "-id"],
                name="finding_urgent_of_person",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["first_seen_at", "id"], name="finding_by_age"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["status_since", "id"], name="finding_by_stage"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                fields=["path"], name="finding_by_path", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("status", "awaiting_verification")),
                fields=["claimed_at", "id"],
                name="finding_claimed",
            ),
        ),
        migrations.AddIndex(
            model_name="riskacceptance",
            index=models.Index(fields=["until"], name="risk_acceptance_until"),
        ),
        migrations.RunPython(start_counting, stop_counting),
        migrations.RunPython(start_indexing, stop_indexing),
    ]
