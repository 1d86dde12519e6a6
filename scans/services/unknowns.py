"""How many judgements end UNKNOWN, why, and whose it is to mend: counts over what was recorded."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from scans.models import Verification
from scans.owners import owner_of
from scans.services.verification import failing_checks
from scans.statuses import Verdict
from scopes.models import Asset

WEEKS = 8
MOST = 5000  # judgements that one answer counts, the newest


@dataclass(frozen=True, slots=True)
class Cause:
    """One check that was UNKNOWN first, how often, and who can mend it."""

    check: str
    owner: str
    count: int


@dataclass(slots=True)
class Week:
    """Judgements that stood at the end of one week: of every finding under every fix the last."""

    begins: date
    judged: int = 0
    unknown: int = 0
    causes: Counter[str] = field(default_factory=Counter)

    @property
    def percent(self) -> int:
        return round(100 * self.unknown / self.judged) if self.judged else 0


def weeks_of(assets: Sequence[Asset], *, at: datetime, weeks: int = WEEKS) -> list[Week]:
    """Count per week, oldest first, the judgements of fixes of these assets that ended UNKNOWN.

    A judgement before the fix was scanned and reviewed is no more than "not yet": only those with
    the merge facts count.
    """
    monday = at.date() - timedelta(days=at.weekday())
    first = monday - timedelta(weeks=weeks - 1)
    rows = Verification.objects.filter(
        remediation__asset__in=assets, with_merge=True, at__date__gte=first
    ).order_by("-pk")
    kept: dict[tuple[date, int, int], Verification] = {}
    for row in rows[:MOST]:
        begins = row.at.date() - timedelta(days=row.at.weekday())
        kept.setdefault((begins, row.remediation_id, row.finding_id), row)
    told = {first + timedelta(weeks=n): Week(first + timedelta(weeks=n)) for n in range(weeks)}
    for (begins, _, _), row in kept.items():
        week = told[begins]
        week.judged += 1
        if row.verdict == Verdict.UNKNOWN:
            week.unknown += 1
            week.causes[_cause(row)] += 1
    return list(told.values())


def _cause(row: Verification) -> str:
    """The first required check that is UNKNOWN."""
    checks = failing_checks(row.judgement)
    return next((c["id"] for c in checks if c["outcome"] == "UNKNOWN"), "other")


def causes_of(weeks: Sequence[Week]) -> list[Cause]:
    """The causes over all these weeks, most frequent first."""
    total = sum((week.causes for week in weeks), Counter[str]())
    return [Cause(c, owner_of(c, "UNKNOWN"), n) for c, n in total.most_common()]
