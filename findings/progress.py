"""How far campaigns have come: proof, claim and other ends told apart. Reads, one statement each.

Only what the gate completed is proven. What is no longer present, dismissed or accepted has ended,
and is counted beside, never as done.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from operator import itemgetter

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils.timezone import localdate

from core.bulk import listed
from core.models import Event
from findings.lifecycle import TRANSITIONS
from findings.models import Campaign, CampaignFinding, FindingEvent
from findings.statuses import ENDED, OPEN, Status

MOST_WEEKS = 104  # of a burn-down; of a longer campaign the last ones
PROVEN = (Status.MOBILIZATION_COMPLETE,)
MOVES = {  # events by which a finding ends, or is open again
    f"finding.{row.name}": row.target.value
    for row in TRANSITIONS
    if row.target in ENDED or not row.sources.isdisjoint(ENDED)
}
_MOVED = ("pk", "action", "at")
UNPROVEN_ENDS = tuple(status for status in ENDED if status is not Status.MOBILIZATION_COMPLETE)


@dataclass(frozen=True)
class Progress:
    """Counts of a campaign's findings by status."""

    by_status: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def proven(self) -> int:
        """Completed by the gate."""
        return self.by_status.get(Status.MOBILIZATION_COMPLETE, 0)

    @property
    def claimed(self) -> int:
        """Somebody said "fixed"; nothing has shown it yet."""
        return self.by_status.get(Status.AWAITING_VERIFICATION, 0)

    @property
    def open(self) -> int:
        """Open, and nobody says that they are fixed."""
        return sum(self.by_status.get(status, 0) for status in OPEN) - self.claimed

    @property
    def other_ends(self) -> dict[str, int]:
        """Status → ended without proof."""
        return {s.value: n for s in UNPROVEN_ENDS if (n := self.by_status.get(s, 0))}

    @property
    def ended_otherwise(self) -> int:
        return sum(self.other_ends.values())

    @property
    def proven_percent(self) -> int:
        """Of all findings; rounded down: 100 is all of them."""
        return self.proven * 100 // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class Week:
    """How it stood at the end of a week (or now): findings in the campaign, still open, proven by then.

    Of the findings that are in it now: those that were taken out are not counted.
    """

    until: date
    total: int
    open: int
    proven: int


def progress_of(campaigns: Collection[Campaign]) -> dict[int, Progress]:
    """Campaign's id → how far it has come."""
    rows = CampaignFinding.objects.filter(campaign__in=[c.pk for c in campaigns]).order_by()
    counted = rows.values_list("campaign_id", "finding__status").annotate(n=Count("pk"))
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for campaign, status, n in counted:
        found[campaign][status] = n
    return {c.pk: Progress(found.get(c.pk, {})) for c in campaigns}


def burn_down(campaign: Campaign, *, at: datetime) -> list[Week]:
    """How a campaign stood at the end of each week since it started.

    By the dates of its findings; of those that were ever reopened by their events. Two statements, or four.
    """
    until = (campaign.ended_at or at).date()
    came: Counter[date] = Counter()
    ended: Counter[date] = Counter()
    proven: Counter[date] = Counter()
    for in_since, day, before, status, n in (*_straight(campaign), *_reopened(campaign)):
        if before is None:
            came[in_since] += n
        day = max(in_since, day)
        ended[day] += n * ((status in ENDED) - (before in ENDED))
        proven[day] += n * ((status in PROVEN) - (before in PROVEN))
    return [
        Week(day, total := _by(came, day), total - _by(ended, day), _by(proven, day))
        for day in _weeks(campaign.started_at.date(), until)
    ]


# In the campaign since; the day of the move; status before (None: it came) and after; how many.
Move = tuple[date, date, str | None, str, int]


def _straight(campaign: Campaign) -> Iterator[Move]:
    """Findings that ended once at most: since when they stand there says it all."""
    rows = campaign.members.filter(finding__clock_from__isnull=True).order_by()
    days = rows.annotate(came=TruncDate("at"), since=TruncDate("finding__status_since"))
    counted = days.values_list("came", "since", "finding__status").annotate(n=Count("pk"))
    for came, since, status, n in counted:
        yield came, since, None, status, n


def _reopened(campaign: Campaign) -> Iterator[Move]:
    """Findings that were reopened: each move into an end and out of it, by events about one or many."""
    rows = campaign.members.filter(finding__clock_from__isnull=False)
    came = {pk: localdate(at) for pk, at in rows.values_list("finding_id", "at")}
    if not came:
        return
    ids = listed(came)
    moves = Event.objects.filter(action__in=MOVES)
    alone = moves.filter(subject="finding", subject_id__in=ids).values_list("subject_id", *_MOVED)
    beside = FindingEvent.objects.filter(finding__in=ids, event__action__in=MOVES)
    together = beside.values_list("finding_id", *(f"event__{name}" for name in _MOVED))
    stands = dict.fromkeys(came, "")
    yield from ((day, day, None, "", 1) for day in came.values())
    for pk, _, action, at in sorted((*alone, *together), key=itemgetter(1)):
        yield came[pk], localdate(at), stands[pk], MOVES[action], 1
        stands[pk] = MOVES[action]


def _weeks(start: date, until: date) -> list[date]:
    """The last day of each week from the first to the last, which ends at ``until``."""
    week = timedelta(days=7)
    number = (until - start) // week
    ends = [start + week * n + timedelta(days=6) for n in range(number)]
    return [*(end for end in ends if end < until), until][-MOST_WEEKS:]


def _by(days: Counter[date], until: date) -> int:
    return sum(n for day, n in days.items() if day <= until)
