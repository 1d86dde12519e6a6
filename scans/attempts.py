"""How often somebody tried to fix a finding, and how each attempt ended. One statement, nothing stored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import OuterRef, Subquery

from findings.models import Finding
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Verification

MOST = 500  # attempts that are told apart; more on one finding are nobody's


class Outcome(StrEnum):
    """How an attempt ended. A merged one whose judgement failed has failed."""

    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    PASSED = "passed"  # judged so; not merged yet
    MERGED = "merged"
    OPEN = "open"  # not judged, or not to be told yet


@dataclass(frozen=True, slots=True)
class Attempt:
    """One fix of a finding. ``verdict``: of the current judgement; empty where there is none."""

    remediation: int
    title: str
    origin: str
    agent: str
    state: str
    verdict: str
    at: datetime

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        if self.state == RemediationState.WITHDRAWN:
            return Outcome.WITHDRAWN
        if self.verdict == "fail":
            return Outcome.FAILED
        if self.state == RemediationState.MERGED:
            return Outcome.MERGED
        return Outcome.PASSED if self.verdict == "pass" else Outcome.OPEN


@dataclass(frozen=True, slots=True)
class Attempts:
    """All attempts on a finding, newest first."""

    attempts: Sequence[Attempt]

    @property
    def count(self) -> int:
        return len(self.attempts)

    @property
    def by_outcome(self) -> dict[str, int]:
        """Outcome → how many ended so; those that happened only, in the order of the enumeration."""
        found = Counter(attempt.outcome for attempt in self.attempts)
        return {outcome.value: found[outcome] for outcome in Outcome if found[outcome]}


def attempts_on(finding: Finding) -> Attempts:
    """Return the attempts on a finding."""
    judged = Verification.objects.current().filter(remediation=OuterRef("pk"), finding=finding)
    rows = Remediation.objects.filter(addressed__finding=finding).annotate(
        verdict=Subquery(judged.order_by("-with_merge", "-pk").values("verdict")[:1])
    )
    names = ("pk", "title", "origin", "agent", "state", "verdict", "created_at")
    told = rows.order_by("-pk").values_list(*names)[:MOST]
    return Attempts(
        [
            Attempt(pk, title, origin, agent, state, verdict or "", at)
            for pk, title, origin, agent, state, verdict, at in told
        ]
    )
