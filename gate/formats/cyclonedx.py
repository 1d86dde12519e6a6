"""CycloneDX JSON (1.4 to 1.6 and later) with vulnerabilities: VDR, VEX, and what scanners write.

One result for each vulnerability and component that it affects. Analysis states that say "not here"
(``EXCUSES``) are suppressions: somebody's word, and suppressed is not absent. A document without
``vulnerabilities`` has no results to look at. Not said: execution, rules that were on, files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import unquote

from gate.cvss import best_vector
from gate.formats.building import (
    LEVELS,
    Builder,
    Facts,
    Rules,
    elements,
    level_of,
    package_message,
    score_of,
    split,
    weaknesses,
    worst,
)
from gate.formats.json_text import Keep, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.formats.shelf import OVERHEAD
from gate.records import LEVEL_RANK, Result, Rule, Run, Suppression

NAME = "CycloneDX JSON"
TOOL = "CycloneDX"  # where the document names no tool
EXCUSES = ("not_affected", "false_positive", "resolved", "resolved_with_pedigree")
# Where scanners say in which file a component was found.
PATHS = ("aquasecurity:trivy:FilePath", "syft:location:0:path", "SrcFile")

_PURL = re.compile(
    r"pkg:(?://)?(?P<type>[A-Za-z][A-Za-z0-9.+-]*)/(?P<name>[^@?#]+?)/?(?:@(?P<version>[^?#]*))?(?:[?#].*)?"
)
_GROUPED = {"maven": ":", "gradle": ":"}  # how a group is put before a name; others use a slash
_LINK = re.compile(r"urn:cdx:[^#]*#(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Component:
    """A package: its name with its group, version, type of package URL, file it was found in."""

    name: str
    version: str = ""
    kind: str = ""
    path: str = ""


def shape(limits: Limits) -> Shape:
    """What is kept of a document."""
    return {
        "metadata": Keep.WHOLE,
        "components": Stream(limits.artifacts, "components per file"),
        "vulnerabilities": Stream(limits.results, "results per file"),
        "*": Keep.NOTHING,
    }


def runs(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. Raises InputError for wrong types and passed limits."""
    metadata = members.object(log, "metadata", "")
    tools = list(_tools(metadata, members))
    tool, version, vendor = tools[0] if tools else (TOOL, "", "")
    rules = Rules(members)
    known = _components(log, metadata, members)
    results, _ = split(_results(log, tool, known, members, build, rules))
    members.count(len(results), members.limits.results, "results per file", "/vulnerabilities")
    yield Run(
        pointer="",
        tool=tool,
        version=version,
        organization=vendor,
        rules=rules.listed(),
        lists_rules=False,
        results=results,
        results_present=log.get("vulnerabilities") is not None,
        finished_at=members.text(metadata, "timestamp", "/metadata"),
        extensions=tuple(name for name, _, _ in tools[1:]),
        extension_versions=tuple((name, number) for name, number, _ in tools[1:] if number),
    )


# --- who wrote it --------------------------------------------------------------------------------
def _tools(metadata: dict[str, Any], members: Members) -> Iterator[tuple[str, str, str]]:
    """Name, version and vendor of each tool; before 1.5 they were a plain list."""
    told, at = metadata.get("tools"), "/metadata/tools"
    if type(told) is list:
        found = list(members.objects(metadata, "tools", "/metadata"))
    else:
        groups = members.object(metadata, "tools", "/metadata")
        found = [
            *members.objects(groups, "components", at),
            *members.objects(groups, "services", at),
        ]
    for place, raw in found:
        name = members.text(raw, "name", place).strip()
        maker = raw.get("manufacturer") or raw.get("supplier") or raw.get("provider")
        vendor = members.text(maker, "name", place) if type(maker) is dict else ""
        words = (
            members.text(raw, key, place) for key in ("vendor", "group", "publisher", "author")
        )
        if name:
            yield name, members.text(raw, "version", place), vendor or next(filter(None, words), "")


# --- components ----------------------------------------------------------------------------------
def _components(
    log: dict[str, Any], metadata: dict[str, Any], members: Members
) -> dict[str, _Component]:
    """Components by bom-ref and by package URL, nested ones included."""
    known: dict[str, _Component] = {}
    own = members.object(metadata, "component", "/metadata")
    found = elements(members, log, "components", "")
    for place, raw in chain([("/metadata/component", own)] if own else [], found):
        waiting = [(place, raw)]
        while waiting:  # they contain each other no deeper than a document may go
            at, one = waiting.pop()
            _add(one, at, known, members)
            waiting += members.objects(one, "components", at, members.limits.artifacts)
    return known


def _add(raw: dict[str, Any], at: str, known: dict[str, _Component], members: Members) -> None:
    ref, purl = members.text(raw, "bom-ref", at), members.text(raw, "purl", at)
    component = _component(raw, at, purl, members)
    for name in filter(None, (ref, purl)):
        if name not in known:
            known[name] = component
            members.shelf.kept += len(name) + len(component.name) + 2 * OVERHEAD
    members.count_kept("components", at)


def _component(raw: dict[str, Any], at: str, purl: str, members: Members) -> _Component:
    told = _of_purl(purl)
    group, name, version = (members.text(raw, key, at) for key in ("group", "name", "version"))
    kind = told.kind if told else ""
    full = f"{group}{_GROUPED.get(kind, '/')}{name}" if group else name
    return _Component(
        name=told.name if told else full,
        version=version or (told.version if told else ""),
        kind=kind,
        path=_path(raw, at, members),
    )


def _of_purl(purl: str) -> _Component | None:
    """What a package URL says. The name is written as the tools of its ecosystem write it."""
    found = _PURL.fullmatch(purl)
    if not found:
        return None
    kind = found["type"].lower()
    parts = [unquote(part, errors="replace") for part in found["name"].split("/") if part]
    if kind in ("deb", "rpm", "apk"):  # the distribution is no part of the name
        parts = parts[-1:]
    name = _GROUPED.get(kind, "/").join(parts)
    return _Component(name, unquote(found["version"] or "", errors="replace"), kind)


def _path(raw: dict[str, Any], at: str, members: Members) -> str:
    """The file that a component was found in, as far as it is said."""
    evidence = members.object(raw, "evidence", at)
    for place, spot in members.objects(evidence, "occurrences", f"{at}/evidence"):
        where = members.text(spot, "location", place)
        if where:
            return where.partition("#")[0]
    properties = {
        members.text(entry, "name", place): (place, entry)
        for place, entry in members.objects(raw, "properties", at)
    }
    for name in PATHS:
        if name in properties:
            place, entry = properties[name]
            return members.text(entry, "value", place).removeprefix("/")
    return ""


# --- vulnerabilities -----------------------------------------------------------------------------
def _results(
    log: dict[str, Any], tool: str, known: dict[str, _Component], members: Members,
    build: Builder, rules: Rules,
) -> Iterator[Result]:  # fmt: skip
    for at, raw in elements(members, log, "vulnerabilities", ""):
        rule = members.text(raw, "id", at)
        if not rule:
            members.refuse(f"{at}/id", "missing: nothing says which vulnerability this is")
        severity, facts = _facts(raw, at, members)
        what = members.text(raw, "description", at) or members.text(raw, "detail", at) or rule
        rules.add(Rule(id=rule, cwes=facts.cwes, aliases=facts.aliases), at)
        for place, component in _affected(raw, at, known, members):
            message = what
            if component.name:
                named = component.name, component.version
                message = package_message(*named, what.partition("\n")[0], kind=component.kind)
            location = build.place(component.path, place)
            level = level_of(severity)
            yield build.result(place, tool, rule, level, message, location, facts)


def _affected(
    raw: dict[str, Any], at: str, known: dict[str, _Component], members: Members
) -> Iterator[tuple[str, _Component]]:
    """Pointer and component of each place where a vulnerability is; itself where none is named."""
    limit = members.limits.results
    affects = list(members.objects(raw, "affects", at, limit, "components per vulnerability"))
    for place, entry in affects:
        ref = members.text(entry, "ref", place)
        linked = _LINK.fullmatch(ref)
        name = unquote(linked[1], errors="replace") if linked else ref
        yield place, known.get(ref) or known.get(name) or _of_purl(name) or _Component(name)
    if not affects:
        yield at, _Component("")


def _facts(raw: dict[str, Any], at: str, members: Members) -> tuple[str, Facts]:
    """The worst severity that somebody gives, and the rest."""
    ratings = list(members.objects(raw, "ratings", at))
    words = [members.text(rating, "severity", place).casefold() for place, rating in ratings]
    scores = [
        members.decimal(rating, "score", place, 10.0)
        for place, rating in ratings
        if members.text(rating, "method", place).upper().startswith("CVSS")
    ]
    known = [word for word in words if word in LEVELS]
    ranked = sorted(known, key=lambda w: (LEVEL_RANK[LEVELS[w]], score_of(w) or 0.0, w))
    severity = ranked[-1] if ranked else ""
    score = worst(scores)
    numbers = [number for number in members.array(raw, "cwes", at) if type(number) is int]
    references = members.objects(raw, "references", at)
    facts = Facts(
        cwes=weaknesses(numbers),
        aliases=tuple(members.text(entry, "id", place) for place, entry in references),
        security_severity=score_of(severity) if score is None else score,
        suppressions=_excuse(raw, at, members),
        cvss=best_vector(members.text(rating, "vector", place) for place, rating in ratings),
    )
    return severity or _word(score), facts


def _word(score: float | None) -> str:
    """The word of CVSS for a score, where nobody says one."""
    bands = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
    return "" if score is None else next((word for least, word in bands if score >= least), "none")


def _excuse(raw: dict[str, Any], at: str, members: Members) -> tuple[Suppression, ...]:
    analysis, where = members.object(raw, "analysis", at), f"{at}/analysis"
    state = members.text(analysis, "state", where)
    if state not in EXCUSES:
        return ()
    words = (members.text(analysis, key, where) for key in ("justification", "detail"))
    return (Suppression("external", justification=": ".join(filter(None, (state, *words)))),)
