from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("remediations", "0011_board_by_index"), ("findings", "0013_moved_in")]

    operations = []  # D
