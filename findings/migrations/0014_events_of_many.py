"""Which findings an event of many is about; of events that are there, as far as they name them."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import core.constraints
from core.append_only import protect, unprotect

OF_MANY = (
    "finding.assigned", "finding.expire", "finding.vanish", "group.merged", "group.split",
    "campaign.findings_added", "campaign.findings_removed",
)  # fmt: skip


def fill(apps: Any, schema_editor: Any) -> None:
    """Events until now name their findings; longer lists end in a digest."""
    alias = schema_editor.connection.alias
    events = apps.get_model("core", "Event").objects.using(alias)
    findings = apps.get_model("findings", "Finding").objects.using(alias)
    rows = apps.get_model("findings", "FindingEvent").objects.using(alias)
    told = events.filter(action__in=OF_MANY).exclude(subject="finding").order_by("pk")
    for event in told.only("scope_id", "data").iterator(chunk_size=100):
        named = event.data.get("findings")
        ids = sorted({pk for pk in named if isinstance(pk, int)}) if isinstance(named, list) else []
        for at in range(0, len(ids), 500):
            there = findings.filter(scope=event.scope_id, pk__in=ids[at : at + 500])
            rows.bulk_create(
                rows.model(finding_id=pk, event_id=event.pk, scope_id=event.scope_id)
                for pk in there.values_list("pk", flat=True)
            )


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_kept_answers"),
        ("scopes", "0009_teams_whatever_the_case"),
        ("findings", "0013_moved_in"),
    ]

    operations = [
        migrations.CreateModel(
            name="FindingEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.event",
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="findings.finding",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="scopes.scope",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("finding", "event"), name="finding_event_once"),
                    core.constraints.CompositeForeignKey(
                        fields=("finding", "scope"),
                        name="finding_event_finding_in_scope",
                        to_columns=("id", "scope_id"),
                        to_table="findings_finding",
                    ),
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(protect("findings_findingevent"), unprotect("findings_findingevent")),
    ]
