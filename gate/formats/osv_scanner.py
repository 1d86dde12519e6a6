"""OSV-Scanner's JSON. A result is one group of advisories for one package of one source; rules,
messages, places and levels are those of its SARIF (internal/output/sarif.go), so that a fix is
judged the same from either.

What it does not say: the version, whether the run succeeded. Of the sources it lists those with
packages to show, which need not be all that it read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gate.cvss import best_vector
from gate.formats.building import Builder, Facts, Rules, split, weaknesses, worst
from gate.formats.json_text import Keep, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.records import Level, Result, Rule, Run

NAME = "OSV-Scanner JSON"
TOOL = "osv-scanner"
WORKSPACE = "/github/workspace/"
SHORT_COMMIT = 8

# The id that a group goes by: distributions' advisories, then CVE, others, GHSA.
_ORDER = {"DSA": 0, "USN": 0, "CVE": 1, "GHSA": 3}


def shape(limits: Limits) -> Shape:
    """What is kept of a document."""
    packages = Stream(limits.results, "packages per file")
    return {
        "results": {"*": {"source": Keep.WHOLE, "packages": packages, "*": Keep.NOTHING}},
        "*": Keep.NOTHING,
    }


def runs(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. Raises InputError for wrong types and passed limits."""
    rules = Rules(members)
    sources = list(members.objects(log, "results", "", members.limits.artifacts, "sources"))
    results, _ = split(
        found for at, raw in sources for found in _of_source(raw, at, members, build, rules)
    )
    members.count(len(results), members.limits.results, "results per file", "/results")
    paths = (_source(raw, at, members) for at, raw in sources)
    yield Run(
        pointer="",
        tool=TOOL,
        organization="Google",
        rules=rules.listed(),
        lists_rules=False,
        results=results,
        results_present=log.get("results") is not None,
        artifacts=build.paths(paths, "/results"),
    )


def _source(raw: dict[str, Any], at: str, members: Members) -> str:
    source = members.object(raw, "source", at)
    return members.text(source, "path", f"{at}/source").removeprefix(WORKSPACE)


def _of_source(
    raw: dict[str, Any], at: str, members: Members, build: Builder, rules: Rules
) -> Iterator[Result]:
    for key in ("source", "packages"):
        if raw.get(key) is None:
            members.refuse(f"{at}/{key}", "missing: this is no source with packages")
    place = build.place(_source(raw, at, members), at)
    for where, package in members.stream(raw, "packages", at):
        if type(package) is not dict:
            members.refuse(where, "must be an object")
        known = {
            members.text(found, "id", spot): (spot, found)
            for spot, found in members.objects(package, "vulnerabilities", where)
        }
        named = _package(members.object(package, "package", where), f"{where}/package", members)
        for spot, ids, score in _groups(package, known, where, members):
            facts, rule = _facts(ids, known, score, members)
            said = ", ".join(f"'{name}'" for name in facts.aliases)
            also = f" (also known as {said})" if said else ""
            rules.add(Rule(id=rule, cwes=facts.cwes, aliases=facts.aliases), spot)
            message = f"Package '{named}' is vulnerable to '{rule}'{also}."
            yield build.result(spot, TOOL, rule, Level.WARNING, message, place, facts)


def _groups(
    package: dict[str, Any], known: dict[str, Any], at: str, members: Members
) -> Iterator[tuple[str, tuple[str, ...], float | None]]:
    """Pointer, ids and score of each group; of a vulnerability that no group has, its own."""
    grouped: set[str] = set()
    for where, raw in members.objects(package, "groups", at):
        ids = tuple(name for name in members.texts(raw, "ids", where) if name)
        if not ids:
            members.refuse(f"{where}/ids", "missing: nothing says which advisory this is")
        grouped.update(ids)
        score = raw.get("max_severity")
        yield where, ids, members.decimal(raw, "max_severity", where, 10.0) if score else None
    for name, (where, _) in known.items():
        if not name:
            members.refuse(f"{where}/id", "missing: nothing says which advisory this is")
        if name not in grouped:
            yield where, (name,), None


def _facts(
    ids: tuple[str, ...], known: dict[str, Any], score: float | None, members: Members
) -> tuple[Facts, str]:
    """What is known of a group, and the id that it goes by."""
    told = [known[name] for name in ids if name in known]
    others = (name for at, raw in told for name in members.texts(raw, "aliases", at))
    rule, *aliases = sorted({*ids, *filter(None, others)}, key=_precedence)
    cwes = (word for at, raw in told for word in _cwes(raw, at, members))
    # Only scores that are written: a vector is no number, and to work one out is not ours.
    facts = Facts(
        cwes=weaknesses(cwes), aliases=tuple(aliases), security_severity=worst([score]),
        cvss=best_vector([word for at, raw in told for word in _vectors(raw, at, members)]),
    )  # fmt: skip
    return facts, rule


def _precedence(name: str) -> tuple[int, str]:
    return _ORDER.get(name.partition("-")[0], 2), name


def _cwes(raw: dict[str, Any], at: str, members: Members) -> tuple[str, ...]:
    """What databases say of weaknesses, each in its own way."""
    data, where = members.object(raw, "database_specific", at), f"{at}/database_specific"
    return members.texts(data, "cwe_ids", where) if type(data.get("cwe_ids")) is list else ()


def _vectors(raw: dict[str, Any], at: str, members: Members) -> list[str]:
    """The vectors of an advisory: ``{"type": "CVSS_V3", "score": "CVSS:3.1/…"}``."""
    told = members.objects(raw, "severity", at) if type(raw.get("severity")) is list else ()
    return [members.text(one, "score", where) for where, one in told]


def _package(raw: dict[str, Any], at: str, members: Members) -> str:
    """A package as OSV-Scanner writes it: ``lodash@4.17.20``, a commit for what has no version."""
    if not raw:
        members.refuse(at, "missing: nothing says which package this is")
    name, version, commit = (members.text(raw, key, at) for key in ("name", "version", "commit"))
    if commit and not name:
        return commit
    return f"{name}@{commit[:SHORT_COMMIT] if commit else version}"
