"""When what happened, as far as the evidence tells: a judgement cannot be older than what it judges."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gate.evidence import Evidence
from gate.strict import moment

SKEW = timedelta(minutes=5)  # how far the clocks of two machines may be apart, here and above


def backdated(evidence: Evidence) -> str:
    """The latest moment that the evidence tells of, where that is after the time of judging.

    RFC 3339; empty where the times agree. A time of judging that lies too early would make what has
    ended hold again.
    """
    now = moment(evidence.at)
    known = [(at, text) for text in _told(evidence) if (at := moment(text))]
    if now is None or not known:
        return ""
    at, text = max(known)
    return text if at - now > SKEW else ""


def _told(evidence: Evidence) -> Iterator[str]:
    yield from (evidence.fix.pushed_at, evidence.fix.merged_at)
    for scan in evidence.scans:
        yield from (scan.facts.started_at, scan.facts.finished_at)
        for run in scan.report.runs:
            yield from (run.started_at, run.finished_at)
    for rows in (evidence.reviews, evidence.revocations, evidence.releases, evidence.proofs):
        yield from (row.at for row in rows)
