"""Which findings an event of many is about, so that the history of one finding tells of it as well."""

from django.db import models

from core.constraints import CompositeForeignKey
from core.models import Event, EventQuerySet
from findings.models.finding import Finding
from scopes.models import Scope


class FindingEvent(models.Model):
    """A finding is one of those that an event was about: assigned, grouped, vanished … together.

    Append-only. The event itself holds their numbers, or the digest of these.
    """

    finding = models.ForeignKey(
        Finding, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+", db_index=False)
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "event"], name="finding_event_once"),
            CompositeForeignKey(
                name="finding_event_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id}"


def history_of(finding_id: int) -> EventQuerySet:
    """Everything that happened to one finding: events about it alone, and about many with it.

    Both by index; the work grows with the finding's own events only.
    """
    alone = Event.objects.about("finding", finding_id).values("pk")
    together = FindingEvent.objects.filter(finding=finding_id).values("event_id")
    return Event.objects.filter(pk__in=alone.union(together, all=True))
