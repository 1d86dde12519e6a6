"""Events about many findings at once, which the history of each of them tells as well."""

from collections.abc import Collection
from typing import Any

from django.db import transaction

from core import bulk
from core.events import append_event
from core.models import Event
from findings.models import FindingEvent


@transaction.atomic(savepoint=False)
def append_set_event(*, findings: Collection[int], **event: Any) -> Event:
    """Append one event that is about ``findings``, of its scope; the rest as ``append_event`` takes it.

    One statement more, whatever their number. Call it last in a transaction, as that.
    """
    row = append_event(**event)
    bulk.insert(
        FindingEvent, ("finding", "event", "scope"),
        ((pk, row.pk, row.scope_id) for pk in sorted(findings)),
    )  # fmt: skip
    return row
