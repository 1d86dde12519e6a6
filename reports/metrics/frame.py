"""Of what and when figures tell, and how a past moment is seen in today's rows.

What a finding was at a moment is what its first move after that moment came from; without one, what it
is today. The same of its priority, by its kept changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from core import bulk
from core.errors import BadInput
from findings.statuses import OPEN
from reports.statuses import Period

DAYS = {Period.WEEK: 7, Period.MONTH: 30, Period.QUARTER: 91}
MOST_DAYS = 3_660
OPEN_WORDS = ", ".join(f"'{status.value}'" for status in OPEN)


@dataclass(frozen=True, slots=True)
class Frame:
    """Scopes (ids), and the time after ``since`` up to and with ``until``."""

    scopes: tuple[int, ...]
    since: datetime
    until: datetime

    @property
    def days(self) -> float:
        return (self.until - self.since) / timedelta(days=1)

    @property
    def before(self) -> "Frame":
        """The time of the same length just before."""
        return Frame(self.scopes, self.since - (self.until - self.since), self.since)


def bounds_of(
    period: Period, *, since: datetime | None, until: datetime | None, at: datetime
) -> tuple[datetime, datetime]:
    """Return from when to when a report tells. Raises BadInput naming what does not fit.

    ``until`` None: ``at``. ``since`` is for ``custom`` alone.
    """
    until = until or at
    if until > at:
        raise BadInput("until", "lies ahead; a report tells of what was")
    if period is not Period.CUSTOM:
        if since is not None:
            raise BadInput("since", f"is for the period “custom”; a {period.value} has its own")
        since = until - timedelta(days=DAYS[period])
    if since is None:
        raise BadInput("since", "is needed for the period “custom”")
    if since >= until:
        raise BadInput("since", "is not before its end")
    if until - since > timedelta(days=MOST_DAYS):
        raise BadInput("since", f"more than {MOST_DAYS} days before its end")
    return since, until


class Sql:
    """A statement in parts, each with its parameters in the order in which they stand."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.marks = ", ".join(["%s"] * len(frame.scopes)) or "NULL"

    def later(self, name: str, at: datetime) -> "Part":
        """A table expression: of each finding with a move after ``at``, its status at ``at``."""
        return Part(
            f"{name} (finding_id, state) AS (SELECT finding_id, source FROM ("  # noqa: S608
            "SELECT finding_id, source, ROW_NUMBER() OVER (PARTITION BY finding_id ORDER BY at, id) AS n"
            f" FROM reports_move WHERE scope_id IN ({self.marks}) AND at > %s) AS moves WHERE n = 1)",
            (*self.frame.scopes, moment(at)),
        )

    def weighed(self, name: str, at: datetime) -> "Part":
        """A table expression: of each finding whose priority changed after ``at``, its band at ``at``."""
        return Part(
            f"{name} (finding_id, band) AS (SELECT finding_id, from_band FROM ("  # noqa: S608
            "SELECT finding_id, from_band, ROW_NUMBER() OVER (PARTITION BY finding_id ORDER BY at, id)"
            f" AS n FROM findings_prioritychange WHERE scope_id IN ({self.marks}) AND at > %s)"
            " AS changes WHERE n = 1)",
            (*self.frame.scopes, moment(at)),
        )

    @property
    def of_findings(self) -> "Part":
        """A condition on the table of findings ``f``."""
        return Part(f"f.scope_id IN ({self.marks})", self.frame.scopes)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of SQL made of our own words, and what fills its marks."""

    sql: str
    values: Sequence[Any] = ()


def moment(at: datetime) -> Any:
    return bulk.moment(at)


def join(*parts: "Part | str") -> Part:
    """Put pieces together, with spaces between."""
    told = [part if isinstance(part, Part) else Part(part) for part in parts]
    return Part(
        " ".join(part.sql for part in told), tuple(value for part in told for value in part.values)
    )


def rows_of(part: Part) -> list[tuple[Any, ...]]:
    """Run it and return all rows."""
    with connection.cursor() as cursor:
        cursor.execute(part.sql, list(part.values))
        return [tuple(row) for row in cursor.fetchall()]


def stream_of(part: Part, size: int = 10_000) -> Iterator[Sequence[Any]]:
    """Run it and yield its rows, of which few are held at once. Inside a transaction."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(part.sql, list(part.values))
        while rows := cursor.fetchmany(size):
            yield from rows
