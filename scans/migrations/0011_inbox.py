from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("scans", "0010_import_tests"), ("remediations", "0012_proposals")]

    operations = []  # B
