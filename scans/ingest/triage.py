"""What becomes of a new finding beside what its report says: whose it is, what rules do with it, how urgent it is.

Everything that is asked of the database is asked once, before the first finding; each answer is worked
out once for all findings that are alike in what it follows from.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from core import bulk
from findings.conditions import Told
from findings.discovery import NOTHING, Decisions, Outcome, rules_in_force
from findings.scoring import Scored, Weigher
from findings.services.applying import keep_outcomes
from findings.services.exploits import exploits, keep_cves
from findings.services.rescoring import weights_of
from findings.services.sums import keep_sums
from findings.sla import Clock
from gate.cvss import cves_of
from gate.records import Result
from scans.models import Scan
from scopes.models import Asset
from scopes.services.ownership import owners_of

COLUMNS = (
    "owned_by", "assigned_to", "team", "set_aside", "decided_severity", "severity", "due_at", "priority",
    "priority_score", "priority_band", "ssvc",
)  # fmt: skip


class Triage:
    """Answers for the new findings of one run; ``keep`` then writes what has tables of its own."""

    def __init__(self, scan: Scan, tool: str, results: Collection[Result], at: datetime) -> None:
        self._scan, self._tool, self._at = scan, tool, at
        asset = Asset.objects.select_related("scope__priority_policy").get(pk=scan.asset_id)
        self._tags = frozenset(asset.tags)
        self._clock = Clock.of(asset.scope)
        self._weigher = Weigher(
            exposure=asset.scope.exposure,
            criticality=asset.scope.criticality,
            by=weights_of(asset.scope),
        )
        self._owner = owners_of(asset)
        self._rules = Decisions(rules_in_force(scan.scope_id, at))
        self._exploits = exploits({cve for result in results for cve in cves_of(result)})
        self._ratings: dict[tuple[Any, ...], Scored] = {}
        self._dues: dict[tuple[str, str], Any] = {}
        self._outcomes: list[tuple[int, Outcome]] = []
        self._named: list[tuple[int, int, Sequence[str]]] = []
        self._keep_sums(results)

    def of(
        self, pk: int, result: Result, *, rule: str, title: str, path: str, cwes: Sequence[str],
        presence: str,
    ) -> Sequence[Any]:  # fmt: skip
        """Return the values of ``COLUMNS`` for one finding; the rest is as its own columns say."""
        cves = cves_of(result)
        outcome = NOTHING
        if self._rules.rules:
            outcome = self._rules.of(
                Told(
                    tool=self._tool, tool_class=self._scan.tool_class, rule=rule, path=path, title=title,
                    level=result.level.value, severity=self._rated(result, cves, "").severity,
                    cwes=tuple(cwes), asset=self._scan.asset_id, asset_tags=self._tags,
                    presence=presence,
                )
            )  # fmt: skip
        if outcome:
            self._outcomes.append((pk, outcome))
        if cves:
            self._named.append((pk, self._scan.scope_id, cves))
        rated = self._rated(result, cves, outcome.severity)
        return (
            self._owner(path), outcome.to_member, outcome.to_team, outcome.set_aside,
            outcome.severity, rated.severity, self._due(rated), rated.sum_id.hex, rated.score,
            rated.band, rated.ssvc,
        )  # fmt: skip

    def _keep_sums(self, results: Collection[Result]) -> None:
        """Write every priority that these may have, whatever the rules decide."""
        decided = {"", *(rule.actions.severity for rule in self._rules.rules)}
        for result in results:
            for severity in decided:
                self._rated(result, cves_of(result), severity)
        keep_sums(self._ratings.values())

    def _rated(self, result: Result, cves: tuple[str, ...], decided: str) -> Scored:
        key = result.level, result.security_severity, result.cvss, cves, decided
        found = self._ratings.get(key)
        if found is None:
            found = self._ratings[key] = self._weigher.of(
                level=result.level, security_severity=result.security_severity, cvss=result.cvss,
                decided=decided, exploited=self._exploits.of(cves),
            )  # fmt: skip
        return found

    def _due(self, rated: Scored) -> Any:
        key = rated.severity, rated.band
        if key not in self._dues:
            self._dues[key] = bulk.moment(self._clock.due(*key, self._at))
        return self._dues[key]

    def keep(self) -> None:
        """Write what rules did to the findings, and which CVEs they name."""
        keep_outcomes(self._scan.scope_id, self._outcomes, at=self._at)
        if self._named:
            keep_cves(self._named)
