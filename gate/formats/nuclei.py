"""Nuclei's JSON, one object a line (``-jsonl``) or one array of them (``-json-export``).

Places are the addresses where something matched. What was sent and received is not kept: it may
hold secrets. What it does not say: the version, whether the run succeeded, which templates ran; a
run without findings leaves an empty file, which is no report of anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gate.cvss import best_vector
from gate.formats.building import (
    Builder,
    Facts,
    Rules,
    level_of,
    score_of,
    split,
    weaknesses,
)
from gate.formats.json_text import Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.records import Result, Rule, Run

NAME = "Nuclei JSON"
TOOL = "Nuclei"
CVSS = "cvss-score"


def shape(limits: Limits) -> Shape:
    """What is kept of an array: nothing, the findings are read one after the other."""
    return Stream(limits.results, "results per file")


def runs(log: Iterable[Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. ``log``: the findings. Raises InputError for wrong types and passed limits."""
    rules = Rules(members)
    results, passed = split(
        _result(raw, f"/{index}", members, build, rules) for index, raw in enumerate(log)
    )
    yield Run(
        pointer="",
        tool=TOOL,
        organization="ProjectDiscovery",
        rules=rules.listed(),
        lists_rules=False,
        results=results,
        passed=passed,
    )


def _result(raw: Any, at: str, members: Members, build: Builder, rules: Rules) -> Result:
    if type(raw) is not dict:
        members.refuse(at, "must be an object")
    rule = members.text(raw, "template-id", at) or members.text(raw, "templateID", at)
    if not rule:
        members.refuse(f"{at}/template-id", "missing: nothing says which template this is")
    info = members.object(raw, "info", at)
    where = f"{at}/info"
    keys = ("name", "severity", "description")
    name, severity, said = (members.text(info, key, where) for key in keys)
    kind = members.object(info, "classification", where)
    place = f"{where}/classification"
    cves, cwes = (_words(kind, key, place, members) for key in ("cve-id", "cwe-id"))
    score = members.decimal(kind, CVSS, place, 10.0)
    matched = members.flag(raw, "matcher-status", at)
    facts = Facts(
        cwes=weaknesses(cwes),
        aliases=tuple(cve.upper() for cve in cves),
        security_severity=score_of(severity) if score is None else score,
        kind="pass" if matched is False else "fail",
        cvss=best_vector([members.text(kind, "cvss-metrics", place)]),
    )
    rules.add(Rule(id=rule, name=name, description=said, cwes=facts.cwes), at)
    address = next(filter(None, (members.text(raw, key, at) for key in _ADDRESSES)), "")
    matcher = members.text(raw, "matcher-name", at) or members.text(raw, "matcher_name", at)
    message = name or rule
    message += f" ({matcher})" if matcher else ""
    location = build.address(address)
    return build.result(at, TOOL, rule, level_of(severity), message, location, facts)


_ADDRESSES = ("matched-at", "matched", "url", "host")


def _words(raw: dict[str, Any], key: str, at: str, members: Members) -> tuple[str, ...]:
    """A word, or a list of words."""
    if type(raw.get(key)) is str:
        return (members.text(raw, key, at),)
    return members.texts(raw, key, at)
