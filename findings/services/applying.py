"""What rules of discovery do to findings that are there, set-based. What is undone of it: ``taking_back``.

Imports write new findings themselves and keep what rules did with ``keep_outcomes``. Call under
``scopes.services.assets.lock_assets``: then no import of the scope writes at the same time.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from core import bulk
from findings.discovery import ActingRule, Decisions, Outcome
from findings.models import (
    AppliedRule,
    Cause,
    Finding,
    FindingTag,
    SeverityDecision,
    Tag,
)
from findings.services.clocks import set_due
from findings.services.reading import READ, Row, told_of
from findings.services.rescoring import rescore
from scopes.models import Asset

AT_ONCE = 5_000  # findings that are read and written together
KINDS = frozenset({"severity", "set_aside", "to_member", "to_team", "ticket_project", "tags"})


@dataclass
class Settled:
    """The findings that changed, and how many of them in which way."""

    findings: set[int] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    more_follows: bool = False  # by a job

    def add(self, kind: str, ids: Collection[int]) -> None:
        self.findings |= set(ids)
        self.counts[kind] = self.counts.get(kind, 0) + len(ids)

    def to_dict(self) -> dict[str, Any]:
        """For the event: how many, and a digest of which; and whether that is not all."""
        text = json.dumps(sorted(self.findings)).encode()
        told = {
            "findings": len(self.findings),
            "counts": {kind: n for kind, n in sorted(self.counts.items()) if n},
            "sha256": hashlib.sha256(text).hexdigest(),
        }
        return {**told, "more_follows": True} if self.more_follows else told


def parts(rows: QuerySet[Finding]) -> Iterator[list[Row]]:
    """The findings in their order, part by part, kept from others until the transaction ends."""
    last = 0
    ordered = rows.order_by("pk").select_for_update(no_key=True).values_list(*READ)
    while part := [Row(*row) for row in ordered.filter(pk__gt=last)[:AT_ONCE]]:
        last = part[-1].pk
        yield part


# --- what rules do ---------------------------------------------------------------------------------
def settle(
    rows: QuerySet[Finding],
    rules: Sequence[ActingRule],
    tags: Mapping[int, frozenset[str]],
    *,
    at: datetime,
    only: Collection[int] | None = None,
    kinds: Collection[str] = KINDS,
) -> Settled:
    """Do to findings of one scope what ``rules`` say of them; what a person decided stays.

    ``only``: rules whose doing is done, of those that are asked. ``kinds``: what is done.
    """
    decisions, settled = Decisions(rules), Settled()
    for part in parts(rows):
        told = [(row, decisions.of(told_of(row, tags))) for row in part]
        wanted = [(row, _share(outcome, only, kinds)) for row, outcome in told if outcome]
        _write(part, [(row, did) for row, did in wanted if did], settled, at)
    return settled


def _share(
    outcome: Outcome, only: Collection[int] | None, kinds: Collection[str]
) -> dict[int, dict[str, Any]]:
    """Of an outcome, the doing of these rules, of these kinds."""
    shares = {
        rule: {kind: value for kind, value in did.items() if kind in kinds}
        for rule, did in outcome.did.items()
        if only is None or rule in only
    }
    return {rule: did for rule, did in shares.items() if did}


def _write(
    part: Sequence[Row],
    wanted: Sequence[tuple[Row, dict[int, dict[str, Any]]]],
    settled: Settled,
    at: datetime,
) -> None:
    if not wanted:
        return
    ids = [row.pk for row, _ in wanted]
    decided = set(
        SeverityDecision.objects.filter(finding__in=bulk.listed(ids)).values_list(
            "finding_id", flat=True
        )
    )
    done = [(row, _possible(row, shares, row.pk in decided)) for row, shares in wanted]
    done = [(row, shares) for row, shares in done if shares]
    _write_columns(done, settled, at)
    scope = _scope_of(part)
    outcomes = [(row.pk, shares) for row, shares in done]
    settled.add("tags", _keep(scope, outcomes, at=at))


def _possible(row: Row, shares: dict[int, dict[str, Any]], decided: bool) -> dict[int, Any]:
    """What of the shares is done: not against a person's severity, nor where somebody answers."""
    owned = row.assigned_to is not None or row.team is not None
    held = ({"severity"} if decided else set()) | ({"to_member", "to_team"} if owned else set())
    left = {
        rule: {kind: value for kind, value in did.items() if kind not in held}
        for rule, did in shares.items()
    }
    return {rule: did for rule, did in left.items() if did}


def _write_columns(
    done: Iterable[tuple[Row, dict[int, dict[str, Any]]]], settled: Settled, at: datetime
) -> None:
    severities, aside, owners = [], [], []
    for row, shares in done:
        won = {kind: value for did in shares.values() for kind, value in did.items()}
        if won.get("severity", row.decided_severity) != row.decided_severity:
            severities.append((row.pk, won["severity"], won["severity"]))
        if won.get("set_aside", row.set_aside) != row.set_aside:
            aside.append((row.pk, won["set_aside"]))
        if won.get("to_member") or won.get("to_team"):
            owners.append((row.pk, won.get("to_member"), won.get("to_team")))
    set_severities(severities, at=at)
    bulk.update(Finding, ("set_aside",), aside)
    bulk.update(Finding, ("assigned_to", "team"), owners)
    for kind, rows in (("severity", severities), ("set_aside", aside), ("assign", owners)):
        settled.add(kind, [row[0] for row in rows])


def set_severities(rows: Sequence[tuple[int, str, str]], *, at: datetime) -> None:
    """Write severity and decided severity of findings; priority and due date follow.

    Each row: the finding, its severity, the decided one ("": nobody decides).
    """
    if not rows:
        return
    bulk.update(Finding, ("severity", "decided_severity"), rows)
    changed = Finding.objects.filter(pk__in=bulk.listed([row[0] for row in rows]))
    rescore(changed, cause=Cause.SEVERITY, at=at)
    set_due(changed)


def _scope_of(part: Sequence[Row]) -> int:
    return Asset.objects.values_list("scope_id", flat=True).get(pk=part[0].asset)


# --- what is kept of it ----------------------------------------------------------------------------
def keep_outcomes(scope_id: int, outcomes: Iterable[tuple[int, Outcome]], *, at: datetime) -> None:
    """Keep which rule did what to which finding, and put the tags on. A fixed number of statements.

    For imports, after the findings were written with what the outcomes say of their columns.
    """
    _keep(scope_id, [(pk, dict(outcome.did)) for pk, outcome in outcomes if outcome], at=at)


def _keep(
    scope_id: int, done: Sequence[tuple[int, Mapping[int, Mapping[str, Any]]]], *, at: datetime
) -> set[int]:
    """As ``keep_outcomes``; to what is kept already it adds. Returns the findings with a new tag."""
    if not done:
        return set()
    ids, now = [pk for pk, _ in done], bulk.moment(at)
    rules = {rule for _, shares in done for rule in shares}
    rows = AppliedRule.objects.filter(finding__in=bulk.listed(ids), rule__in=rules)
    kept = {
        (finding, rule): told
        for finding, rule, *told in rows.values_list(
            "finding_id", "rule_id", "pk", "did", "undone_at"
        )
    }
    bulk.insert(
        AppliedRule,
        ("finding", "rule", "scope", "did", "at"),
        (
            (pk, rule, scope_id, json.dumps(did), now)
            for pk, shares in done
            for rule, did in shares.items()
            if (pk, rule) not in kept
        ),
    )
    bulk.update(AppliedRule, ("did", "undone_at"), _more(kept, done))
    return _tag(scope_id, done, at=at)


def _more(
    kept: Mapping[tuple[int, int], Sequence[Any]],
    done: Sequence[tuple[int, Mapping[int, Mapping[str, Any]]]],
) -> Iterator[Sequence[Any]]:
    """Of rules that have done something to a finding before: what is their doing as well by now."""
    for finding, shares in done if kept else ():
        for rule, did in shares.items():
            pk, was, undone = kept.get((finding, rule), (None, {}, None))
            told = {**was, **did}
            if "tags" in told:
                told["tags"] = list(dict.fromkeys([*was.get("tags", ()), *did.get("tags", ())]))
            if pk is not None and (undone or told != was):
                yield pk, json.dumps(told), None


def _tag(
    scope_id: int, done: Sequence[tuple[int, Mapping[int, Mapping[str, Any]]]], *, at: datetime
) -> set[int]:
    wanted = [
        (pk, name, rule)
        for pk, shares in done
        for rule, did in shares.items()
        for name in did.get("tags", ())
    ]
    if not wanted:
        return set()
    tags = tag_rows(scope_id, {name for _, name, _ in wanted})
    has = FindingTag.objects.filter(
        finding__in=bulk.listed([pk for pk, _, _ in wanted]), tag__in=tags.values()
    )
    there = set(has.values_list("finding_id", "tag_id"))
    rows = [(pk, tags[name], rule) for pk, name, rule in wanted if (pk, tags[name]) not in there]
    now = bulk.moment(at)
    bulk.insert(
        FindingTag,
        ("finding", "tag", "scope", "at", "rule"),
        ((pk, tag, scope_id, now, rule) for pk, tag, rule in rows),
    )
    return {pk for pk, _, _ in rows}


def tag_rows(scope_id: int, names: Collection[str]) -> dict[str, int]:
    """Return the rows of tags by name; those that are new are made."""
    rows = [Tag(scope_id=scope_id, name=name) for name in sorted(names)]
    Tag.objects.bulk_create(rows, ignore_conflicts=True)
    found = Tag.objects.filter(scope=scope_id, name__in=names)
    return dict(found.values_list("name", "pk"))
