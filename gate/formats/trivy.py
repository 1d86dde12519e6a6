"""Trivy's JSON (schema version 2): vulnerabilities, misconfigurations, secrets, licences.

Rules, messages, places, levels and scores are those of its SARIF (pkg/report/sarif.go), so that a
fix is judged the same from either. Beyond it: vendor ids, weaknesses, the scanned commit, what was
ignored or excused (reported and suppressed), checks that passed. SARIF's line 1 of packages is
Trivy's stand-in for "no line": there is none here. Not said: whether the run succeeded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gate.cvss import best_vector
from gate.formats.building import Builder, Facts, Rules, elements, split, weaknesses
from gate.formats.json_text import Keep, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.records import Level, Location, Result, Rule, Run, Suppression

NAME = "Trivy JSON"
TOOL = "Trivy"
VERSION = 2  # of the schema
LEVELS = {
    "CRITICAL": Level.ERROR, "HIGH": Level.ERROR, "MEDIUM": Level.WARNING, "LOW": Level.NOTE,
    "UNKNOWN": Level.NOTE,
}  # fmt: skip
SCORES = {"CRITICAL": 9.5, "HIGH": 8.0, "MEDIUM": 5.5, "LOW": 2.0}
FINGERPRINT = "trivyFingerprint/v1"
OF_SYSTEM = "os-pkgs"

_KINDS = ("Vulnerabilities", "Misconfigurations", "Secrets", "Licenses")
_EXCUSED = "ExperimentalModifiedFindings"
_OF_TYPE = dict(
    zip(("vulnerability", "misconfiguration", "secret", "license"), _KINDS, strict=True)
)
_SYSTEM = re.compile(r"\s*\([^)]*\).*$")  # " (debian 12.5)"
_IMAGE = re.compile(
    r"(?:[A-Za-z0-9.-]+:\d+/)?[a-z0-9][a-z0-9._/-]*(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?"
)


def shape(limits: Limits) -> Shape:
    """What is kept of a document."""
    findings = Stream(limits.results, "results per file")
    of_result: dict[str, Shape] = {
        **dict.fromkeys((*_KINDS, _EXCUSED), findings),
        "Packages": Keep.NOTHING,
    }
    return {
        "SchemaVersion": Keep.WHOLE,
        "CreatedAt": Keep.WHOLE,
        "ArtifactName": Keep.WHOLE,
        "Trivy": Keep.WHOLE,
        "Metadata": {"Commit": Keep.WHOLE, "RepoURL": Keep.WHOLE, "*": Keep.NOTHING},
        "Results": {"*": {**of_result, "*": Keep.WHOLE}},
        "*": Keep.NOTHING,
    }


def runs(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. Raises InputError for wrong types and passed limits."""
    if log.get("SchemaVersion") != VERSION:
        members.refuse("/SchemaVersion", f"must be {VERSION}")
    reader = _Reader(members, build)
    targets = list(members.objects(log, "Results", "", members.limits.artifacts, "targets"))
    results, passed = split(found for at, raw in targets for found in reader.of_target(raw, at))
    version = members.text(members.object(log, "Trivy", ""), "Version", "/Trivy")
    metadata = members.object(log, "Metadata", "")
    yield Run(
        pointer="",
        tool=TOOL,
        version=version,
        organization="Aqua Security",
        rules=reader.rules.listed(),
        lists_rules=False,
        results=results,
        passed=passed,
        results_present=log.get("Results") is not None,
        finished_at=members.text(log, "CreatedAt", ""),
        artifacts=build.paths(reader.examined, "/Results"),
        revision=members.text(metadata, "Commit", "/Metadata"),
        repository=members.text(metadata, "RepoURL", "/Metadata"),
    )


class _Reader:
    """Reads the results of one document. ``examined``: the files that they are about."""

    def __init__(self, members: Members, build: Builder) -> None:
        self.members = members
        self.build = build
        self.rules = Rules(members)
        self.examined: list[str] = []

    def of_target(self, raw: dict[str, Any], at: str) -> Iterator[Result]:
        """What was found in one target: a file, an image, the packages of a system."""
        members = self.members
        target, kind, form = (members.text(raw, key, at) for key in ("Target", "Class", "Type"))
        place = system_path(target) if kind == OF_SYSTEM else target
        if kind in ("lang-pkgs", "config"):
            self.examined.append(place)
        for key in _KINDS:
            for where, found in elements(members, raw, key, at):
                yield self._result(key, found, where, place, target, kind, form)
        for where, found in elements(members, raw, _EXCUSED, at):
            yield from self._excused(found, where, place, target, kind, form)

    def _excused(
        self, raw: dict[str, Any], at: str, place: str, target: str, kind: str, form: str
    ) -> Iterator[Result]:
        """What Trivy left out because a person or a VEX document said so: there, but suppressed."""
        members = self.members
        key = _OF_TYPE.get(members.text(raw, "Type", at))
        if key is None:
            members.problem(
                f"{at}/Type", "a kind of finding that is not known; not used", once=True
            )
            return
        status, said, source = (members.text(raw, k, at) for k in ("Status", "Statement", "Source"))
        why = ": ".join(filter(None, (status, said, source)))
        found = members.object(raw, "Finding", at)
        excuse = (Suppression("external", justification=why),)
        yield self._result(key, found, f"{at}/Finding", place, target, kind, form, excuse)

    def _result(
        self, key: str, raw: dict[str, Any], at: str, place: str, target: str, kind: str, form: str,
        excuse: tuple[Suppression, ...] = (),
    ) -> Result:  # fmt: skip
        if key == "Vulnerabilities":
            return self._vulnerability(raw, at, place, kind, excuse)
        if key == "Misconfigurations":
            return self._misconfiguration(raw, at, target, form, excuse)
        if key == "Secrets":
            return self._secret(raw, at, target, form, excuse)
        return self._license(raw, at, target, excuse)

    def _texts(self, raw: dict[str, Any], at: str, *keys: str) -> tuple[str, ...]:
        return tuple(self.members.text(raw, key, at) for key in keys)

    def _vulnerability(
        self, raw: dict[str, Any], at: str, place: str, kind: str, excuse: tuple[Suppression, ...]
    ) -> Result:
        rule, name, version, severity, fixed, link, path, title = self._texts(
            raw, at, "VulnerabilityID", "PkgName", "InstalledVersion", "Severity", "FixedVersion",
            "PrimaryURL", "PkgPath", "Title",
        )  # fmt: skip
        if path:
            place = system_path(path) if kind == OF_SYSTEM else path
        facts = Facts(
            cwes=weaknesses(self.members.texts(raw, "CweIDs", at)),
            aliases=self.members.texts(raw, "VendorIDs", at),
            security_severity=self._score(raw, at, severity),
            fingerprints={FINGERPRINT: self.members.text(raw, "Fingerprint", at)},
            suppressions=excuse,
            cvss=self._vector(raw, at),
        )
        message = (
            f"Package: {name}\nInstalled Version: {version}\nVulnerability {rule}\n"
            f"Severity: {severity}\nFixed Version: {fixed}\nLink: [{rule}]({link})"
        )
        return self._made(
            at, rule, severity, message, title, link, self.build.place(place, at), facts
        )

    def _score(self, raw: dict[str, Any], at: str, severity: str) -> float:
        """CVSS 3 by the source that the severity is from, else what Trivy's SARIF has for the word."""
        scores = self.members.object(raw, "CVSS", at)
        source = self.members.text(raw, "SeveritySource", at)
        told = self.members.object(scores, source, f"{at}/CVSS") if source else {}
        score = self.members.decimal(told, "V3Score", f"{at}/CVSS", 10.0)
        return score or SCORES.get(severity, 0.0)

    def _vector(self, raw: dict[str, Any], at: str) -> str:
        """By the source that the severity is from, else by whichever tells one, NVD's first."""
        members, where = self.members, f"{at}/CVSS"
        told = members.object(raw, "CVSS", at)
        members.count(len(told), members.limits.entries, "CVSS", where)
        source = members.text(raw, "SeveritySource", at)
        for name in dict.fromkeys((source, "nvd", *told)):
            scores = members.object(told, name, where) if name in told else {}
            keys = ("V40Vector", "V3Vector", "V2Vector")
            if found := best_vector(members.text(scores, key, where) for key in keys):
                return found
        return ""

    def _misconfiguration(
        self, raw: dict[str, Any], at: str, target: str, form: str, excuse: tuple[Suppression, ...]
    ) -> Result:
        rule, severity, said, link, status, title, other = self._texts(
            raw, at, "ID", "Severity", "Message", "PrimaryURL", "Status", "Title", "AVDID"
        )
        cause = self.members.object(raw, "CauseMetadata", at)
        if status == "EXCEPTION":
            excuse = (*excuse, Suppression("external", justification="exception of a policy"))
        facts = Facts(
            aliases=(other,),
            security_severity=SCORES.get(severity, 0.0),
            kind="pass" if status == "PASS" else "fail",
            suppressions=excuse,
        )
        message = (
            f"Artifact: {target}\nType: {form}\nVulnerability {rule}\nSeverity: {severity}\n"
            f"Message: {said}\nLink: [{rule}]({link})"
        )
        place = self._lines(cause, f"{at}/CauseMetadata", target)
        return self._made(at, rule, severity, message, title, link, place, facts)

    def _secret(
        self, raw: dict[str, Any], at: str, target: str, form: str, excuse: tuple[Suppression, ...]
    ) -> Result:
        rule, severity, title, match = self._texts(raw, at, "RuleID", "Severity", "Title", "Match")
        message = f"Artifact: {target}\nType: {form}\nSecret {title}\nSeverity: {severity}\nMatch: {match}"
        facts = Facts(security_severity=SCORES.get(severity, 0.0), suppressions=excuse)
        place = self._lines(raw, at, target)
        return self._made(at, rule, severity, message, title, "", place, facts)

    def _license(
        self, raw: dict[str, Any], at: str, target: str, excuse: tuple[Suppression, ...]
    ) -> Result:
        severity, group, package, path, name, link = self._texts(
            raw, at, "Severity", "Category", "PkgName", "FilePath", "Name", "Link"
        )
        message = (
            f"Artifact: {target}\nLicense {name}\nPkgName: {package}\n Classification: {group}\n"
            f" Path: {path}"
        )
        facts = Facts(security_severity=SCORES.get(severity, 0.0), suppressions=excuse)
        place = self.build.place(target, at)
        return self._made(at, f"{package}:{name}", severity, message, name, link, place, facts)

    def _lines(self, raw: dict[str, Any], at: str, target: str) -> Location:
        first, last = (self.members.integer(raw, key, at) for key in ("StartLine", "EndLine"))
        return self.build.place(target, at, first or None, end_line=last or None)

    def _made(
        self, at: str, rule: str, severity: str, message: str, title: str, link: str,
        place: Location, facts: Facts,
    ) -> Result:  # fmt: skip
        if not rule:
            self.members.refuse(at, "names no rule")
        self.rules.add(Rule(id=rule, name=title, help_uri=link, cwes=facts.cwes), at)
        level = LEVELS.get(severity, Level.NONE)
        return self.build.result(at, TOOL, rule, level, message, place, facts)


def system_path(target: str) -> str:
    """The image of ``alpine:3.20 (alpine 3.20.1)`` as Trivy's SARIF has it: ``library/alpine``."""
    name = _SYSTEM.sub("", target)
    if not _IMAGE.fullmatch(name) or len(name) > 255:
        return name.replace("\\", "/")
    host, slash, rest = name.partition("/")
    has_host = bool(slash) and ("." in host or ":" in host or host == "localhost")
    plain = (rest if has_host else name).partition("@")[0]
    plain = re.sub(r":[\w.-]+$", "", plain)
    return plain if has_host or "/" in plain else f"library/{plain}"
