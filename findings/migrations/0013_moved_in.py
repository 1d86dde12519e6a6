from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("findings", "0012_campaigns")]

    operations = []  # E
