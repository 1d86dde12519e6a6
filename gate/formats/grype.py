"""Grype's JSON. Rules, messages, places, levels and scores are those of its SARIF
(grype/presenter/sarif), so that a fix is judged the same from either. Beyond it: related
advisories, weaknesses, and matches that were ignored (reported and suppressed). SARIF's line 1 is
a stand-in: there is none here. Not said: whether the run succeeded, which files it looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gate.cvss import best_vector
from gate.formats.building import Builder, Facts, Rules, elements, split, weaknesses, worst
from gate.formats.json_text import Keep, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.records import Level, Result, Rule, Run, Suppression

NAME = "Grype JSON"
LEVELS = {"critical": Level.ERROR, "high": Level.ERROR, "medium": Level.WARNING}
SCORES = {"critical": 9.0, "high": 7.0, "medium": 4.0, "low": 1.0}
NVD = "nvd:cpe"

_ODD = re.compile(r"[^a-zA-Z0-9_.-]")


def shape(limits: Limits) -> Shape:
    """What is kept of a document."""
    found = Stream(limits.results, "results per file")
    told = {"name": Keep.WHOLE, "version": Keep.WHOLE, "timestamp": Keep.WHOLE, "*": Keep.NOTHING}
    return {
        "matches": found,
        "ignoredMatches": found,
        "source": Keep.WHOLE,
        "descriptor": told,
        "*": Keep.NOTHING,
    }


def runs(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. Raises InputError for wrong types and passed limits."""
    descriptor = members.object(log, "descriptor", "")
    tool, version, finished = (
        members.text(descriptor, key, "/descriptor") for key in ("name", "version", "timestamp")
    )
    reader = _Reader(log, members, build, tool or "grype")
    results, _ = split(reader.read(log))
    yield Run(
        pointer="",
        tool=tool or "grype",
        version="" if version == "[not provided]" else version,
        organization="Anchore",
        rules=reader.rules.listed(),
        lists_rules=False,
        results=results,
        results_present=log.get("matches") is not None,
        finished_at=finished,
    )


class _Reader:
    """Reads the matches of one document."""

    def __init__(self, log: dict[str, Any], members: Members, build: Builder, tool: str) -> None:
        self.members = members
        self.build = build
        self.tool = tool
        self.rules = Rules(members)
        source = members.object(log, "source", "")
        self.kind = members.text(source, "type", "/source")
        target = source.get("target")
        at = "/source/target"
        words = target if type(target) is dict else {}
        self.image = members.text(words, "userInput", at)
        self.input = members.clean(target, at) if type(target) is str else ""
        self.input = self.input.removeprefix("./") if self.input != "." else ""

    def read(self, log: dict[str, Any]) -> Iterator[Result]:
        """All matches, then those that were ignored."""
        for at, raw in elements(self.members, log, "matches", ""):
            yield self._match(raw, at, ())
        for at, raw in elements(self.members, log, "ignoredMatches", ""):
            yield self._match(raw, at, self._excuse(raw, at))

    def _excuse(self, raw: dict[str, Any], at: str) -> tuple[Suppression, ...]:
        words: list[str] = []
        for where, rule in self.members.objects(raw, "appliedIgnoreRules", at):
            keys = ("reason", "vex-status", "vex-justification", "vulnerability", "fix-state")
            words += [self.members.text(rule, key, where) for key in keys]
        why = ": ".join(dict.fromkeys(filter(None, words))) or "ignored by a rule"
        return (Suppression("external", justification=why),)

    def _match(self, raw: dict[str, Any], at: str, excuse: tuple[Suppression, ...]) -> Result:
        members = self.members
        found, package = (members.object(raw, key, at) for key in ("vulnerability", "artifact"))
        where = f"{at}/vulnerability"
        name = members.text(found, "id", where)
        if not name:
            members.refuse(f"{where}/id", "missing: nothing says which advisory this is")
        of, version, kind = (
            members.text(package, k, f"{at}/artifact") for k in ("name", "version", "type")
        )
        severity = members.text(found, "severity", where).casefold()
        related = list(members.objects(raw, "relatedVulnerabilities", at))
        others = [members.text(other, "id", place) for place, other in related]
        facts = Facts(
            cwes=self._cwes([(where, found), *related]),
            aliases=tuple(f"{other}-{of}" for other in others if other),
            security_severity=self._score([(where, found), *related], severity),
            suppressions=excuse,
            cvss=self._vector([(where, found), *related]),
        )
        path = self._path(package, f"{at}/artifact")
        word = severity if severity in LEVELS else "low"
        message = (
            f"A {word} vulnerability in {kind} package: {of}, version {version} was found"
            f" {self._found(path)}"
        )
        rule = f"{name}-{of}"
        link = members.text(found, "dataSource", where)
        self.rules.add(Rule(id=rule, name=name, help_uri=link, cwes=facts.cwes), at)
        place = f"{_short(self.image)}/{path}" if self.image else path
        return self.build.result(
            at, self.tool, rule, LEVELS.get(severity, Level.NOTE), message,
            self.build.place(place, at), facts,
        )  # fmt: skip

    def _found(self, path: str) -> str:
        return f"in image {self.image} at: {path}" if self.image else f"at: {path}"

    def _path(self, package: dict[str, Any], at: str) -> str:
        """The first location, in a folder that was scanned from where the scan began."""
        for where, spot in self.members.objects(package, "locations", at):
            path = self.members.text(spot, "accessPath", where)
            path = (path or self.members.text(spot, "path", where)).removeprefix("./")
            below = self.kind == "directory" and self.input and not path.startswith("/")
            return f"{self.input}/{path}" if below else path
        return self.input

    def _score(self, told: list[tuple[str, dict[str, Any]]], severity: str) -> float:
        """The worst CVSS of vendors, else of NVD, else what Grype's SARIF has for the word."""
        of_vendors = [raw for raw in told if raw[1].get("namespace") != NVD]
        for group in (of_vendors, told):
            score = worst(
                self.members.decimal(
                    self.members.object(cvss, "metrics", at), "baseScore", at, 10.0
                )
                for place, raw in group
                for at, cvss in self.members.objects(raw, "cvss", place)
            )
            if score:
                return score
        return SCORES.get(severity, 0.0)

    def _vector(self, told: list[tuple[str, dict[str, Any]]]) -> str:
        """Of vendors, else of NVD."""
        of_vendors = [raw for raw in told if raw[1].get("namespace") != NVD]
        found = (
            best_vector(
                self.members.text(cvss, "vector", at)
                for place, raw in group
                for at, cvss in self.members.objects(raw, "cvss", place)
            )
            for group in (of_vendors, told)
        )
        return next(filter(None, found), "")

    def _cwes(self, told: list[tuple[str, dict[str, Any]]]) -> tuple[str, ...]:
        members = self.members
        return weaknesses(
            members.text(cwe, "cwe", at)
            for place, raw in told
            for at, cwe in members.objects(raw, "cwes", place)
        )


def _short(image: str) -> str:
    """An image as a part of a path, without tag and digest, as Grype's SARIF has it."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return _ODD.sub("", name)
