"""A gate policy as pages show it: a table of tiers and checks, its figures, and differences. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gate.checks import CHECKS
from gate.checks.check import Check
from gate.policy import FIGURES, Change, Policy, changes, shown
from gate.terms import Threshold, Tier
from scans.views.judgements import LAMPS, QUESTIONS

FIGURE_WORDS = {
    "reviewers": "People who must approve",
    "questions": "Questions that each of them answers",
    "clean_runs": "Clean runs of an agentic scanner",
    "scan_max_age_days": "Days that a scan may be old",
    "least_source": "Least source of facts that counts",
    "dispositions": "A person's word on new results below the threshold",
    "disclosed_model": "Models of scanner and fixer are disclosed",
    "standing_approvals": "Standing approvals cover a bot's version bumps",
}
PLACE_WORDS = {  # where a change stands, and what its members mean there
    "tier.medium": ("Medium starts at", {}),
    "tier.high": ("High starts at", {"kev": "known to be exploited (KEV)"}),
    "tier.raise": (
        "Raises the tier",
        {"origins": "origin of the fix", "changed_lines": "more changed lines than",
         "changed_files": "more changed files than", "attempts": "from this attempt on"},
    ),
    "nothing_new": ("A new result blocks from", {}),
}  # fmt: skip
COMMON = {"level": "level", "security_severity": "security-severity"}
AFTER = ("After", "Asked where a later scan is given.")


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check with whether each tier requires it. ``fixed``: no policy can switch it off."""

    id: str
    question: str
    fixed: bool
    tiers: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The checks of one lamp."""

    title: str
    question: str
    lines: tuple[CheckLine, ...]


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure with its value at each tier."""

    words: str
    tiers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """One difference in words. ``tone``: added, removed or changed."""

    tone: str
    what: str
    where: str


def table(policy: Policy) -> list[Group]:
    """The checks by lamp."""
    lamps = dict.fromkeys(check.lamp for check in CHECKS)
    groups = []
    for lamp in lamps:
        title, question = LAMPS.get(lamp, AFTER)
        lines = tuple(_check(check, policy) for check in CHECKS if check.lamp is lamp)
        groups.append(Group(title, question, lines))
    return groups


def _check(check: Check, policy: Policy) -> CheckLine:
    tiers = tuple((tier.value, check.id in policy.terms[tier].required) for tier in Tier)
    question = QUESTIONS.get(check.id, check.id.replace("_", " ").capitalize())
    return CheckLine(check.id, question, not check.can_be_waived, tiers)


def figures(policy: Policy) -> list[FigureLine]:
    """What each tier asks beside its checks."""
    return [
        FigureLine(
            FIGURE_WORDS.get(name, name),
            tuple((tier.value, _value(getattr(policy.terms[tier], name))) for tier in Tier),
        )
        for name in FIGURES
    ]


def _value(value: Any) -> str:
    """A figure in words: yes and no, names without underscores."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value).replace("_", " ")


def rules(policy: Policy) -> list[tuple[str, str]]:
    """How a finding comes to its tier, and from where on a new result blocks."""
    raises = policy.raises
    high = [_from(policy.high), *(["known to be exploited (KEV)"] if policy.kev_is_high else [])]
    return [
        ("Low", "everything else"),
        ("Medium", _from(policy.medium)),
        ("High", ", or ".join(filter(None, high))),
        (
            "One tier up, each",
            f"a fix that is {_value(raises.origins)}; exposure {raises.exposure} with criticality"
            f" {_value(raises.criticality)}; more than {raises.changed_lines} changed lines or"
            f" {raises.changed_files} files; attempt {raises.attempts} or later",
        ),
        ("A new result blocks", _from(policy.terms[Tier.LOW].new)),
    ]


def _from(threshold: Threshold) -> str:
    level, score = threshold.level, threshold.security_severity
    told = [f"level {level}" if level else "", f"security-severity {score}" if score else ""]
    return "from " + " or ".join(filter(None, told)) if any(told) else "never by itself"


def in_words(old: Policy, new: Policy) -> list[Said]:
    """What changes from one policy to another; the same change at several tiers is said once."""
    places: dict[tuple[str, str, str, bool], list[str]] = {}
    for change in changes(old, new):
        if change.where in list(Tier):
            same = (change.name, change.was, change.now, change.is_check)
            places.setdefault(same, []).append(change.where)
    tiers = [_at_tiers(*same, where) for same, where in places.items()]
    return [*tiers, *_elsewhere(changes(old, new))]


def _at_tiers(name: str, was: str, now: str, is_check: bool, where: Sequence[str]) -> Said:
    at = "at every tier" if len(where) == len(Tier) else f"at {' and '.join(where)}"
    if not is_check:
        told = f"{FIGURE_WORDS.get(name, name)}: {_plain(was)} → {_plain(now)}"
        return Said("changed", told, at)
    if now:
        return Said("added", f"{name} is required", at)
    return Said("removed", f"{name} is no longer required", at)


def _elsewhere(found: Iterable[Change]) -> Iterable[Said]:
    for change in found:
        if change.where in PLACE_WORDS:
            place, names = PLACE_WORDS[change.where]
            name = {**COMMON, **names}.get(change.name, change.name)
            told = f"{name}: {_plain(change.was)} → {_plain(change.now)}"
            yield Said("changed", f"{place}: {told}", "")


def _plain(text: str) -> str:
    return {"True": "yes", "False": "no"}.get(text, text.replace("_", " "))
