"""What can be done with many findings at once: each action with its form, its doing and what takes it back.

The verbs are those of one finding or of many, and so are their refusals; a preview is the same verb,
taken back.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms
from django.db import transaction

from core.errors import Refused
from core.models import User
from findings.forms import FORMS, DecisionForm
from findings.lifecycle import BY_NAME, TRANSITIONS, Transition
from findings.models import Finding
from findings.services import KEEP, assign_many, merge_findings
from findings.services.tagging import tag_many
from findings.statuses import Status
from scans.bulk_forms import AssignChosenForm, GroupChosenForm, TagChosenForm, words_of
from scans.services.moves import move_many

MOST_UNDONE = 5  # different ways back that are offered


@dataclass(frozen=True, slots=True)
class Undo:
    """A way back for some of them: the same page's form, filled in."""

    words: str
    action: str
    findings: list[int]
    values: dict[str, str]


@dataclass(slots=True)
class Outcome:
    """What became of the findings, or would: those done, and for each refusal those that it is of."""

    done: list[int] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    undo: list[Undo] = field(default_factory=list)

    def add(self, finding: int, refusal: object) -> None:
        if refusal is None:
            self.done.append(finding)
        else:
            self.refused[str(refusal)].append(finding)

    @property
    def number_refused(self) -> int:
        return sum(map(len, self.refused.values()))


Do = Callable[[Sequence[Finding], dict[str, Any], User, datetime, bool], Outcome]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done. ``ready``: how many of the chosen stand where it can begin."""

    name: str
    label: str
    form: forms.Form
    do: Do
    ready: int = 0


def actions_for(findings: Sequence[Finding], name: str = "", data: Any = None) -> list[Action]:
    """Return what can be done with these findings; the form of ``name`` is filled with ``data``."""
    standing = [Status(finding.status) for finding in findings]

    def bound(own: str) -> Any:
        return data if own == name else None

    told = []
    for row in TRANSITIONS:
        ready = sum(status in row.sources for status in standing)
        if ready and _for_many(row):
            form = DecisionForm if row.decides else FORMS[row.needs]
            made = form(bound(row.name), auto_id=f"id_{row.name}_%s")
            told.append(Action(row.name, row.label, made, _mover(row), ready))
    scopes = {finding.scope_id for finding in findings}
    assign = AssignChosenForm(bound("assign"), scopes=scopes, auto_id="id_assign_%s")
    more: list[tuple[str, str, forms.Form, Do]] = [
        ("assign", "Assign", assign, _assigner(assign)),
        ("tag", "Tag", TagChosenForm(bound("tag"), auto_id="id_tag_%s"), _tag),
    ]
    if len(findings) > 1 and len(scopes) == 1:
        group = GroupChosenForm(bound("group"), auto_id="id_group_%s")
        more.append(("group", "Merge into one group", group, _group))
    return told + [Action(*one, ready=len(findings)) for one in more]


def _for_many(row: Transition) -> bool:
    """Rows that people ask for, but those that need something of the single finding."""
    return (
        row.permission is not None or row.name == "complete"
    ) and "remediation_id" not in row.needs


def _mover(row: Transition) -> Do:
    def move_all(
        findings: Sequence[Finding], told: dict[str, Any], by: User, at: datetime, dry_run: bool
    ) -> Outcome:
        brought = {name: value for name, value in told.items() if value not in (None, "")}
        outcome = Outcome()
        for answer in move_many(
            findings=findings, name=row.name, by=by, at=at, brought=brought, dry_run=dry_run
        ):
            outcome.add(answer.finding, answer.refusal and _sentence(answer.refusal))
        back = BY_NAME["reopen"]
        if row.target in back.sources and outcome.done and not dry_run:
            words = "They go back to discovered, not to where each of them stood."
            values = {"reason": f"Taken back: “{row.label}” of many at once."}
            outcome.undo.append(Undo(words, back.name, outcome.done, values))
        return outcome

    return move_all


def _sentence(refusal: Exception) -> str:
    if isinstance(refusal, Refused):
        return str(refusal)
    return "The database refused it: it contradicts what is stored."


def _assigner(form: AssignChosenForm) -> Do:
    def assign_all(
        findings: Sequence[Finding], told: dict[str, Any], by: User, at: datetime, dry_run: bool
    ) -> Outcome:
        to = _picked(told["to"], form.people)
        team = _picked(told["team"], form.teams)
        outcome = Outcome()
        for answer in assign_many(
            findings=findings, to=to, team=team, by=by, at=at, dry_run=dry_run
        ):
            outcome.add(answer.finding, answer.refusal)
        if not dry_run:
            outcome.undo = _give_back(findings, set(outcome.done), told)
        return outcome

    return assign_all


def _picked(word: str, rows: dict[str, Any]) -> Any:
    if not word:
        return KEEP
    return None if word == "nobody" else rows[word]


def _give_back(findings: Sequence[Finding], done: set[int], told: dict[str, Any]) -> list[Undo]:
    """The ways back to who answered for them before, as these findings were read."""
    before: dict[tuple[str, str], list[int]] = defaultdict(list)
    for finding in findings:
        if finding.pk in done:
            to = str(finding.assigned_to_id or "nobody") if told["to"] else ""
            team = str(finding.team_id or "nobody") if told["team"] else ""
            if (to, team) != (told["to"], told["team"]):
                before[to, team].append(finding.pk)
    several = sorted(before.items(), key=lambda one: -len(one[1]))
    words = "They go back to who answered for them before."
    return [
        Undo(words, "assign", ids, {"to": to, "team": team})
        for (to, team), ids in several[:MOST_UNDONE]
    ]


def _tag(
    findings: Sequence[Finding], told: dict[str, Any], by: User, at: datetime, dry_run: bool
) -> Outcome:
    outcome = Outcome()
    changed: dict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = defaultdict(list)
    for answer in tag_many(
        findings=findings, add=words_of(told["add"]), remove=words_of(told["remove"]), by=by, at=at,
        dry_run=dry_run,
    ):  # fmt: skip
        outcome.add(answer.finding, answer.refusal)
        if answer.added or answer.removed:
            changed[answer.added, answer.removed].append(answer.finding)
    if not dry_run:
        several = sorted(changed.items(), key=lambda one: -len(one[1]))
        outcome.undo = [
            Undo("They have the tags again that they had.", "tag", ids,
                 {"add": ", ".join(removed), "remove": ", ".join(added)})
            for (added, removed), ids in several[:MOST_UNDONE]
        ]  # fmt: skip
    return outcome


def _group(
    findings: Sequence[Finding], told: dict[str, Any], by: User, at: datetime, dry_run: bool
) -> Outcome:
    with transaction.atomic():
        merge_findings(findings=findings, title=told["title"], reason=told["reason"], by=by, at=at)
        transaction.set_rollback(dry_run)
    return Outcome(done=[finding.pk for finding in findings])
