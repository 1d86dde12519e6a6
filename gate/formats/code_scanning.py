"""GitHub's code scanning alerts as its REST API lists them (``GET …/code-scanning/alerts``).

A list of what GitHub remembers, not a scan: alerts of several analyses and commits, the fixed ones
among them, which are left out. One run for each tool. What it does not say: whether an analysis
succeeded and when, which rules were on, which files were looked at. Dismissed is not absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gate.formats.building import Builder, Facts, Rules, score_of, split, weaknesses
from gate.formats.json_text import Elements, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.records import Level, Location, Result, Rule, Run, Suppression

NAME = "GitHub code scanning alerts"
FINGERPRINT = "githubAlertNumber/v1"
LEVELS = {"error": Level.ERROR, "warning": Level.WARNING, "note": Level.NOTE, "none": Level.NONE}
FIXED, DISMISSED = "fixed", "dismissed"


def shape(limits: Limits) -> Shape:
    """What is kept of a document: nothing, the alerts are read one after the other."""
    return Stream(limits.results, "results per file")


class _Tool:
    """What the alerts of one tool say together."""

    def __init__(self, members: Members) -> None:
        self.rules = Rules(members)
        self.results: list[Result] = []
        self.versions: set[str] = set()
        self.commits: set[str] = set()
        self.categories: set[str] = set()


def runs(log: Elements, members: Members, build: Builder) -> Iterator[Run]:
    """One run for each tool. Raises InputError for wrong types and passed limits."""
    tools: dict[str, _Tool] = {}
    for index, raw in enumerate(log):
        at = f"/{index}"
        if type(raw) is not dict:
            members.refuse(at, "must be an object")
        tool = members.object(raw, "tool", at)
        name = members.text(tool, "name", f"{at}/tool").strip()
        if not name:
            members.refuse(f"{at}/tool/name", "missing: the tool must be named")
        if name not in tools:
            members.count(len(tools) + 1, members.limits.runs, "tools", at)
        known = tools.setdefault(name, _Tool(members))
        known.versions.add(members.text(tool, "version", f"{at}/tool"))
        _take(raw, at, name, known, members, build)
    for name, known in tools.items():
        results, _ = split(known.results)
        yield Run(
            pointer="",
            tool=name,
            version=_only(known.versions),
            rules=known.rules.listed(),
            lists_rules=False,
            results=results,
            category=_only(known.categories),
            revision=_only(known.commits),
        )


def _only(values: set[str]) -> str:
    """The value that all share, or nothing."""
    return next(iter(values)) if len(values) == 1 else ""


def _take(
    raw: dict[str, Any], at: str, tool: str, known: _Tool, members: Members, build: Builder
) -> None:
    """Add an alert to those of its tool, unless GitHub says that it is fixed."""
    rule, instance = (members.object(raw, key, at) for key in ("rule", "most_recent_instance"))
    of_rule, of_instance = f"{at}/rule", f"{at}/most_recent_instance"
    known.commits.add(members.text(instance, "commit_sha", of_instance))
    known.categories.add(members.text(instance, "category", of_instance))
    name = members.text(rule, "id", of_rule) or members.text(rule, "name", of_rule)
    if not name:
        members.refuse(f"{of_rule}/id", "missing: nothing says which rule this is")
    state = members.text(raw, "state", at)
    if state == FIXED:
        return
    title = members.text(rule, "description", of_rule)
    level = LEVELS.get(members.text(rule, "severity", of_rule), Level.WARNING)
    facts = _facts(raw, at, rule, state, members)
    score = facts.security_severity
    known.rules.add(
        Rule(id=name, name=title, level=level, security_severity=score, cwes=facts.cwes), at
    )
    words = members.object(instance, "message", of_instance)
    message = members.text(words, "text", f"{of_instance}/message") or title
    place = _place(instance, of_instance, members, build)
    known.results.append(build.result(at, tool, name, level, message, place, facts))


def _facts(
    raw: dict[str, Any], at: str, rule: dict[str, Any], state: str, members: Members
) -> Facts:
    reasons: tuple[Suppression, ...] = ()
    if state == DISMISSED:
        said = (members.text(raw, key, at) for key in ("dismissed_reason", "dismissed_comment"))
        why = ": ".join(filter(None, said))
        reasons = (Suppression("external", justification=why),)
    number = members.integer(raw, "number", at)
    return Facts(
        cwes=weaknesses(members.texts(rule, "tags", f"{at}/rule")),
        security_severity=score_of(members.text(rule, "security_severity_level", f"{at}/rule")),
        fingerprints={FINGERPRINT: str(number)} if number else None,
        suppressions=reasons,
    )


def _place(instance: dict[str, Any], at: str, members: Members, build: Builder) -> Location:
    spot, where = members.object(instance, "location", at), f"{at}/location"
    keys = ("start_line", "start_column", "end_line", "end_column")
    line, column, end_line, end_column = (members.integer(spot, key, where, 0) for key in keys)
    return build.place(
        members.text(spot, "path", where),
        where,
        line or None,
        column=column or None,
        end_line=end_line or None,
        end_column=end_column or None,
    )
