import django.db.models.deletion
from django.db import migrations, models

from core.append_only import protect, unprotect
from gate.certificate import certificate_digest
from scans.services.revocations import signed_revocation


def sign_what_was_revoked(apps, editor):
    """Until now a revocation was signed anew for each bundle; from now on it is signed once."""
    rows = apps.get_model("scans", "Clearance").objects.using(editor.connection.alias)
    for clearance in rows.filter(live=False).select_related("revoked_by").order_by("pk"):
        envelope = clearance.certificate.encode()
        keyid, statement = signed_revocation(
            envelope=envelope,
            finding=f"CTEM-{clearance.finding_id}",
            at=clearance.revoked_at,
            reason=clearance.revoked_reason,
            by=clearance.revoked_by.username if clearance.revoked_by else "system",
        )
        apps.get_model("scans", "Revocation").objects.using(editor.connection.alias).create(
            clearance=clearance,
            certificate_sha256=certificate_digest(envelope),
            statement=statement.decode(),
            key_id=keyid,
            at=clearance.revoked_at,
        )


class Migration(migrations.Migration):
    dependencies = [("scans", "0002_append_only")]

    operations = [
        migrations.CreateModel(
            name="Revocation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("certificate_sha256", models.CharField(max_length=64, unique=True)),
                ("statement", models.TextField()),
                ("key_id", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "clearance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revocation",
                        to="scans.clearance",
                    ),
                ),
            ],
        ),
        migrations.RunPython(sign_what_was_revoked, migrations.RunPython.noop),
        migrations.RunPython(protect("scans_revocation"), unprotect("scans_revocation")),
    ]
