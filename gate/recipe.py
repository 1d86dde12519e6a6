"""Whether two scans used one recipe: tool, version, rules with levels, configuration.

Where nobody knows a configuration digest, the recipe is what the reports themselves say, and the
fix must not touch the scanner's configuration: so a stock set-up needs no edited pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gate import commands
from gate.diff import Diff
from gate.legs import Leg
from gate.strict import normal_path
from gate.touches import Touch, obeyed

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the recipe of one run compares with that of an earlier one.

    ``same`` is None where it cannot be told; ``reason`` completes "…, because ". ``version`` is
    -1 for older, 0 for the same, 1 for newer, None where it cannot be told. ``rules_before`` are
    the rules that were on before, None where the report does not list them all. ``narrower``: an
    option of the later command that leaves something out, where the earlier one is not known.
    """

    same: bool | None
    reason: str
    version: int | None
    rules_before: frozenset[str] | None
    narrower: str = ""


def compare_recipes(before: Leg, after: Leg, joined: bool, touched: Iterable[Touch]) -> Recipe:
    """Compare two runs of one engine. ``touched``: what the fix changed of scanner files.

    ``joined``: the fix's diff is all that lies between the two revisions, so that a configuration
    it does not touch is the same.
    """
    version = compare_versions(before.version, after.version)
    narrower = "" if before.command else commands.leaves_out(after.command)
    same, reason = _same(before, after, version, joined, touched)
    if same and narrower:
        same, reason = None, f"its command has {narrower}, and the command before is not known"
    listed = inventory(before)
    rules = frozenset(listed) if listed is not None else None
    return Recipe(same, reason, version, rules, narrower)


def best(recipes: Iterable[Recipe]) -> Recipe | None:
    """The recipe that says most for sameness: one equal run before the fix is enough."""
    ranked = sorted(recipes, key=lambda recipe: {True: 0, None: 1, False: 2}[recipe.same])
    return ranked[0] if ranked else None


def inventory(leg: Leg) -> dict[str, str] | None:
    """Rule id to level for every rule that was on; None where only those that fired are listed."""
    off = set(leg.run.disabled_rules)
    listed = {r.id: str(r.level) for r in leg.run.rules if r.enabled and r.id not in off}
    if leg.facts.rules is not None:  # a rule that fired was on, whatever the facts leave out
        return {rule: listed.get(rule, "") for rule in (*leg.facts.rules, *sorted(leg.fired))}
    maybe_all = leg.lists_rules is None and bool(set(listed) - leg.fired)
    if leg.lists_rules or maybe_all:
        return listed
    return None


def compare_versions(before: str, after: str) -> int | None:
    """-1, 0 or 1 as ``after`` is older than, the same as or newer than ``before``; None: unclear."""
    if not before or not after:
        return None
    if before == after:
        return 0
    old, new = numbers(before), numbers(after)
    if not old or not new or old == new:
        return None
    return 1 if new > old else -1


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, trailing zeros dropped: v1.9.0 is (1, 9)."""
    head = re.match(r"^v?(\d[\d.]*)", version.strip(), re.IGNORECASE)
    found = [int(digits[:18]) for digits in _NUMBER.findall(head[1])] if head else []
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def _same(
    before: Leg, after: Leg, version: int | None, joined: bool, touched: Iterable[Touch]
) -> tuple[bool | None, str]:
    if version is None:
        return None, f"the versions {before.version or '?'} and {after.version or '?'} do not say"
    if version != 0:
        return False, f"the version went from {before.version} to {after.version}"
    differs = command_difference(before, after)
    if differs:
        return False, f"the later command {differs}"
    if before.facts.config_digest and after.facts.config_digest:
        if before.facts.config_digest == after.facts.config_digest:
            return True, "version and configuration digest are the same"
        return False, "the configuration digests differ"
    return _same_by_report(before, after, joined, touched)


def command_difference(before: Leg, after: Leg) -> str:
    """How the later command differs in what counts, empty where it does not or one is unknown.

    What the facts say is compared with facts, what the reports say with reports, as far as possible.
    """
    told = (before.facts.command, after.facts.command)
    reported = (before.run.command_line, after.run.command_line)
    pairs = [pair for pair in (told, reported) if all(pair)]
    either = (before.command, after.command)
    for old, new in pairs or ([either] if all(either) else []):
        differs = commands.difference(old, new)
        if differs:
            return differs
    return ""


def own_configuration(leg: Leg, diff: Diff | None) -> str:
    """The first changed file that the run itself names as its configuration; empty for none.

    Named by an option of its command, as a file or as the folder it lies in, or by the report, as an
    artifact of that role (3.24.6).
    """
    named = [_below(name) for name in commands.configurations(leg.command)]
    for file in diff.files if diff else ():
        for path in filter(None, (file.new_path, file.old_path)):
            listed = path in leg.run.configurations
            if listed or any(path == name or path.startswith(f"{name}/") for name in named):
                return path
    return ""


def _below(name: str) -> str:
    """A path of a command as the repository knows it, where it was given from the root."""
    return normal_path(name.rstrip("/")) or "/"


def _same_by_report(
    before: Leg, after: Leg, joined: bool, touched: Iterable[Touch]
) -> tuple[bool | None, str]:
    """The recipe by what the reports list and the diff leaves alone."""
    old, new = inventory(before), inventory(after)
    if old is not None and new is not None and old != new:
        return False, "the rules that are on, or their levels, differ"
    changed = [touch for touch in touched if touch.reshapes(after.engine)]
    if changed:
        return False, f"the fix changes {changed[0].place}"
    if not joined:
        return _same_apart(before, after, listed=old is not None and new is not None)
    return True, f"version {after.version} is the same and the fix touches no configuration"


def _same_apart(before: Leg, after: Leg, *, listed: bool) -> tuple[bool | None, str]:
    """The recipe of two scans between which lie other commits than the fix.

    Rules with levels and the list of files say what a configuration can change; where a report
    lists both, or both runs looked at all files, and no scanner file is known to differ, nothing is
    left that could.
    """
    one, other = dict(before.facts.blobs), dict(after.facts.blobs)
    for path in obeyed({*one, *other}, after.engine) if one and other else ():
        if one.get(path) != other.get(path):
            return False, f"{path} differs between the scans"
    whole = before.facts.covers == after.facts.covers == "everything"
    if listed and (after.lists_all or whole):
        return True, f"version {after.version}, the rules that are on and their levels are the same"
    return None, "no configuration digest is known and other commits lie between the scans"
