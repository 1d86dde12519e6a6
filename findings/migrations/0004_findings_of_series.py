import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.constraints


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0003_results_of_scans"),
        ("scans", "0008_results_of_scans"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="finding", name="finding_asset_in_scope"),
        migrations.RemoveConstraint(model_name="finding", name="finding_line_of_asset"),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_to_match",
        ),
        migrations.RemoveIndex(
            model_name="finding",
            name="finding_introduced_by",
        ),
        migrations.RemoveField(
            model_name="finding",
            name="help_uri",
        ),
        migrations.RemoveField(
            model_name="finding",
            name="last_seen_at",
        ),
        migrations.RemoveField(
            model_name="finding",
            name="message",
        ),
        migrations.RemoveField(
            model_name="finding",
            name="snippet",
        ),
        migrations.RemoveField(
            model_name="sighting",
            name="pointer",
        ),
        migrations.AlterField(
            model_name="finding",
            name="series",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="findings.series",
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="spot",
            field=models.CharField(max_length=32),
        ),
        migrations.AlterField(
            model_name="finding",
            name="seen_digest",
            field=models.CharField(max_length=32),
        ),
        migrations.AlterField(
            model_name="finding",
            name="asset",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="scopes.asset",
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="assigned_to",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="assigned",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="claimed_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="duplicate_of",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="duplicates",
                to="findings.finding",
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="line",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="scopes.line",
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="scope",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="scopes.scope",
            ),
        ),
        migrations.AlterField(
            model_name="sighting",
            name="finding",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sightings",
                to="findings.finding",
            ),
        ),
        migrations.AlterField(
            model_name="sighting",
            name="scope",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="scopes.scope",
            ),
        ),
        migrations.AddIndex(
            model_name="sighting",
            index=models.Index(fields=["scan_id"], name="sighting_of_scan"),
        ),
        migrations.AddConstraint(
            model_name="sighting",
            constraint=core.constraints.CompositeForeignKey(
                fields=("ended_by", "scope"),
                name="sighting_end_in_scope",
                to_columns=("id", "scope_id"),
                to_table="scans_scan",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["series"], name="finding_of_series"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("introduced_by_id__isnull", False)),
                fields=["introduced_by_id"],
                name="finding_introduced_by",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("assigned_to__isnull", False)),
                fields=["assigned_to"],
                name="finding_assigned_to",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("claimed_by__isnull", False)),
                fields=["claimed_by"],
                name="finding_claimed_by",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("duplicate_of__isnull", False)),
                fields=["duplicate_of"],
                name="finding_duplicate_of",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("series", "line", "asset", "scope"),
                name="finding_of_its_series",
                to_columns=("id", "line_id", "asset_id", "scope_id"),
                to_table="findings_series",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("described_by", "scope"),
                name="finding_rule_in_scope",
                to_columns=("id", "scope_id"),
                to_table="findings_rule",
            ),
        ),
    ]
