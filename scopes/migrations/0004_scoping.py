from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("scopes", "0003_teams")]

    operations = []  # B
