from django.db import migrations

from core.append_only import protect, unprotect


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunPython(protect("core_event"), unprotect("core_event")),
    ]
