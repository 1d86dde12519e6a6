from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("scans", "0011_inbox")]

    operations = []  # E
