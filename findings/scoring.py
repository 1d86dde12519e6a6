"""From what a report says of a finding, and feeds of its CVEs, to its priority. Pure: no database.

Imports and rescoring share it, so that a finding has one priority whichever of them was last.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from findings.models import FeedKind
from findings.models.sums import id_of_sum
from findings.priority import Facts, priority_of, severity_of
from findings.vectors import score_of
from findings.weights import DEFAULT, Weights

MOST_KNOWN = 50_000  # priorities that are remembered by their facts


class Exploited(NamedTuple):
    """What is known of the CVEs of one finding; the members are those of ``priority.Facts``."""

    kev: bool | None
    kev_ransomware: bool
    epss: float | None
    names_cve: bool


UNNAMED = Exploited(None, False, None, False)  # of a finding that names no CVE


@dataclass(frozen=True, slots=True)
class Exploits:
    """What the feeds that are here say of some CVEs."""

    feeds: frozenset[str] = frozenset()  # kinds that are here
    kev: Mapping[str, bool] = field(default_factory=dict)  # listed CVE → used by ransomware
    epss: Mapping[str, float] = field(default_factory=dict)  # CVE → probability

    def of(self, cves: Sequence[str]) -> Exploited:
        """Return what is known of a finding with these CVEs: the worst of them."""
        if not cves:
            return UNNAMED
        listed = [cve for cve in cves if cve in self.kev]
        known = [self.epss[cve] for cve in cves if cve in self.epss]
        kev = bool(listed) if FeedKind.KEV in self.feeds else None
        return Exploited(kev, any(self.kev[cve] for cve in listed), max(known, default=None), True)


class Scored(NamedTuple):
    """What columns of a finding say of its urgency. ``sum_id``, ``told``: its ``PrioritySum``."""

    severity: str
    score: int
    band: str
    ssvc: str
    sum_id: UUID
    told: str


class Weigher:
    """Works out the priorities of a scope; equal facts are weighed once."""

    def __init__(self, *, exposure: str, criticality: str, by: Weights = DEFAULT) -> None:
        self._exposure, self._criticality, self._by = exposure, criticality, by
        self._known: dict[Facts, tuple[int, str, str, UUID, str]] = {}

    def of(
        self, *, level: str, security_severity: float | None, cvss: str = "", decided: str = "",
        exploited: Exploited = UNNAMED, validated: bool = False, proof_of_concept: bool = False,
    ) -> Scored:  # fmt: skip
        """Return severity, score, band and decision of one finding.

        ``decided``: a severity that counts instead of the tool's; ``cvss``: the vector as told.
        """
        severity = decided or severity_of(level, security_severity, cvss).value
        score = score_of(cvss) if security_severity is None else security_severity
        facts = Facts(
            severity=severity, exposure=self._exposure, criticality=self._criticality,
            validated=validated, cvss_score=score, cvss=cvss, proof_of_concept=proof_of_concept,
            kev=exploited.kev, kev_ransomware=exploited.kev_ransomware, epss=exploited.epss,
            names_cve=exploited.names_cve,
        )  # fmt: skip
        return Scored(severity, *self._weighed(facts))

    def _weighed(self, facts: Facts) -> tuple[int, str, str, UUID, str]:
        found = self._known.get(facts)
        if found is None:
            priority = priority_of(facts, self._by)
            told = json.dumps(priority.to_dict(), sort_keys=True)
            decision = priority.ssvc.decision.value
            found = priority.score, priority.band, decision, id_of_sum(told), told
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[facts] = found
        return found
