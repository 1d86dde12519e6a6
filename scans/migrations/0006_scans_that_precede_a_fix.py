"""Scans of older revisions than a fix's base are related to it, as later ones are to its merge."""

from django.db import migrations, models

from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [
        ("scans", "0005_own_recipes_and_schedules"),
    ]

    operations = [
        migrations.RunPython(unprotect("scans_scandescent"), protect("scans_scandescent")),
        migrations.RemoveConstraint(
            model_name="scandescent",
            name="scan_descent_relation",
        ),
        migrations.AddField(
            model_name="scandescent",
            name="diff_to_base",
            field=models.TextField(default=""),
        ),
        migrations.AddConstraint(
            model_name="scandescent",
            constraint=models.CheckConstraint(
                condition=models.Q(("relation__in", ["contains", "precedes", "lacks"])),
                name="scan_descent_relation",
            ),
        ),
        migrations.RunPython(protect("scans_scandescent"), unprotect("scans_scandescent")),
    ]
