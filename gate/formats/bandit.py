"""Bandit's own JSON (``-f json``). Levels, messages and places are those of its SARIF.

What it does not say: the version, whether the run succeeded, which tests were on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gate.formats.building import Builder, Facts, Rules, elements, split, weaknesses
from gate.formats.json_text import Keep, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.records import Level, Location, Notification, Result, Rule, Run

NAME = "Bandit JSON"
TOOL = "Bandit"
TOTALS = "_totals"  # the one key of metrics that is not a file
LEVELS = {"HIGH": Level.ERROR, "MEDIUM": Level.WARNING, "LOW": Level.NOTE}


def shape(limits: Limits) -> Shape:
    """What is kept of a document."""
    return {
        "results": Stream(limits.results, "results per file"),
        "errors": Stream(limits.notifications, "errors per file"),
        "metrics": {"*": Keep.NOTHING},
        "generated_at": Keep.WHOLE,
        "*": Keep.NOTHING,
    }


def runs(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. Raises InputError for wrong types and passed limits."""
    rules = Rules(members)
    results, _ = split(_results(log, members, build, rules))
    metrics = members.object(log, "metrics", "")
    members.count(len(metrics), members.limits.artifacts, "files per run", "/metrics")
    files = (members.clean(name, "/metrics") for name in metrics if name != TOTALS)
    yield Run(
        pointer="",
        tool=TOOL,
        organization="PyCQA",
        rules=rules.listed(),
        lists_rules=False,
        results=results,
        results_present="results" in log,
        finished_at=members.text(log, "generated_at", ""),
        notifications=tuple(_errors(log, members, build)),
        artifacts=build.paths(files, "/metrics"),
        lists_artifacts=True,
    )


def _results(
    log: dict[str, Any], members: Members, build: Builder, rules: Rules
) -> Iterator[Result]:
    for at, raw in elements(members, log, "results", ""):
        rule = members.text(raw, "test_id", at)
        if not rule:
            members.refuse(f"{at}/test_id", "missing: nothing says which rule this is")
        number = members.integer(members.object(raw, "issue_cwe", at), "id", f"{at}/issue_cwe")
        cwes = weaknesses([number] if number else [])
        title, link = (members.text(raw, key, at) for key in ("test_name", "more_info"))
        rules.add(Rule(id=rule, name=title, help_uri=link, cwes=cwes), at)
        severity = members.text(raw, "issue_severity", at).upper()
        yield build.result(
            at, TOOL, rule, LEVELS.get(severity, Level.WARNING),
            members.text(raw, "issue_text", at), _place(raw, at, members, build), Facts(cwes=cwes),
        )  # fmt: skip


def _place(raw: dict[str, Any], at: str, members: Members, build: Builder) -> Location:
    numbers = [n for n in members.array(raw, "line_range", at) if type(n) is int and n > 0]
    first = numbers[0] if numbers else members.integer(raw, "line_number", at, 1)
    start, end = (members.integer(raw, key, at) for key in ("col_offset", "end_col_offset"))
    return build.place(
        members.text(raw, "filename", at),
        at,
        first,
        end_line=numbers[1] if len(numbers) > 1 else first,
        column=None if start is None else start + 1,
        end_column=None if end is None else end + 1,
        snippet=_line(members.text(raw, "code", at), first),
    )


def _line(code: str, number: int | None) -> str:
    """The one line with this number of what Bandit shows: ``7 subprocess.call(...)``."""
    for line in code.split("\n"):
        told, _, text = line.partition(" ")
        if number and told == str(number):
            return f"{text}\n"
    return ""


def _errors(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Notification]:
    """Files that were not read, and why."""
    for at, raw in elements(members, log, "errors", ""):
        name, reason = (members.text(raw, key, at) for key in ("filename", "reason"))
        yield build.notification(at, Level.ERROR, reason, names=[name])
