"""Whether what merged is what was reviewed, and who wrote older revisions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("remediations", "0009_unparsed_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="remediation",
            name="landed_as",
            field=models.CharField(default="", max_length=7),
        ),
        migrations.AddField(
            model_name="remediation",
            name="former_hands",
            field=models.JSONField(default=list),
        ),
        migrations.AddConstraint(
            model_name="remediation",
            constraint=models.CheckConstraint(
                condition=models.Q(("landed_as__in", ["", "head", "clean", "changed"])),
                name="remediation_landed_as",
            ),
        ),
    ]
