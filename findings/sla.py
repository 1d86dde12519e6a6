"""By when a finding has to be fixed. Pure: the scope's rules and a moment in, a moment out."""

from collections.abc import Mapping
from datetime import datetime, timedelta


def due_at(days: Mapping[str, int], severity: str, since: datetime) -> datetime | None:
    """Return when a finding of ``severity`` is due that was first seen at ``since``; None: no clock.

    ``days``: severity → calendar days.
    """
    allowed = days.get(severity)
    return since + timedelta(days=allowed) if allowed else None
