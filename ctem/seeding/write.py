"""Writing a drafted series: scans, rules, findings, sightings, decisions, fixes. Call in a transaction.

Rows are written in bulk past the services, whose word for each would take days; what they would
have refused is not drafted, and one event for each scan tells what came in by it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core import bulk
from core.events import append_event
from core.models import User
from ctem.seeding.chance import Draw, MadeRule
from ctem.seeding.draft import Draft, Drafted, counts
from findings.lifecycle import place_findings
from findings.models import (
    Dismissal,
    Finding,
    RiskAcceptance,
    Rule,
    Series,
    Sighting,
    ValidationEvidence,
)
from findings.scoring import Scored, Weigher
from findings.services.sums import keep_sums
from findings.sla import Clock
from findings.statuses import OPEN, EvidenceKind, Presence, Status
from remediations.models import Remediation, RemediationFinding
from remediations.statuses import Origin, RemediationState
from scans.ingest.records import seal, spot_of
from scans.models import Scan, Tool
from scans.results import ScanResults, keep_index
from scans.statuses import FactSource, Purpose, ScanState

PLACED = (
    "id", "scope", "asset", "line", "series", "tool", "tool_class", "category", "rule", "title",
    "cwes", "described_by", "level", "security_severity", "severity", "original",
    "original_sha256", "path", "start_line", "spot", "seen_digest", "presence", "first_seen_at",
    "seen_until", "due_at", "priority", "priority_score", "priority_band", "ssvc", "claimed_at", "claimed_by",
    "duplicate_of", "introduced_by_id", "assigned_to",
)  # fmt: skip
SIGHTED = (
    "finding", "scope", "scan_id", "ended_by", "stage", "suppressed", "path", "start_line", "at",
)  # fmt: skip
DECIDED = ("finding", "reason", "requested_at", "requested_by", "approved_at", "approved_by")
ORIGINS = {Origin.HUMAN: 5, Origin.AI_GENERATED: 3, Origin.AI_ASSISTED: 1, Origin.AUTOMATION: 1}
ASSIGNED = 0.25  # of the open findings
CARRIED_FOR = 180  # days, at most, that a risk is carried on from now


def write(draw: Draw, made: Draft, *, until: datetime) -> None:
    """Write one series with all that belongs to it; ``until``: the time at which it is so."""
    place = made.place
    scans = [_scan(made, index) for index in range(len(made.scans))]
    Scan.objects.bulk_create(scans)
    series = Series.objects.create(
        scope=place.scope, asset=place.asset, line=place.line, tool=made.tool, category="",
        last_scan_id=scans[-1].pk, last_at=made.scans[-1],
    )  # fmt: skip
    for one, pk in zip(made.findings, bulk.new_ids(Finding, len(made.findings)), strict=True):
        one.pk = pk
    fixes = _write_fixes(draw, made)
    ratings = _ratings(made)
    keep_sums(ratings.values())
    place_findings(PLACED, _rows(draw, made, series, fixes, until, ratings))
    _link(made, fixes)
    _write_sightings(made, scans)
    _write_decisions(draw, made, until)
    for index, scan in enumerate(scans):
        _tell(made, series, scan, index)


def _scan(made: Draft, index: int) -> Scan:
    place, at = made.place, made.scans[index]
    commit = hashlib.sha1(f"{place.asset.pk} {index}".encode(), usedforsecurity=False).hexdigest()
    key = hashlib.sha256(f"{place.asset.pk} {made.tool} {index}".encode()).hexdigest()
    return Scan(
        scope=place.scope, asset=place.asset, line=place.line, purpose=Purpose.LINE.value,
        upload_key=key, commit=commit, tool=made.tool, tool_version="1.0",
        tool_class=made.tool_class, source=FactSource.DECLARED.value, state=ScanState.DONE.value,
        facts={"scope": "full", "commit": commit, "tool_class": made.tool_class},
        counts=counts(made, index), created_at=at, started_at=at, finished_at=at,
        created_by=place.people[0],
    )  # fmt: skip


def _tell(made: Draft, series: Series, scan: Scan, index: int) -> None:
    """Keep which result is which finding, and the event."""
    seen = ((f"/runs/0/results/{at}", one.pk) for at, one in enumerate(made.seen_by(index)))
    told = keep_index(series, seen)
    ScanResults.objects.create(scan=scan, series=series, index=told)
    append_event(
        scope_id=scan.scope_id, action="scan.imported", subject="scan", subject_id=scan.pk, by=None,
        at=made.scans[index], data={**scan.counts, "indexes": [told.sha256], "made_up": True},
    )  # fmt: skip


# --- findings ------------------------------------------------------------------------------------
def _ratings(made: Draft) -> dict[tuple[str, bool], Scored]:
    """By rule, and whether the finding is validated."""
    scope = made.place.scope
    weigher = Weigher(exposure=scope.exposure, criticality=scope.criticality)
    return {
        (rule.id, validated): weigher.of(
            level=rule.level, security_severity=rule.security_severity, validated=validated
        )
        for rule in {one.rule.id: one.rule for one in made.findings}.values()
        for validated in (False, True)
    }


def _rows(
    draw: Draw,
    made: Draft,
    series: Series,
    fixes: Sequence[Remediation],
    until: datetime,
    ratings: Mapping[tuple[str, bool], Scored],
) -> Iterator[tuple[Status, datetime, Sequence[Any]]]:
    place = made.place
    rules, scope, others = _rules(made), place.scope, place.people
    clock = Clock.of(scope)
    doubled = made.findings[0].pk
    for one in made.findings:
        sealed = seal(result := one.result(made.tool))
        rated = ratings[one.rule.id, one.status is Status.VALIDATED]
        first = made.scans[one.first]
        since = first + (until - first) * draw.between(0, 1)
        claimed = one.status is Status.AWAITING_VERIFICATION
        told = (
            one.pk, scope.pk, place.asset.pk, place.line.pk, series.pk, made.tool, made.tool_class,
            "", one.rule.id, one.rule.title, json.dumps(one.rule.cwes), rules[one.rule.id],
            one.rule.level, one.rule.security_severity, rated.severity, sealed.pointed(one.pointer),
            sealed.sha256, one.path, one.line, spot_of(result), sealed.digest, one.presence.value,
            bulk.moment(first), _seen_until(made, one), bulk.moment(clock.due(rated.severity, rated.band, first)),
            rated.sum_id.hex, rated.score, rated.band, rated.ssvc,
            bulk.moment(since if claimed else None), _somebody(draw, others).pk if claimed else None,
            doubled if one.status is Status.DUPLICATE else None,
            None if one.brought_by is None else fixes[one.brought_by].pk,
            _somebody(draw, others).pk if one.status in OPEN and draw.happens(ASSIGNED) else None,
        )  # fmt: skip
        if one.status is not Status.DUPLICATE:
            doubled = one.pk
        yield one.status, since, told


def _somebody(draw: Draw, people: Sequence[User]) -> User:
    return draw.rng.choice(people)


def _seen_until(made: Draft, one: Drafted) -> Any:
    return None if one.last == len(made.scans) - 1 else bulk.moment(made.scans[one.last])


def _rules(made: Draft) -> dict[str, int]:
    """Rule → its row, written if it is not there."""
    scope, used = made.place.scope, {one.rule.id: one.rule for one in made.findings}
    there = Rule.objects.filter(scope=scope, tool=made.tool)
    known = dict(there.values_list("rule", "pk"))
    missing: list[MadeRule] = [rule for name, rule in used.items() if name not in known]
    Rule.objects.bulk_create(
        Rule(scope=scope, tool=made.tool, rule=rule.id, name=rule.title, description=rule.title,
             help_uri=f"https://rules.example/{rule.id}")
        for rule in missing
    )  # fmt: skip
    return dict(there.values_list("rule", "pk")) if missing else known


def _write_sightings(made: Draft, scans: Sequence[Scan]) -> None:
    def ended(one: Drafted) -> int | None:
        return scans[one.last + 1].pk if one.presence is Presence.ABSENT else None

    rows = (
        (one.pk, made.place.scope.pk, scans[one.first].pk, ended(one), "",
         one.presence is Presence.SUPPRESSED, one.path, one.line,
         bulk.moment(made.scans[one.first]))
        for one in made.findings
    )  # fmt: skip
    bulk.insert(Sighting, SIGHTED, rows)


# --- what people did -----------------------------------------------------------------------------
def _write_fixes(draw: Draw, made: Draft) -> list[Remediation]:
    place = made.place
    rows = []
    for number, fixed in enumerate(made.fixes):
        at = made.scans[-1] + timedelta(minutes=number)
        origin, by = draw.one(ORIGINS), _somebody(draw, place.people)
        name = f"{place.asset.pk} {made.tool} {number}"
        rows.append(Remediation(
            scope=place.scope, asset=place.asset, line=place.line, title=f"Mend {fixed[0].rule.title}",
            state=RemediationState.PROPOSED.value, base_commit=_commit(f"base {name}"),
            head_commit=_commit(f"head {name}"), pushed_at=at, created_at=at, created_by=by,
            author=by.username, origin=origin.value, declared_origin=origin.value,
        ))  # fmt: skip
    return Remediation.objects.bulk_create(rows)


def _commit(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _link(made: Draft, fixes: Sequence[Remediation]) -> None:
    rows = (
        (fix.pk, one.pk, made.place.scope.pk)
        for fix, fixed in zip(fixes, made.fixes, strict=True)
        for one in fixed
    )
    bulk.insert(RemediationFinding, ("remediation", "finding", "scope"), rows)


def _write_decisions(draw: Draw, made: Draft, until: datetime) -> None:
    now = bulk.moment(until)

    def of(status: Status) -> Iterator[Drafted]:
        return (one for one in made.findings if one.status is status)

    def decided(one: Drafted) -> Sequence[Any]:
        asks, agrees = draw.rng.sample(made.place.people, 2)
        return one.pk, "Looked at together.", now, asks.pk, now, agrees.pk

    bulk.insert(Dismissal, DECIDED, (decided(one) for one in of(Status.FALSE_POSITIVE)))
    bulk.insert(
        RiskAcceptance, (*DECIDED, "until"),
        ((*decided(one), (until + timedelta(days=draw.rng.randint(2, CARRIED_FOR))).date().isoformat())
         for one in of(Status.RISK_ACCEPTED)),
    )  # fmt: skip
    bulk.insert(
        ValidationEvidence, ("finding", "kind", "text", "at", "by"),
        ((one.pk, EvidenceKind.REACHABILITY.value, "Reached from the login page.", now,
          _somebody(draw, made.place.people).pk) for one in of(Status.VALIDATED)),
    )  # fmt: skip


def write_tools(tools: Sequence[tuple[str, str]]) -> None:
    """Keep the tools (name, class) that are not known yet."""
    Tool.objects.bulk_create(
        [Tool(name=name, tool_class=tool_class) for name, tool_class in tools],
        ignore_conflicts=True,
    )
