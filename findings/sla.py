"""By when a finding has to be fixed, and its stage left. Pure: the scope's rules and moments in, a moment out.

A business day is a working day of the scope's calendar, in its time zone. A clock that starts on
another day starts at midnight of the next working day; it ends at the same time of day as it started.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self
from zoneinfo import ZoneInfo

MOST_DAYS = 3660
DAY = timedelta(days=1)
Pause = tuple[datetime, datetime]  # from, until


class Counts(StrEnum):
    """Which days an SLA counts."""

    CALENDAR = "calendar"
    BUSINESS = "business"


class HasClock(Protocol):
    """What a clock is read from: a scope."""

    sla_days: Any
    sla_stage_days: Any
    sla_counts: str
    time_zone: str
    working_days: Any
    holidays: Any


@dataclass(frozen=True, slots=True)
class Clock:
    """The SLA of a scope. ``days``: severity or priority band → days; ``stage_days``: status → the same.

    Where both say something, the fewer days count.
    """

    days: Mapping[str, int]
    stage_days: Mapping[str, Mapping[str, int]]
    counts: Counts
    zone: ZoneInfo
    working: frozenset[int]  # ISO: Monday is 1
    holidays: frozenset[date]

    @classmethod
    def of(cls, scope: HasClock) -> Self:
        return cls(
            scope.sla_days,
            scope.sla_stage_days,
            Counts(scope.sla_counts),
            ZoneInfo(scope.time_zone),
            frozenset(scope.working_days),
            frozenset(date.fromisoformat(day) for day in scope.holidays),
        )

    def due(
        self, severity: str, band: str, since: datetime, pauses: Sequence[Pause] = ()
    ) -> datetime | None:
        """When a finding is due whose clock started at ``since``; None: no clock.

        ``pauses``: times in which it stood still; they do not overlap.
        """
        return self._end(_fewest(self.days, severity, band), since, pauses)

    def stage_due(
        self, stage: str, severity: str, band: str, since: datetime, pauses: Sequence[Pause] = ()
    ) -> datetime | None:
        """When it should have left the stage that it entered at ``since``; None: no clock."""
        days = _fewest(self.stage_days.get(stage, {}), severity, band)
        return self._end(days, since, pauses)

    def latest_start(self, days: int, at: datetime) -> datetime:
        """The latest moment at which a clock of ``days`` can have started that is over at ``at``.

        Exact on a calendar; of business days an upper bound: what started later is not over.
        """
        return at - days * DAY

    def _end(self, days: int | None, since: datetime, pauses: Sequence[Pause]) -> datetime | None:
        if not days:
            return None
        since = since.astimezone(UTC)  # moments of one zone are subtracted as its clocks show them
        spans = [(start.astimezone(UTC), end.astimezone(UTC)) for start, end in pauses]
        stood = [(max(start, since), end) for start, end in spans if end > since]
        if self.counts is Counts.CALENDAR:
            return since + days * DAY + sum((end - start for start, end in stood), timedelta())
        return self._after(since, days + sum(self._between(*pause) for pause in stood))

    def _after(self, since: datetime, days: int) -> datetime:
        local = since.astimezone(self.zone)
        day, clock = local.date(), local.time()
        if not self._works(day):
            day, clock = self._next(day), time()
        for _ in range(days):
            day = self._next(day)
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def _between(self, start: datetime, end: datetime) -> int:
        """Working days that begin after ``start`` and until ``end``: so many were lost."""
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        return sum(self._works(day + n * DAY) for n in range(1, (last - day).days + 1))

    def _next(self, day: date) -> date:
        day += DAY
        while not self._works(day):
            day += DAY
        return day

    def _works(self, day: date) -> bool:
        return day.isoweekday() in self.working and day not in self.holidays


def _fewest(days: Mapping[str, int], severity: str, band: str) -> int | None:
    return min((days[name] for name in (severity, band) if name in days), default=None)
