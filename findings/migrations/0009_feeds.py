from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("findings", "0008_due_dates"), ("scopes", "0006_priority_policies")]

    operations = []  # A
