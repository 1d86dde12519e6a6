"""GitLab's security reports (schema 14 and 15) of the kinds in ``KINDS``.

What GitLab calls a flag ("likely a false positive") excuses nothing; the text of a found secret is
kept nowhere. What it does not say: which files were looked at, the exit status.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from gate.cvss import best_vector
from gate.formats.building import (
    Builder,
    Facts,
    Rules,
    elements,
    level_of,
    package_message,
    plain_image,
    score_of,
    split,
    weaknesses,
)
from gate.formats.json_text import Keep, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.records import Level, Location, Notification, Result, Rule, Run

NAME = "GitLab security report"
# GitLab's words for the type of a scan, and for the file type of an artifact.
KINDS = (
    "sast",
    "secret_detection",
    "dependency_scanning",
    "container_scanning",
    "cluster_image_scanning",
)
DIGEST = "sha256:"
OF_CODE = ("sast", "secret_detection")

_NOTES = {"info": Level.NOTE, "warn": Level.WARNING, "fatal": Level.ERROR}
_FAMILIES = frozenset({"cwe", "owasp", "wasc"})  # types of weaknesses: they name no rule
_ADVISORIES = ("cve", "ghsa", "osvdb", "usn", "rhsa", "elsa")
_PLACES = frozenset({"location"})  # a signature that is only a line
_UPGRADE = re.compile(r"(?i)\bupgrade to (?:version |versions )?v?([0-9][\w.+-]*\w)")
_ZONED = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")


def category(kind: str) -> str:
    """What sets the scans of one kind apart from others: ``gitlab-sast``."""
    return f"gitlab-{kind.replace('_', '-')}"


def shape(limits: Limits) -> Shape:
    """What is kept of a document."""
    return {
        "scan": Keep.WHOLE,
        "vulnerabilities": Stream(limits.results, "results per file"),
        "*": Keep.NOTHING,
    }


def runs(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. Raises InputError for wrong types and passed limits."""
    scan = members.object(log, "scan", "")
    kind = members.text(scan, "type", "/scan")
    if kind not in KINDS:
        members.refuse("/scan/type", f"must be one of {', '.join(KINDS)}")
    if log.get("vulnerabilities") is None:
        members.refuse("/vulnerabilities", "missing")
    tool, wrapped = _tools(scan, log, members)
    reader = _Reader(kind, tool["name"], members, build)
    announced = list(_announced(scan, members))
    for at, identifier in announced:
        reader.announce(identifier, at)
    results, _ = split(
        reader.result(raw, at) for at, raw in elements(members, log, "vulnerabilities", "")
    )
    notes = tuple(_notifications(scan, members, build))
    mode = members.text(members.object(scan, "partial_scan", "/scan"), "mode", "/scan/partial_scan")
    yield Run(
        pointer="",
        tool=tool["name"],
        version=tool["version"],
        organization=tool["vendor"],
        rules=reader.rules.listed(),
        lists_rules=bool(announced),  # by the schema the list is exhaustive
        results=results,
        execution_successful=_success(scan, notes, members),
        started_at=_moment(scan, "start_time", members),
        finished_at=_moment(scan, "end_time", members),
        notifications=notes,
        category=category(kind),
        # Only what the change touches was looked at, whatever GitLab calls it.
        incremental_mode=f"diff-informed,{mode.lower()}" if mode else "",
        extensions=tuple(part["name"] for part in wrapped),
        extension_versions=tuple((p["name"], p["version"]) for p in wrapped if p["version"]),
    )


# --- the tool and its run ------------------------------------------------------------------------
def _tools(
    scan: dict[str, Any], log: dict[str, Any], members: Members
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The scanner, and the analyzer around it where that is another."""
    at, scanner = "/scan/scanner", members.object(scan, "scanner", "/scan")
    analyzer = _component(members.object(scan, "analyzer", "/scan"), "/scan/analyzer", members)
    if not scanner:  # before version 14 only the results said who found them
        first = next(elements(members, log, "vulnerabilities", ""), None)
        if first:
            at, scanner = f"{first[0]}/scanner", members.object(first[1], "scanner", first[0])
    tool = _component(scanner, at, members)
    tool = tool if tool["name"] else analyzer
    if not tool["name"]:
        members.refuse("/scan/scanner/name", "missing: the tool must be named")
    return tool, [analyzer] if analyzer["name"] and analyzer != tool else []


def _component(raw: dict[str, Any], at: str, members: Members) -> dict[str, str]:
    vendor = raw.get("vendor")
    if type(vendor) is str:
        said = members.text(raw, "vendor", at)
    else:
        said = members.text(members.object(raw, "vendor", at), "name", f"{at}/vendor")
    name = members.text(raw, "name", at) or members.text(raw, "id", at)
    return {"name": name.strip(), "version": members.text(raw, "version", at), "vendor": said}


def _notifications(
    scan: dict[str, Any], members: Members, build: Builder
) -> Iterator[Notification]:
    limit = members.limits.notifications
    for at, raw in members.objects(scan, "messages", "/scan", limit, "messages per scan"):
        level = _NOTES.get(members.text(raw, "level", at).lower(), Level.WARNING)
        yield build.notification(at, level, members.text(raw, "value", at))


def _success(
    scan: dict[str, Any], notes: tuple[Notification, ...], members: Members
) -> bool | None:
    """A scan that does not say how it ended has not succeeded for certain."""
    status = members.text(scan, "status", "/scan")
    broken = any(note.level is Level.ERROR for note in notes)
    return status == "success" and not broken if status else None


def _moment(scan: dict[str, Any], key: str, members: Members) -> str:
    """A time in UTC, which GitLab mostly writes without the letter that says so."""
    told = members.text(scan, key, "/scan")
    return told if not told or _ZONED.search(told) else f"{told}Z"


def _announced(scan: dict[str, Any], members: Members) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the scan could have found."""
    limit = members.limits.rules
    yield from members.objects(scan, "primary_identifiers", "/scan", limit, "rules per run")


class _Reader:
    """Reads the vulnerabilities of one report."""

    def __init__(self, kind: str, tool: str, members: Members, build: Builder) -> None:
        self.kind = kind
        self.tool = tool
        self.members = members
        self.build = build
        self.rules = Rules(members)

    # --- rules -----------------------------------------------------------------------------------
    def announce(self, identifier: dict[str, Any], at: str) -> None:
        """Take a rule that the scan could have reported."""
        self._add(identifier, at, self._rule_id(identifier, at), ())

    def _add(self, raw: dict[str, Any], at: str, name: str, cwes: tuple[str, ...]) -> None:
        title, link = self.members.text(raw, "name", at), self.members.text(raw, "url", at)
        self.rules.add(Rule(id=name, name=title, help_uri=link, cwes=cwes), at)

    def _chosen(self, found: list[tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]]:
        """The primary identifier is the first. Of a package it may be a number of GitLab's own,
        where an advisory says it to everybody."""
        if self.kind in OF_CODE:
            return found[0]
        by_type = {self._type(raw, at): (at, raw) for at, raw in reversed(found)}
        return next((by_type[word] for word in _ADVISORIES if word in by_type), found[0])

    def _type(self, raw: dict[str, Any], at: str) -> str:
        return self.members.text(raw, "type", at).lower()

    def _rule_id(self, raw: dict[str, Any], at: str) -> str:
        """The value; of a family of weaknesses, whose value is a bare number, the name."""
        value, name = self._value(raw, at), self.members.text(raw, "name", at)
        return (name or value) if self._type(raw, at) in _FAMILIES else (value or name)

    def _value(self, raw: dict[str, Any], at: str) -> str:
        """The value, which some analyzers write as a number, against the schema."""
        value = raw.get("value")
        return str(value) if type(value) is int else self.members.text(raw, "value", at)

    # --- results ---------------------------------------------------------------------------------
    def result(self, raw: dict[str, Any], at: str) -> Result:
        """One vulnerability."""
        members = self.members
        identifiers = list(members.objects(raw, "identifiers", at))
        if not identifiers:
            members.refuse(f"{at}/identifiers", "missing: nothing says which rule this is")
        place, chosen = self._chosen(identifiers)
        rule = self._rule_id(chosen, place)
        if not rule:
            members.refuse(f"{place}/value", "missing: nothing says which rule this is")
        cwes = self._cwes(identifiers)
        self._add(chosen, place, rule, cwes)
        severity = members.text(raw, "severity", at)
        facts = Facts(
            cwes=cwes,
            aliases=tuple(
                self._rule_id(other, spot)
                for spot, other in identifiers
                if self._type(other, spot) not in _FAMILIES
            ),
            security_severity=score_of(severity),
            fingerprints=self._signatures(raw, at),
            cvss=self._vector(raw, at),
        )
        message, location = self._message(raw, at), self._location(raw, at)
        return self.build.result(at, self.tool, rule, level_of(severity), message, location, facts)

    def _cwes(self, identifiers: list[tuple[str, dict[str, Any]]]) -> tuple[str, ...]:
        values = [self._value(raw, at) for at, raw in identifiers if self._type(raw, at) == "cwe"]
        return weaknesses(values)

    def _vector(self, raw: dict[str, Any], at: str) -> str:
        """What vendors say, where a report lists it."""
        told = self.members.objects(raw, "cvss_vectors", at)
        return best_vector([self.members.text(one, "vector", place) for place, one in told])

    def _message(self, raw: dict[str, Any], at: str) -> str:
        """What is wrong, and with which package."""
        members = self.members
        words = [members.text(raw, key, at) for key in ("description", "message", "name")]
        text = next(filter(None, words), "") or "No description"
        location = members.object(raw, "location", at)
        place = f"{at}/location/dependency"
        dependency = members.object(location, "dependency", f"{at}/location")
        name = members.text(
            members.object(dependency, "package", place), "name", f"{place}/package"
        )
        if not name:
            return text
        fixed = _UPGRADE.search(members.text(raw, "solution", at))
        return package_message(
            name,
            members.text(dependency, "version", place),
            members.text(raw, "name", at) or text,
            fixed=[fixed[1]] if fixed else (),
        )

    def _location(self, raw: dict[str, Any], at: str) -> Location:
        members = self.members
        spot, place = members.object(raw, "location", at), f"{at}/location"
        path = members.text(spot, "file", place)
        if not path:
            # An image: its name is a path, whatever signs it holds.
            return self.build.place(plain_image(members.text(spot, "image", place)), place)
        first = members.integer(spot, "start_line", place)
        last = members.integer(spot, "end_line", place)
        shown = members.text(raw, "raw_source_code_extract", at)
        return self.build.place(
            path,
            place,
            first or None,
            end_line=(last or None) if first else None,
            snippet=shown if self.kind == "sast" else "",  # of a secret it is the secret
        )

    def _signatures(self, raw: dict[str, Any], at: str) -> dict[str, str]:
        """Tracking signatures by algorithm, of several places the first; without any, GitLab's id.

        Of secrets only a digest of each, since it may have been made from the secret.
        """
        members = self.members
        hidden = self.kind == "secret_detection"
        tracking = members.object(raw, "tracking", at)
        found: dict[str, str] = {}
        for place, item in members.objects(tracking, "items", f"{at}/tracking"):
            for where, signature in members.objects(item, "signatures", place):
                algorithm = members.text(signature, "algorithm", where)
                value = members.text(signature, "value", where)
                if algorithm and value and algorithm not in _PLACES:
                    found.setdefault(f"{algorithm}/v1", _digest(value) if hidden else value)
        return found or {"gitlabId/v1": members.text(raw, "id", at)}


def _digest(value: str) -> str:
    """A digest of a text, which may be one already."""
    if value.startswith(DIGEST):
        return value
    return f"{DIGEST}{hashlib.sha256(value.encode(errors='replace')).hexdigest()}"
