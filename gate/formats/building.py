"""What the readers of all formats but SARIF share: places, results and runs as records.

A reader takes the members of its format by name and says what they mean; how a path is placed, a
text kept, a limit held and a fingerprint judged is here, and the same as for SARIF. Knows no tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from gate import catalogue
from gate.formats.members import Members
from gate.formats.sarif_results import without_degenerate
from gate.formats.sarif_tool import MOST_CWES, cwes_of
from gate.formats.sarif_uris import Absolute, Uris
from gate.formats.shelf import OVERHEAD
from gate.records import Level, Location, Notification, Result, Rule, Suppression

# Of tools that say a severity in words. ``unknown`` and what no list has is a warning: not nothing.
LEVELS = {
    "critical": Level.ERROR, "high": Level.ERROR, "medium": Level.WARNING,
    "moderate": Level.WARNING, "low": Level.NOTE, "negligible": Level.NOTE,
    "info": Level.NOTE, "informational": Level.NOTE, "none": Level.NOTE,
}  # fmt: skip
# There is no level between error and critical. Where no score is given, the least one that CVSS
# gives the word, so that nothing counts as worse than it was called.
SCORES = {"critical": 9.0, "high": 7.0, "medium": 4.0, "moderate": 4.0, "low": 0.1}

_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[\\/]")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_TAG = re.compile(r"(?::[\w][\w.-]{0,127})?(?:@[\w+.-]+:[0-9a-fA-F]+)?$")


def level_of(word: str) -> Level:
    """The level of a severity in words, whatever the case."""
    return LEVELS.get(word.strip().casefold(), Level.WARNING)


def score_of(word: str) -> float | None:
    """The least score of a severity in words; None where the word says none."""
    return SCORES.get(word.strip().casefold())


def package_message(
    name: str, version: str, what: str, *, kind: str = "", fixed: Iterable[str] = ()
) -> str:
    """How a result says which package it is about, so that ``gate.packages`` reads it again.

    ``kind``: the type of its package URL, empty where nobody says it.
    """
    typed = f" ({kind})" if kind else ""
    repaired = ", ".join(fixed)
    end = f"; fixed in {repaired}" if repaired else ""
    number = f", version {version}" if version else ""
    return f"Package {name}{typed}{number}: {what}{end}"


def plain_image(image: str) -> str:
    """A container image without tag and digest, which are others after every build."""
    return _TAG.sub("", image)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a format says of one result beside rule, level, message and place."""

    cwes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    security_severity: float | None = None
    kind: str = "fail"
    flow_paths: tuple[str, ...] = ()
    fingerprints: Mapping[str, str] | None = None
    suppressions: tuple[Suppression, ...] = ()
    cvss: str = ""  # a vector, see gate.cvss


_NOTHING = Facts()


class Builder:
    """Makes the records of one document."""

    def __init__(self, members: Members, roots: tuple[Absolute, ...] = ()) -> None:
        self.members = members
        self._uris = Uris({}, "", members, roots)

    # --- places ----------------------------------------------------------------------------------
    def place(self, name: str, at: str, line: int | None = None, **region: Any) -> Location:
        """The place of a file name, which is not percent-encoded, or of an address. ``region``:
        column, end_line, end_column and snippet."""
        if not name:
            return Location(line=line, end_line=region.pop("end_line", None) or line, **region)
        uri, path = self._uris.place({"uri": _uri(name)}, at)
        snippet = region.pop("snippet", None)
        return Location(
            uri=uri,
            path=path,
            line=self.members.shelf.same(line),
            end_line=region.pop("end_line", None) or line,
            snippet=self.members.shelf.text(snippet, "") if snippet else None,
            **region,
        )

    def address(self, text: str) -> Location:
        """A place that is no file: the address of something that runs, or of nothing known."""
        return Location(uri=self.members.shelf.same(text))

    def paths(self, names: Iterable[str], at: str) -> tuple[str, ...]:
        """The paths of file names, sorted; what lies outside the root is left out."""
        found = {self._uris.place({"uri": _uri(name)}, at)[1] for name in names if name}
        return tuple(sorted(path for path in found if path))

    def finish(self) -> None:
        """To be called once at the end: tell how many places are outside any known root."""
        self._uris.report_lost()

    # --- records ---------------------------------------------------------------------------------
    def result(
        self, at: str, tool: str, rule: str, level: Level, message: str, location: Location,
        facts: Facts = _NOTHING,
    ) -> Result:  # fmt: skip
        """One result. Raises InputError where all results together hold too much text."""
        shelf = self.members.shelf
        rule = shelf.same(self.members.clean(rule, at))
        cwes = tuple(dict.fromkeys((*cwes_of((rule,)), *facts.cwes)))[:MOST_CWES]
        aliases = tuple(dict.fromkeys(one for one in facts.aliases if one and one != rule))
        shelf.kept += OVERHEAD + sum(len(one) for one in aliases)
        found = Result(
            pointer=at,
            tool=tool,
            rule=rule,
            rule_key=rule,
            level=level,
            message=shelf.text(self.members.clean(message, at), rule),
            location=location,
            cwes=shelf.same(cwes),
            aliases=aliases[: self.members.limits.entries],
            security_severity=facts.security_severity,
            kind=facts.kind,
            flow_paths=facts.flow_paths,
            fingerprints=self._fingerprints(tool, facts.fingerprints or {}),
            suppressions=shelf.same(facts.suppressions),
            cvss=shelf.same(facts.cvss),
        )
        self.members.count_kept("results", at)
        return found

    def notification(
        self, at: str, level: Level, message: str, *, name: str = "", rule: str = "", names: Iterable[str] = ()
    ) -> Notification:  # fmt: skip
        """A tool's word about its own run, about the files with these names."""
        placed = [self._uris.place({"uri": _uri(file)}, at)[1] for file in names if file]
        known = tuple(sorted({path for path in placed if path}))
        lost = None in placed
        return Notification(
            pointer=at, array="execution", level=level, message=message, id=name, rule=rule,
            paths=() if lost else known, lost=lost,
        )  # fmt: skip

    def _fingerprints(self, tool: str, given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        if not given:
            return ()
        judge = catalogue.fingerprints(tool)
        kept = {pair for pair in given.items() if pair[1] and judge.identifies(*pair)}
        self.members.shelf.kept += sum(len(key) + len(value) for key, value in kept)
        return tuple(sorted(kept))


class Rules:
    """The rules that a report shows, by id, in the order in which they were met."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._known: dict[str, Rule] = {}

    def add(self, rule: Rule, at: str) -> None:
        """Take a rule; of one that is known already only weaknesses and other names are added.

        Raises InputError beyond the limit.
        """
        known = self._known.get(rule.id)
        if known is not None:
            cwes = tuple(dict.fromkeys((*known.cwes, *rule.cwes)))[:MOST_CWES]
            aliases = tuple(dict.fromkeys((*known.aliases, *rule.aliases)))[:MOST_CWES]
            if (cwes, aliases) != (known.cwes, known.aliases):
                self._known[rule.id] = replace(known, cwes=cwes, aliases=aliases)
        elif rule.id:
            self._known[rule.id] = rule
            self._members.count(len(self._known), self._members.limits.rules, "rules per run", at)
            self._members.shelf.kept += len(rule.description) + OVERHEAD

    def listed(self) -> tuple[Rule, ...]:
        """All of them."""
        return tuple(self._known.values())


def split(found: Iterable[Result]) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
    """(results, those set aside), the former without fingerprints that tell nothing apart."""
    results: list[Result] = []
    passed: list[Result] = []
    for result in found:
        (passed if result.kind == "pass" else results).append(result)
    return tuple(without_degenerate(results)), tuple(passed)


def weaknesses(words: Iterable[str | int]) -> tuple[str, ...]:
    """``CWE-n`` of numbers and of words that begin with one."""
    texts = (f"CWE-{word}" if str(word).isdigit() else str(word) for word in words)
    return tuple(dict.fromkeys(cwes_of(tuple(texts))))


def worst(scores: Iterable[float | None]) -> float | None:
    """The highest of the scores that are known."""
    return max((score for score in scores if score is not None), default=None)


def elements(
    members: Members, parent: dict[str, Any], key: str, at: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pointer and value of each element of a streamed array of objects."""
    for place, value in members.stream(parent, key, at):
        if type(value) is not dict:
            members.refuse(place, "must be an object")
        yield place, value


def _uri(name: str) -> str:
    """A file name as an address: relative ones stay so whatever signs they hold."""
    if _ADDRESS.match(name):
        return name
    return quote(name, safe="/\\:" if _ABSOLUTE.match(name) else "/\\", errors="replace")
