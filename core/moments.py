"""Times as the gate, certificates and events' readers expect them: RFC 3339 in UTC, to the second."""

from datetime import UTC, datetime


def rfc3339(value: datetime | None) -> str:
    """Return ``value`` as ``2026-11-20T10:00:00Z``; empty where there is no time."""
    if value is None:
        return ""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
