from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("scopes", "0005_calendars")]

    operations = []  # A
