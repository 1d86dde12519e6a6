"""Which package a result of a dependency or image scanner is about, by package URL and advisory.

Messages hold the installed version and change with every bump, so they never identify; what is in
them does. How each tool writes it is data: ``packages`` in data/tools.json, with source and date.
Pure; decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from gate.catalogue import load, tool
from gate.globs import matches
from gate.records import Result

MOST_TEXT = 4000  # characters of a message that are looked at
MOST_IDS = 40
# Names of advisories as the databases that tools cite spell them (OSV schema, "Database" ids).
_ADVISORY = (
    r"CVE-\d{4}-\d+|GHSA(?:-[0-9a-z]{4}){3}|GO-\d{4}-\d{4,}|PYSEC-\d{4}-\d+"
    r"|RUSTSEC-\d{4}-\d{4}|OSV-\d{4}-\d+|MAL-\d{4}-\d+|DSA-\d+(?:-\d+)?|DLA-\d+(?:-\d+)?|USN-\d+-\d+"
    r"|RHSA-\d{4}:\d+|ALAS2?-\d{4}-\d+|SNYK-[A-Z]+-[A-Z0-9]+-\d+|npm:[\w.@/-]+:\d{8}|SONATYPE-\d{4}-\d+"
)
_ID = re.compile(rf"(?<![A-Za-z0-9])(?:{_ADVISORY})(?![A-Za-z0-9])", re.IGNORECASE)
_NOT_FIXED = {"", "none", "n/a", "unknown", "(none)"}


@dataclass(frozen=True, slots=True)
class PackageIdentity:
    """A package with a weakness. ``ecosystem`` is a type of package URL, empty where unknown.

    ``version`` is the installed one, ``fixed`` those that the result names as repaired. ``advisories``
    hold every id of the one weakness that is known, in capitals.
    """

    ecosystem: str
    name: str
    version: str
    advisories: tuple[str, ...]
    fixed: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """The package URL without version, empty where the ecosystem is not known."""
        return f"pkg:{self.ecosystem}/{self.name}" if self.ecosystem else ""

    def is_same_package(self, other: PackageIdentity) -> bool:
        """Whether both are one package; an ecosystem that nobody says keeps nothing apart."""
        ecosystems = {self.ecosystem, other.ecosystem} - {""}
        return self.name == other.name and len(ecosystems) < 2

    def is_same_weakness(self, other: PackageIdentity) -> bool:
        """Whether both are one package and share an advisory or an alias of it."""
        return self.is_same_package(other) and not set(self.advisories).isdisjoint(other.advisories)


@dataclass(frozen=True, slots=True)
class _Shape:
    engines: tuple[str, ...]  # empty: any tool, tried last
    rule: re.Pattern[str] | None
    message: re.Pattern[str] | None


def package_identity(result: Result) -> PackageIdentity | None:
    """The package and the advisories of a result; None where the tool's shape is not known.

    Read from rule id, former ids of the rule (osv-scanner's aliases) and message.
    """
    row = tool(result.tool)
    engine = row.engine if row else ""
    for shape in _shapes():
        if not shape.engines or engine in shape.engines:
            found = _groups(shape, result)
            if found and found.get("name"):
                return _identity(result, found)
    return None


def advisories(text: str) -> tuple[str, ...]:
    """The ids of advisories in a text, in capitals, each once."""
    ids = (match[0].upper() for match in _ID.finditer(text[:MOST_TEXT]))
    return tuple(dict.fromkeys(ids))[:MOST_IDS]


def plain_name(ecosystem: str, name: str) -> str:
    """A package's name as two tools may be compared by: folded, PyPI's separators made one."""
    folded = name.strip().strip("'\"").casefold()
    return re.sub(r"[-_.]+", "-", folded) if ecosystem == "pypi" else folded


def name_key(name: str) -> str:
    """What names of one package share, however they are spelled and whatever group is said."""
    return plain_name("pypi", name.rpartition(":")[2])


def ecosystem_of(path: str) -> str:
    """The type of package URL that a manifest or lock file is of; empty where it is not one."""
    for row in load("manifests.json")["rows"]:
        if matches(tuple(row["patterns"]), path):
            return str(row.get("purl", ""))
    return ""


def _groups(shape: _Shape, result: Result) -> dict[str, str] | None:
    """What a shape reads of a result; None where rule or message do not have it."""
    found: dict[str, str] = {}
    for pattern, text in ((shape.rule, result.rule), (shape.message, result.message[:MOST_TEXT])):
        if pattern is None:
            continue
        match = pattern.search(text)
        if match is None:
            return None
        found |= {key: value for key, value in match.groupdict().items() if value}
    return found


def _identity(result: Result, found: dict[str, str]) -> PackageIdentity | None:
    told = " ".join((result.rule, *result.aliases, found.get("advisories", "")))
    ids = advisories(told)
    if not ids:
        return None
    kinds: dict[str, str] = load("tools.json")["package_types"]
    ecosystem = kinds.get(found.get("type", "").casefold(), "")
    ecosystem = ecosystem or ecosystem_of(result.location.path or result.location.uri)
    return PackageIdentity(
        ecosystem=ecosystem,
        name=plain_name(ecosystem, found["name"]),
        version=found.get("version", "").strip(),
        advisories=ids,
        fixed=_versions(found.get("fixed", "")),
    )


def _versions(text: str) -> tuple[str, ...]:
    parts = (part.strip().removeprefix("v") for part in re.split(r"[,;|\s]+", text))
    return tuple(dict.fromkeys(part for part in parts if part.casefold() not in _NOT_FIXED))


@cache
def _shapes() -> tuple[_Shape, ...]:
    rows = load("tools.json")["packages"]
    return tuple(sorted(map(_shape, rows), key=lambda shape: not shape.engines))


def _shape(row: dict[str, Any]) -> _Shape:
    def pattern(key: str) -> re.Pattern[str] | None:
        text = row.get(key, "").replace("{advisory}", f"(?:{_ADVISORY})")
        return re.compile(text, re.IGNORECASE | re.MULTILINE) if text else None

    return _Shape(tuple(row["engines"]), pattern("rule"), pattern("message"))


def class_of(result: Result, kind: str = "") -> str:
    """The class of a result that is of another class than its tool: a secret that Trivy found.

    ``kind`` is the class of the tool. Told by rule, message or weakness; empty where it is the tool's.
    """
    row, told = tool(result.tool), load("tools.json")
    for known in told["classes_of_results"] if row else ():
        if row and row.engine in known["engines"] and _tells(known, result):
            return str(known["class"])
    secret = told["secret_cwes"]
    hit = kind in secret["of"] and not set(result.cwes).isdisjoint(secret["cwes"])
    return "secrets" if hit else ""


def _tells(row: dict[str, Any], result: Result) -> bool:
    texts = {"rule": result.rule, "message": result.message[:MOST_TEXT]}
    return all(re.search(row[key], text) for key, text in texts.items() if key in row)


def locks_of(manifest: str) -> tuple[str, ...]:
    """The lock files that may stand beside a manifest, by path; none for any other file."""
    folder, _, name = manifest.rpartition("/")
    names: list[str] = load("manifests.json")["locks"].get(name, [])
    return tuple(f"{folder}/{lock}" if folder else lock for lock in names)
