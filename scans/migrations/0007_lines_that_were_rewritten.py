"""A scan of what a line is now can lack a merge: the line was rewritten."""

from django.db import migrations, models

from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [
        ("scans", "0006_scans_that_precede_a_fix"),
    ]

    operations = [
        migrations.RunPython(unprotect("scans_scandescent"), protect("scans_scandescent")),
        migrations.RemoveConstraint(
            model_name="scandescent",
            name="scan_descent_relation",
        ),
        migrations.AddConstraint(
            model_name="scandescent",
            constraint=models.CheckConstraint(
                condition=models.Q(("relation__in", ["contains", "precedes", "lacks", "rewrites"])),
                name="scan_descent_relation",
            ),
        ),
        migrations.RunPython(protect("scans_scandescent"), unprotect("scans_scandescent")),
    ]
