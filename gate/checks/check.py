"""What a check is: one pure function with a name, a version, a lamp, and whether it can be waived.

A check about the scans takes ``(case, terms)``; a check about a finding ``(case, terms, target)``.
Both return an ``Answer``. The list of all checks is ``gate.checks.CHECKS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a check found. Only PASS, NOT_APPLICABLE and a valid WAIVED let a verdict pass."""

    PASS = "PASS"  # noqa: S105 - the word of the contract, no password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    WAIVED = "WAIVED"


# The worst outcome of several parts decides: a certain failure over a missing fact.
GRAVITY = {
    Outcome.NOT_APPLICABLE: 0,
    Outcome.PASS: 1,
    Outcome.WAIVED: 2,
    Outcome.UNKNOWN: 3,
    Outcome.FAIL: 4,
}


class Lamp(StrEnum):
    """Safe: the scan side. Right: the human side. Never one score. After: what later scans say."""

    SAFE = "safe"
    RIGHT = "right"
    AFTER = "after"


CLOSURE = (Lamp.SAFE, Lamp.RIGHT)  # what a finding closes by


class About(StrEnum):
    """Whether a check is asked once for the scans, or once for every finding."""

    SCANS = "scans"
    FINDING = "finding"


MOST_REFERENCES = 100  # of one answer


@dataclass(frozen=True, slots=True)
class Answer:
    """A check's outcome, the reason in one sentence, evidence references, and what turns it green.

    A reference is ``DOCUMENT#/json/pointer`` or ``DOCUMENT:LINE``.
    """

    outcome: Outcome
    reason: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table. ``run`` gives an ``Answer`` and looks at nothing but its arguments."""

    id: str
    version: int
    lamp: Lamp
    about: About
    can_be_waived: bool
    run: Callable[..., Answer]


def check(
    name: str,
    *,
    about: About,
    lamp: Lamp = Lamp.SAFE,
    version: int = 1,
    can_be_waived: bool = True,
) -> Callable[[Callable[..., Answer]], Check]:
    """Make a ``Check`` of the function below it. Raise ``version`` whenever its answers change."""

    def make(run: Callable[..., Answer]) -> Check:
        return Check(name, version, lamp, about, can_be_waived, run)

    return make


def passed(reason: str, *evidence: str) -> Answer:
    """PASS for this reason."""
    return Answer(Outcome.PASS, reason, evidence)


def failed(reason: str, *evidence: str, remedy: str) -> Answer:
    """FAIL for this reason; ``remedy`` says what would turn it green."""
    return Answer(Outcome.FAIL, reason, evidence, remedy)


def unknown(reason: str, *evidence: str, remedy: str) -> Answer:
    """UNKNOWN for this reason: something is not known, and unknown is not yes."""
    return Answer(Outcome.UNKNOWN, reason, evidence, remedy)


def not_applicable(reason: str) -> Answer:
    """The question does not arise here."""
    return Answer(Outcome.NOT_APPLICABLE, reason)


def worst(answers: Iterable[Answer], otherwise: Answer) -> Answer:
    """The gravest answer of several parts, with the evidence of all that are as grave.

    At most ``MOST_REFERENCES`` are kept. Reason and remedy are those of the first part;
    ``otherwise`` answers for no parts at all.
    """
    parts = list(answers)
    if not parts:
        return otherwise
    gravest = max(GRAVITY[part.outcome] for part in parts)
    same = [part for part in parts if GRAVITY[part.outcome] == gravest]
    evidence = tuple(dict.fromkeys(ref for part in same for ref in part.evidence))[:MOST_REFERENCES]
    return Answer(same[0].outcome, _join(same), evidence, same[0].remedy)


def _join(parts: list[Answer]) -> str:
    """One sentence for several equally grave parts."""
    reasons = list(dict.fromkeys(part.reason for part in parts))
    if len(reasons) == 1:
        return reasons[0]
    more = len(reasons) - 1
    return f"{reasons[0].rstrip('.')} (and {more} more like it)."


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def plain(value: Any, limit: int = 160) -> str:
    """Text from evidence, on one line and cut to ``limit`` characters, fit for a sentence."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
