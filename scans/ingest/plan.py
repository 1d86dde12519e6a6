"""What a scan of a series means for its findings, worked out before anything is written. Pure.

What stands still is told by digests alone; only what is left is given to the gate's matcher, which
would answer the same about the rest (its first step). What it cannot tell, ``follow`` may.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from findings.statuses import OPEN, Presence
from gate.matching import alike, match, only
from gate.records import Level, Result, Run
from scans.ingest.follow import Side, follow
from scans.ingest.records import result_from_json, seal, spot_of

AT_REST = "S1"


class Known(NamedTuple):
    """A finding of the series, as far as it is compared."""

    pk: int
    spot: str
    digest: str
    presence: str
    status: str
    path: str
    line: int | None

    @property
    def is_followed(self) -> bool:
        """Whether it is followed where the gate cannot tell: nobody has decided on it, and it was there."""
        return self.status in OPEN and self.presence != Presence.ABSENT


class Seen(NamedTuple):
    """A known finding that the scan reports, and what it reports."""

    known: Known
    result: Result
    stage: str
    spot: str
    is_changed: bool  # it says something else than before, or is elsewhere

    @property
    def presence(self) -> str:
        return presence_of(self.result)

    @property
    def has_moved(self) -> bool:
        """Whether it is at another place, seen in another way, or back."""
        place = self.result.location
        return (place.path or "", place.line, self.presence) != (
            self.known.path, self.known.line, self.known.presence,
        )  # fmt: skip

    @property
    def is_news(self) -> bool:
        return self.is_changed or self.known.presence != self.presence


@dataclass
class Plan:
    """What is to be written for one run of one scan. ``seen`` and ``new`` are in the report's order."""

    run: Run
    seen: list[Seen] = field(default_factory=list)
    new: list[tuple[Result, str]] = field(default_factory=list)  # with its spot
    gone: list[Known] = field(default_factory=list)  # whose presence changes
    absence: str = Presence.UNKNOWN
    counts: Counter[str] = field(default_factory=Counter)


def presence_of(result: Result) -> str:
    """How a report shows a result. Suppressed is not absent."""
    return (Presence.SUPPRESSED if result.suppressed else Presence.PRESENT).value


def tells_absence(scope: str | None, run: Run) -> bool:
    """Whether what this run does not report may be called absent: a full scan that succeeded."""
    errors = any(n.level is Level.ERROR for n in run.notifications)
    return (
        scope == "full"
        and run.results_present
        and run.execution_successful is not False
        and not errors
    )


def plan(
    run: Run,
    known: Sequence[Known],
    stored: Callable[[Collection[int]], Iterator[tuple[int, dict[str, Any]]]],
    *,
    scope: str | None,
) -> Plan:
    """Compare a run with the findings of its series, oldest first.

    ``stored`` gives what findings of these ids were last seen as. Results that match no finding are new;
    findings without a result are absent (a full, successful scan) or unknown.
    """
    told = Plan(
        run, absence=(Presence.ABSENT if tells_absence(scope, run) else Presence.UNKNOWN).value
    )
    spots = [spot_of(result) for result in run.results]
    pairs = _at_rest(known, spots)
    for new, (old, _) in pairs.items():
        spots[new] = known[old].spot  # one text instead of two
    same = {
        old: new for new, (old, _) in pairs.items() if not _differ(known[old], run.results[new])
    }
    if len(pairs) < min(len(known), len(run.results)):
        del pairs  # there may be very many
        pairs = _matched(run, known, same, stored)
    told.seen = [
        Seen(finding, result, stage, spots[new], same.get(old) != new and _differ(finding, result))
        for new, (old, stage) in sorted(pairs.items())
        for finding, result in [(known[old], run.results[new])]
    ]
    told.new = [(result, spots[at]) for at, result in enumerate(run.results) if at not in pairs]
    missing = [known[at] for at in _left(known, pairs)]
    told.gone = [finding for finding in missing if finding.presence != told.absence]
    _count(told)
    return told


Pairs = dict[int, tuple[int, str]]  # index of the result → index of the finding, stage


def _at_rest(known: Sequence[Known], spots: Sequence[str]) -> Pairs:
    """Results that alone have the spot that one finding alone has."""
    before, after = only(finding.spot for finding in known), only(spots)
    return {
        new: (old, AT_REST)
        for spot, new in after.items()
        if new >= 0 and (old := before.get(spot, -1)) >= 0
    }


def _matched(
    run: Run,
    known: Sequence[Known],
    same: Mapping[int, int],
    stored: Callable[[Collection[int]], Iterator[tuple[int, dict[str, Any]]]],
) -> Pairs:
    """What the matcher says of what is left, and of what stands still but may decide about it.

    ``same``: finding → result, of those that stand still as they were.
    """
    others = [finding.pk for at, finding in enumerate(known) if at not in same]
    told = {pk: result_from_json(data) for pk, data in stored(others)}
    before = [
        run.results[same[at]] if at in same else told[finding.pk]
        for at, finding in enumerate(known)
    ]
    is_alike = alike(told.values())
    joined = {old for old in same if is_alike(before[old])}
    del is_alike, told  # there may be very many
    olds = [at for at in range(len(known)) if at not in same or at in joined]
    rests = bytearray(len(run.results))
    for old, new in same.items():
        rests[new] = old not in joined
    news = [at for at, rest in enumerate(rests) if not rest]
    found = match([before[at] for at in olds], [run.results[at] for at in news])
    pairs: Pairs = {new: (old, AT_REST) for old, new in same.items() if old not in joined}
    pairs |= {
        news[pair.after]: (olds[pair.before], pair.stage.value)
        for pair in found.pairs
        if pair.is_present
    }
    pairs |= follow(
        Side(before, [at for at in _left(known, pairs) if known[at].is_followed]),
        Side(run.results, [at for at in range(len(run.results)) if at not in pairs]),
    )
    return pairs


def _left(known: Sequence[Known], pairs: Pairs) -> list[int]:
    found = {old for old, _ in pairs.values()}
    return [at for at in range(len(known)) if at not in found]


def _differ(finding: Known, result: Result) -> bool:
    return finding.digest != seal(result).digest


def _count(told: Plan) -> None:
    results = told.run.results
    for one in told.seen:
        is_there = (one.result.location.path or "", one.result.location.line)
        stayed = is_there == (one.known.path, one.known.line)
        told.counts["unchanged" if stayed else "moved"] += 1
    told.counts[told.absence] += sum(finding.status in OPEN for finding in told.gone)
    told.counts["new"] += len(told.new)
    told.counts["results"] += len(results)
    told.counts["suppressed"] += sum(result.suppressed for result in results)
