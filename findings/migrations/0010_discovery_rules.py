from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("findings", "0009_feeds")]

    operations = []  # C
