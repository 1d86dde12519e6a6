from django.db import migrations

import core.constraints


class Migration(migrations.Migration):
    """Keys that point up the house; in a migration of their own because their tables come later."""

    dependencies = [
        ("findings", "0001_initial"),
        ("remediations", "0001_initial"),
        ("scans", "0001_initial"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="finding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("clearance_id", "id", "clearance_live"),
                name="finding_clearance_is_its_own",
                to_columns=("id", "finding_id", "live"),
                to_table="scans_clearance",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=core.constraints.CompositeForeignKey(
                fields=("introduced_by_id", "scope"),
                name="finding_introduced_by_in_scope",
                to_columns=("id", "scope_id"),
                to_table="remediations_remediation",
            ),
        ),
        migrations.AddConstraint(
            model_name="sighting",
            constraint=core.constraints.CompositeForeignKey(
                fields=("scan_id", "scope"),
                name="sighting_scan_in_scope",
                to_columns=("id", "scope_id"),
                to_table="scans_scan",
            ),
        ),
    ]
