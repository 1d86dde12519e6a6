from django.db import migrations

from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [("remediations", "0001_initial")]

    operations = [
        migrations.RunPython(protect("remediations_review"), unprotect("remediations_review")),
    ]
