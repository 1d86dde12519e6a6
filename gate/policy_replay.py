"""What another policy would have decided on evidence that was judged before. Pure; keeps nothing.

The evidence is read and judged as a verification does it (``gate.rejudging``), as of the moment it
was judged at, and the answer is held against the recorded one, check by check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gate import __version__
from gate.checks.check import Outcome
from gate.inputs import Input, evidence_of
from gate.policy import Policy
from gate.rejudging import judged_by, own_policy
from gate.statement import judged, listed, mapping, verdict_of

GREEN = (Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.WAIVED)
THEN = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.UNKNOWN: "was unknown",
    Outcome.NOT_APPLICABLE: "did not apply",
    Outcome.WAIVED: "was waived",
}
NOW = {
    Outcome.PASS: "passes",
    Outcome.FAIL: "fails",
    Outcome.UNKNOWN: "is unknown",
    Outcome.NOT_APPLICABLE: "does not apply",
    Outcome.WAIVED: "is waived",
}


class Kind(StrEnum):
    """How a check differs between the two judgements."""

    STOPPED = "stopped"  # required by both; it was green and is not any more
    CLEARED = "cleared"  # required by both; it was in the way and is green now
    NEWLY_REQUIRED = "newly_required"
    NO_LONGER_REQUIRED = "no_longer_required"


@dataclass(frozen=True, slots=True)
class CheckChange:
    """One check that differs, in one sentence. ``was`` is None where it did not exist then."""

    id: str
    kind: Kind
    was: Outcome | None
    now: Outcome | None
    sentence: str

    @property
    def blocks(self) -> bool:
        """Whether it stands in the way by the other policy."""
        return self.kind is not Kind.NO_LONGER_REQUIRED and self.now not in GREEN

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "then": self.was.value if self.was else None,
            "now": self.now.value if self.now else None,
            "blocks": self.blocks,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Replay:
    """One finding's closure by another policy, beside what was recorded.

    ``note`` says where this gate does not repeat the record by its own policy either: then not all
    that differs is the other policy's doing.
    """

    finding: str
    verdict_then: str
    verdict_now: str
    tier_then: str
    tier_now: str
    changes: tuple[CheckChange, ...]
    note: str = ""

    @property
    def passes(self) -> bool:
        """Whether it would be closed by the other policy."""
        return self.verdict_now == "pass"

    @property
    def why(self) -> tuple[str, ...]:
        """What stands in the way by the other policy, a sentence each; empty where it passes."""
        return tuple(change.sentence for change in self.changes if change.blocks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "finding": self.finding,
            "verdict": {"then": self.verdict_then, "now": self.verdict_now},
            "tier": {"then": self.tier_then, "now": self.tier_now},
            "checks": [change.to_dict() for change in self.changes],
            "note": self.note,
        }


def replay(
    inputs: Sequence[Input], recorded: Mapping[str, Any], policy: Policy, *, finding: str
) -> Replay:
    """Judge documents by another policy than the one among them, and hold it against the record.

    ``finding``: the reference of the one that the closure is of. Raises InputError for documents
    that this gate cannot read.
    """
    evidence = evidence_of(inputs, judged(recorded))
    answer = judged_by(evidence, policy)
    changes = tuple(_changes(_rows(recorded, finding), _rows(answer, finding)))
    then, now = verdict_of(recorded, finding), verdict_of(answer, finding)
    tiers = str(recorded.get("tier")), str(answer["tier"])
    note = ""
    if changes or then != now or tiers[0] != tiers[1]:
        own = own_policy(inputs)
        again = answer if own.digest == policy.digest else judged_by(evidence, own)
        note = _note(recorded, again, finding)
    return Replay(finding, then, now, *tiers, changes, note)


def _rows(judgement: Mapping[str, Any], finding: str) -> dict[str, dict[str, Any]]:
    """The rows of one finding by check: its own, and those about the scans."""
    rows = listed(judgement.get("checks"))
    return {str(row.get("id")): row for row in rows if row.get("finding") in (None, finding)}


def _changes(
    then: Mapping[str, dict[str, Any]], now: Mapping[str, dict[str, Any]]
) -> list[CheckChange]:
    """The checks that differ; those in the way first."""
    names = [*now, *(name for name in then if name not in now)]
    found = [_change(name, mapping(then.get(name)), mapping(now.get(name))) for name in names]
    return sorted((change for change in found if change), key=lambda change: not change.blocks)


def _change(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> CheckChange | None:
    was, outcome = _outcome(then), _outcome(now)
    asked, asks = bool(then.get("required")), bool(now.get("required"))
    if not asked and not asks:
        return None
    if asked and not asks:
        told = f"{name} is no longer required; it {_said(THEN, was)}."
        return CheckChange(name, Kind.NO_LONGER_REQUIRED, was, outcome, told)
    end = f": {now.get('reason')}" if outcome not in GREEN else "."
    if not asked:
        told = f"{name} is newly required and {_said(NOW, outcome)}{end}"
        return CheckChange(name, Kind.NEWLY_REQUIRED, was, outcome, told)
    if (was in GREEN) == (outcome in GREEN):
        return None
    kind = Kind.CLEARED if outcome in GREEN else Kind.STOPPED
    told = f"{name} {_said(THEN, was)} then and {_said(NOW, outcome)} now{end}"
    return CheckChange(name, kind, was, outcome, told)


def _outcome(row: Mapping[str, Any]) -> Outcome | None:
    return next((outcome for outcome in Outcome if outcome == row.get("outcome")), None)


def _said(words: Mapping[Outcome, str], outcome: Outcome | None) -> str:
    return words[outcome] if outcome else "was not there"


def _note(recorded: Mapping[str, Any], again: Mapping[str, Any], finding: str) -> str:
    """Empty where this gate repeats the record by its own policy: then only the policy differs."""
    changes = _changes(_rows(recorded, finding), _rows(again, finding))
    moved = _named(change.id for change in changes)
    if not moved and verdict_of(recorded, finding) == verdict_of(again, finding):
        return ""
    return (
        f"Recorded by gate {recorded.get('gate_version')}; this is {__version__}, and by the policy"
        f" of then it differs as well{moved}."
    )


def _named(names: Iterable[str]) -> str:
    told = ", ".join(names)
    return f" in {told}" if told else ""


def totals(replays: Iterable[Replay | None]) -> dict[str, int]:
    """How many closures pass, fail or are unknown by the other policy; None: not to be judged."""
    counts = dict.fromkeys(("pass", "fail", "unknown", "not_judged"), 0)
    for one in replays:
        verdict = one.verdict_now if one else "not_judged"
        counts[verdict if verdict in counts else "unknown"] += 1
    return counts
