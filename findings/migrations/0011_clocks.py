from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("findings", "0010_discovery_rules")]

    operations = []  # F
