"""What a rule would have done to the newest findings of a scope. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import BadInput
from core.models import User
from core.permissions import Permission
from findings.actions import Actions
from findings.conditions import Told
from findings.discovery import ActingRule, Decisions, rules_in_force
from findings.models import DiscoveryRule, Finding
from findings.services.reading import READ, Row, tags_of_assets, told_of
from findings.services.rules import read_rule
from findings.statuses import OPEN
from scopes.access import check_may
from scopes.models import Scope

MOST_LAST = 10_000
DEFAULT_LAST = 1_000
SAMPLES = 20  # findings that are named
NEW = 0  # the id of the rule that is rehearsed


@dataclass(frozen=True, slots=True)
class Change:
    """``what``: severity, set_aside, assign, tags or ticket_project."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One finding that it would have changed, and how."""

    finding: int
    title: str
    rule: str
    path: str
    status: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``matched``: conditions hold. ``counts``: findings by what it would have done, where no rule
    before it wins. ``samples``: the newest of those."""

    looked_at: int
    matched: int
    counts: Mapping[str, int]
    samples: Sequence[Sample]


def rehearse(
    *,
    scope: Scope,
    conditions: Mapping[str, Any],
    actions: Mapping[str, Any],
    by: User,
    at: datetime,
    position: int = 100,
    last: int = DEFAULT_LAST,
    replaces: DiscoveryRule | None = None,
) -> Rehearsal:
    """Return what a rule would have done to the ``last`` newest findings, had it acted on them.

    Raises BadInput as ``make_rule`` would.
    """
    check_may(by, Permission.TRIAGE, scope.pk)
    if not 1 <= last <= MOST_LAST:
        raise BadInput("last", f"must be 1 to {MOST_LAST}")
    asked, does = read_rule(scope, conditions, actions)
    new = ActingRule(NEW, asked, does)
    rules = _with(new, scope, position, replaces, at)
    decisions, tags = Decisions(rules), tags_of_assets(scope.pk)
    rows = Finding.objects.filter(scope=scope).order_by("-pk").values_list(*READ)[:last]
    looked_at, matched, counts = 0, 0, dict.fromkeys(does.to_dict(), 0)
    samples: list[Sample] = []
    for row in map(Row._make, rows.iterator(chunk_size=2_000)):
        looked_at += 1
        told = told_of(row, tags)
        if not asked.hold(told):
            continue
        matched += 1
        changes = _changes(row, told, decisions.of(told).did.get(NEW, {}), does)
        for change in changes:
            counts[change.what] += 1
        if changes and len(samples) < SAMPLES:
            samples.append(
                Sample(row.pk, row.title, row.rule, row.path, row.status, tuple(changes))
            )
    return Rehearsal(looked_at, matched, counts, samples)


def _with(
    new: ActingRule, scope: Scope, position: int, replaces: DiscoveryRule | None, at: datetime
) -> list[ActingRule]:
    """The rules in force and the new one at its place: after those of the same position."""
    rules = rules_in_force(scope.pk, at)
    places = dict(
        DiscoveryRule.objects.filter(pk__in=[rule.pk for rule in rules]).values_list(
            "pk", "position"
        )
    )
    left = [rule for rule in rules if replaces is None or rule.pk != replaces.pk]
    before = [rule for rule in left if places[rule.pk] <= position]
    return [*before, new, *left[len(before) :]]


def _changes(row: Row, told: Told, did: Mapping[str, Any], does: Actions) -> list[Change]:
    changes = []
    if "severity" in did:
        changes.append(Change("severity", told.severity, did["severity"]))
    if "set_aside" in did:
        changes.append(Change("set_aside", row.set_aside, did["set_aside"]))
    if "to_member" in did or "to_team" in did:
        before = "somebody" if row.assigned_to or row.team else "nobody"
        after = f"member {does.to_member}" if does.to_member else f"team {does.to_team}"
        changes.append(Change("assign", before, after))
    if "tags" in did:
        changes.append(Change("tags", "", ", ".join(did["tags"])))
    if "ticket_project" in did and _may_get_a_ticket(row, did):
        changes.append(Change("ticket_project", "", did["ticket_project"]))
    return changes


def _may_get_a_ticket(row: Row, did: Mapping[str, Any]) -> bool:
    """Tickets are made of what is open and in the queues."""
    return row.status in OPEN and not (row.set_aside or did.get("set_aside"))
