from django.db import migrations

from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [("remediations", "0003_waivers_and_disputes")]

    operations = [
        migrations.RunPython(protect("remediations_waiver"), unprotect("remediations_waiver")),
        migrations.RunPython(protect("remediations_dispute"), unprotect("remediations_dispute")),
    ]
