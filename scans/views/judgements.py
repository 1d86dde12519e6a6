"""Judgements as pages show them: checks in two lamps, the open ones first, evidence as links. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse

from scans.models import Verification

QUESTIONS = {  # what each check asks, as in the gate's documentation
    "WELL_FORMED": "Is the report valid and within limits?",
    "SCAN_LINKED": "Is there a post-fix scan for this fix?",
    "CONTENT_BINDING": "Did the scan look at exactly this content?",
    "SCAN_FRESH": "Is the scan newer than the last push?",
    "SCAN_SCOPE": "Was it a full scan of the right category?",
    "EXECUTION_OK": "Did the scanner run to its end?",
    "FILES_ANALYSED": "Were all changed files analysed?",
    "RULE_ACTIVE": "Was the rule that found the original on?",
    "SEVERITY_STABLE": "Were levels and thresholds left alone?",
    "SAME_CLASS": "Same class of tooling as the finder?",
    "TOOL_VERSION": "Is the scanner not older than the finder?",
    "POSITIVE_CONTROL": "Would this scan have seen the original before the fix?",
    "ORIGINAL_ABSENT": "Is the original gone?",
    "NOTHING_NEW": "Did the fix bring in nothing new?",
    "NOT_TRUNCATED": "Is the list of results complete?",
    "NO_NEW_SUPPRESSION": "Were no suppressions added?",
    "SCANNER_CONFIG_UNTOUCHED": "Was the scanner's configuration left alone?",
    "TESTS_INTACT": "Were the tests left intact?",
    "INDEPENDENCE": "Did somebody other than the fixer run the scan?",
    "SCAN_PROVENANCE": "Is it known who produced the scan?",
    "CLASS_SPECIFIC": "Is what this kind of finding needs done?",
    "HUMAN_REVIEW": "Has a person who did not write it approved it?",
    "SCOPE_OF_CHANGE": "Is every changed file explained?",
    "STILL_HOLDS": "Do later scans keep it absent?",
}
LAMPS = {
    "safe": ("Safe?", "Is the original gone, and did the fix bring in nothing new?"),
    "right": ("Right?", "Does the fix do what it should, says a person who did not write it?"),
}
OUTCOMES = {  # outcome → rank (worst first), icon, word
    "FAIL": (0, "lamp-fail", "fails"),
    "UNKNOWN": (1, "lamp-unknown", "unknown"),
    "WAIVED": (2, "flag", "waived"),
    "PASS": (3, "lamp-pass", "passes"),
    "NOT_APPLICABLE": (4, "circle-minus", "does not apply"),
}
GOOD = ("PASS", "NOT_APPLICABLE", "WAIVED")
LINE_ICONS = ("flag", "circle-minus")
SCAN_REFERENCE = re.compile(r"scan-([0-9]{1,18})\.sarif(?:#.*)?\Z")
FIX_REFERENCE = re.compile(r"fix\.diff(?::.*)?\Z")
MOST_REFERENCES = 8
MOST_FIRST = 6  # open checks that a page shows at once
NO_SCAN = "SCAN_LINKED"


@dataclass(frozen=True, slots=True)
class Reference:
    """A piece of evidence by its name; ``url`` leads to it where there is a page of it."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a check answers so; ``about`` names the findings it is said of, where that matters."""

    about: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """One check in words; several findings with one outcome share it."""

    id: str
    question: str
    lamp: str
    outcome: str
    rank: int
    icon: str
    word: str
    required: bool
    reasons: tuple[Reason, ...]
    to_pass: str
    references: tuple[Reference, ...]
    more_references: int

    @property
    def is_open(self) -> bool:
        """Whether it stands in the way of a pass."""
        return self.required and self.outcome not in GOOD

    @property
    def icon_is_line(self) -> bool:
        return self.icon in LINE_ICONS

    @property
    def reason(self) -> str:
        return self.reasons[0].text


@dataclass(frozen=True, slots=True)
class Lamp:
    """One lamp with its checks: those in the way, and the rest."""

    name: str
    title: str
    question: str
    outcome: str
    open: tuple[ShownCheck, ...]
    rest: tuple[ShownCheck, ...]

    @property
    def first(self) -> tuple[ShownCheck, ...]:
        """What to do first: without a scan, only that; else the gravest few."""
        unscanned = tuple(check for check in self.open if check.id == NO_SCAN)
        return unscanned or self.open[:MOST_FIRST]

    @property
    def later(self) -> tuple[ShownCheck, ...]:
        return tuple(check for check in self.open if check not in self.first)

    @property
    def later_words(self) -> str:
        more = f"{len(self.later)} more"
        waits = self.first and self.first[0].id == NO_SCAN
        return f"{more} that cannot be answered without a scan" if waits else f"{more} in the way"

    @property
    def rest_words(self) -> str:
        n = len(self.rest)
        checks = f"{n} check" if n == 1 else f"{n} checks"
        return f"{checks} not in the way" if self.open else f"All {checks}, one by one"

    @property
    def sentence(self) -> str:
        """What the lamp says, in words."""
        if self.outcome == "pass":
            return "Yes. Every required check passes."
        if not self.open:
            return "Not known yet: nothing has been judged."
        first, more = self.open[0], len(self.open) - 1
        return first.reason + (f" {more} more open." if more else "")


def shown(verification: Verification, *, name_finding: bool = False) -> list[ShownCheck]:
    """Return the checks of one judgement, worst first; those in the way before optional ones."""
    about = f"CTEM-{verification.finding_id}" if name_finding else ""
    checks = [_shown(check, about) for check in verification.judgement.get("checks", ())]
    return _sorted(checks)


def _sorted(checks: Iterable[ShownCheck]) -> list[ShownCheck]:
    return sorted(checks, key=lambda c: (not c.is_open, c.rank, not c.required))


def _shown(check: Mapping[str, Any], about: str) -> ShownCheck:
    rank, icon, word = OUTCOMES.get(check["outcome"], OUTCOMES["UNKNOWN"])
    evidence = check.get("evidence") or []
    return ShownCheck(
        id=check["id"],
        question=QUESTIONS.get(check["id"], check["id"].replace("_", " ").capitalize()),
        lamp=check["lamp"],
        outcome=check["outcome"],
        rank=rank,
        icon=icon,
        word=word,
        required=check["required"],
        reasons=(Reason(about if check.get("finding") else "", check["reason"]),),
        to_pass=check.get("to_pass") or "",
        references=tuple(reference(text) for text in evidence[:MOST_REFERENCES]),
        more_references=max(0, len(evidence) - MOST_REFERENCES),
    )


def reference(text: str) -> Reference:
    """Return evidence as a link: to the scan it names, or to the diff on this page."""
    scan = SCAN_REFERENCE.match(text)
    if scan:
        return Reference(text, reverse("scan", args=[int(scan[1])]))
    return Reference(text, "#diff" if FIX_REFERENCE.match(text) else "")


def lamps(verifications: Sequence[Verification], *, name_finding: bool = False) -> list[Lamp]:
    """Return both lamps over the judgements of one fix or finding; scan-level checks stand once."""
    checks: dict[tuple[str, str], ShownCheck] = {}
    for verification in verifications:
        for check in shown(verification, name_finding=name_finding):
            known = checks.get((check.id, check.outcome))
            checks[check.id, check.outcome] = _joined(known, check) if known else check
    return [
        _lamp(name, [getattr(v, name) for v in verifications], _sorted(checks.values()))
        for name in LAMPS
    ]


def _joined(known: ShownCheck, check: ShownCheck) -> ShownCheck:
    """Return one check for two findings: equal reasons are said once, of both."""
    reasons = list(known.reasons)
    (added,) = check.reasons
    same = next((r for r in reasons if r.text == added.text), None)
    if same is None:
        reasons.append(added)
    elif added.about and added.about not in same.about.split(", "):
        reasons[reasons.index(same)] = Reason(f"{same.about}, {added.about}", same.text)
    references = tuple(dict.fromkeys((*known.references, *check.references)))
    return replace(
        known,
        required=known.required or check.required,
        reasons=tuple(reasons),
        references=references[:MOST_REFERENCES],
        more_references=known.more_references + max(0, len(references) - MOST_REFERENCES),
    )


def _lamp(name: str, outcomes: Sequence[str], checks: Iterable[ShownCheck]) -> Lamp:
    title, question = LAMPS[name]
    # What later scans say is of the scan side too: pages show it there.
    own = [check for check in checks if (check.lamp if check.lamp in LAMPS else "safe") == name]
    return Lamp(
        name=name,
        title=title,
        question=question,
        outcome=worst(outcomes),
        open=tuple(c for c in own if c.is_open),
        rest=tuple(c for c in own if not c.is_open),
    )


def worst(outcomes: Iterable[str]) -> str:
    """Return the worst of lamps or verdicts; none at all is unknown."""
    given = set(outcomes)
    return next((o for o in ("fail", "unknown", "pass") if o in given), "unknown")


def first_open(verification: Verification | None) -> ShownCheck | None:
    """Return the check that stands in the way most, if any does."""
    if verification is None:
        return None
    return next((check for check in shown(verification) if check.is_open), None)
