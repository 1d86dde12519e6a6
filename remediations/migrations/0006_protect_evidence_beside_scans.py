from django.db import migrations

from core.append_only import protect, unprotect

TABLES = (
    "remediations_secretrevocation",
    "remediations_proof",
    "remediations_release",
    "remediations_standingapproval",
)


class Migration(migrations.Migration):
    dependencies = [("remediations", "0005_evidence_beside_scans")]

    operations = [migrations.RunPython(protect(table), unprotect(table)) for table in TABLES]
