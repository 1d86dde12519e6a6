from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def from_one_to_many(apps: Any, schema_editor: Any) -> None:
    """A token that was for one scope is for a list with that one."""
    tokens = apps.get_model("scopes", "ApiToken").objects.using(schema_editor.connection.alias)
    for pk, scope in tokens.filter(scope__isnull=False).values_list("pk", "scope_id"):
        tokens.filter(pk=pk).update(scopes=[scope])


class Migration(migrations.Migration):
    dependencies = [
        ("scopes", "0006_priority_policies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("apitoken", "scopes", models.JSONField(default=list)),
        migrations.AddField(
            "apitoken",
            "created_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "apitoken", "old_digest", models.CharField(max_length=64, null=True, unique=True)
        ),
        migrations.AddField("apitoken", "old_until", models.DateTimeField(null=True)),
        migrations.AddField("apitoken", "last_used_from", models.GenericIPAddressField(null=True)),
        migrations.AddField("apitoken", "refused_at", models.DateTimeField(null=True)),
        migrations.RunPython(from_one_to_many, migrations.RunPython.noop),
    ]
