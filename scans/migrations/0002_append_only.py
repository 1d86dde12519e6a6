from django.db import migrations

from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [("scans", "0001_initial")]

    operations = [
        migrations.RunPython(protect("scans_verification"), unprotect("scans_verification")),
        migrations.RunPython(
            protect("scans_verificationscan"), unprotect("scans_verificationscan")
        ),
        migrations.RunPython(protect("scans_disposition"), unprotect("scans_disposition")),
        migrations.RunPython(protect("scans_clearance"), unprotect("scans_clearance")),
    ]
