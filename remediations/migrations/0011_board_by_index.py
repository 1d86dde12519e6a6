from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_postponed_jobs"),
        ("findings", "0006_lists_by_index"),
        ("remediations", "0010_how_fixes_landed"),
        ("scopes", "0002_pipeline_identities"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="remediation",
            index=models.Index(fields=["pushed_at", "id"], name="remediation_by_age"),
        ),
    ]
