from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("scopes", "0004_scoping")]

    operations = []  # F
