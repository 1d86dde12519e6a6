"""The JSON of Semgrep and Opengrep (``--json``). Levels, messages and fingerprints are those of
their SARIF; beyond it they say which files were scanned, and which were left out and why.

What they do not say: whether the run succeeded; without ``--time``, which rules were on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gate.formats.building import Builder, Facts, Rules, elements, split, weaknesses
from gate.formats.json_text import Keep, Shape, Stream
from gate.formats.limits import Limits
from gate.formats.members import Members
from gate.formats.sarif_tool import security_severity
from gate.records import Level, Notification, Result, Rule, Run, Suppression

NAME = "Semgrep JSON"
TOOL = "Semgrep OSS"  # as its SARIF has it
FINGERPRINT = "matchBasedId/v1"  # as its SARIF has it
HIDDEN = "requires login"
LEVELS = {
    "CRITICAL": Level.ERROR, "HIGH": Level.ERROR, "ERROR": Level.ERROR,
    "MEDIUM": Level.WARNING, "WARNING": Level.WARNING,
    "LOW": Level.NOTE, "INFO": Level.NOTE, "INVENTORY": Level.NOTE, "EXPERIMENT": Level.NOTE,
}  # fmt: skip
_ERRORS = {"error": Level.ERROR, "warn": Level.WARNING, "info": Level.NOTE}
# Left out because somebody set it up so: outside the scope, nothing went wrong.
_BY_SETTING = frozenset(
    {
        "always_skipped", "semgrepignore_patterns_match", "gitignore_patterns_match",
        "cli_include_flags_do_not_match", "cli_exclude_flags_match", "wrong_language",
        "irrelevant_rule", "dotfile", "nonexistent_file",
    }
)  # fmt: skip


def shape(limits: Limits) -> Shape:
    """What is kept of a document."""
    notes = limits.notifications
    return {
        "version": Keep.WHOLE,
        "results": Stream(limits.results, "results per file"),
        "errors": Stream(notes, "errors per file"),
        "paths": {
            "scanned": Stream(limits.artifacts, "files per run"),
            "skipped": Stream(notes, "skipped files per file"),
            "*": Keep.NOTHING,
        },
        "time": {"rules": Stream(limits.rules, "rules per run"), "*": Keep.NOTHING},
        "*": Keep.NOTHING,
    }


def runs(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Run]:
    """The one run. Raises InputError for wrong types and passed limits."""
    rules = Rules(members)
    timed = [_timed(raw, at, members) for at, raw in _timed_rules(log, members)]
    for rule in timed:
        rules.add(Rule(id=rule), "/time/rules")
    results, _ = split(_results(log, members, build, rules))
    paths = members.object(log, "paths", "")
    skipped = tuple(_skipped(paths, members, build))
    # A file that could not be parsed is in both lists.
    left_out = {path for told in skipped for path in told.paths if told.level is Level.WARNING}
    scanned = build.paths(_texts(members, paths, "scanned", "/paths"), "/paths/scanned")
    yield Run(
        pointer="",
        tool=TOOL,
        version=members.text(log, "version", ""),
        organization="Semgrep",
        rules=rules.listed(),
        lists_rules=bool(timed),
        results=results,
        results_present="results" in log,
        notifications=(*_errors(log, members, build), *skipped),
        artifacts=tuple(path for path in scanned if path not in left_out),
        lists_artifacts="scanned" in paths,
    )


def _results(
    log: dict[str, Any], members: Members, build: Builder, rules: Rules
) -> Iterator[Result]:
    for at, raw in elements(members, log, "results", ""):
        rule = members.text(raw, "check_id", at)
        if not rule:
            members.refuse(f"{at}/check_id", "missing: nothing says which rule this is")
        extra = members.object(raw, "extra", at)
        inside = f"{at}/extra"
        data = members.object(extra, "metadata", inside)
        facts = _facts(extra, data, inside, members)
        link = members.text(data, "source", f"{inside}/metadata") if "source" in data else ""
        rules.add(Rule(id=rule, help_uri=link, cwes=facts.cwes), at)
        start, end = (members.object(raw, key, at) for key in ("start", "end"))
        lines = members.text(extra, "lines", inside)
        location = build.place(
            members.text(raw, "path", at),
            at,
            members.integer(start, "line", f"{at}/start", 1),
            column=members.integer(start, "col", f"{at}/start", 1),
            end_line=members.integer(end, "line", f"{at}/end", 1),
            end_column=members.integer(end, "col", f"{at}/end", 1),
            snippet="" if lines == HIDDEN else lines,
        )
        severity = members.text(extra, "severity", inside).upper()
        message = members.text(extra, "message", inside)
        level = LEVELS.get(severity, Level.WARNING)
        yield build.result(at, TOOL, rule, level, message, location, facts)


def _facts(extra: dict[str, Any], data: dict[str, Any], at: str, members: Members) -> Facts:
    cwe = data.get("cwe")
    words = [cwe] if type(cwe) is str else members.texts(data, "cwe", f"{at}/metadata")
    ignored = members.flag(extra, "is_ignored", at)
    return Facts(
        cwes=weaknesses(words),
        security_severity=security_severity(members, data, f"{at}/metadata"),
        fingerprints={FINGERPRINT: members.text(extra, "fingerprint", at)},
        suppressions=(Suppression("inSource"),) if ignored else (),
    )


def _errors(log: dict[str, Any], members: Members, build: Builder) -> Iterator[Notification]:
    for at, raw in elements(members, log, "errors", ""):
        level = _ERRORS.get(members.text(raw, "level", at).lower(), Level.WARNING)
        kind = raw.get("type")  # a word, or a list that begins with one
        kind = kind[0] if type(kind) is list and kind else kind
        message = members.text(raw, "message", at) or members.text(raw, "long_msg", at)
        yield build.notification(
            at, level, message,
            name=members.clean(kind, at) if type(kind) is str else "",
            rule=members.text(raw, "rule_id", at), names=[members.text(raw, "path", at)],
        )  # fmt: skip


def _skipped(paths: dict[str, Any], members: Members, build: Builder) -> Iterator[Notification]:
    """Files that were not scanned: a note where settings say so, else a warning."""
    for at, raw in elements(members, paths, "skipped", "/paths"):
        name, reason = (members.text(raw, key, at) for key in ("path", "reason"))
        level = Level.NOTE if reason in _BY_SETTING else Level.WARNING
        message = f"{name} was skipped: {reason or 'no reason given'}"
        yield build.notification(at, level, message, name=reason, names=[name])


def _texts(members: Members, parent: dict[str, Any], key: str, at: str) -> Iterator[str]:
    for place, value in members.stream(parent, key, at):
        if type(value) is not str:
            members.refuse(place, "must be a string")
        yield members.clean(value, place)


def _timed_rules(log: dict[str, Any], members: Members) -> Iterator[tuple[str, Any]]:
    yield from members.stream(members.object(log, "time", ""), "rules", "/time")


def _timed(raw: Any, at: str, members: Members) -> str:
    """The id of a rule: a word, in older versions a member."""
    if type(raw) is str:
        return members.clean(raw, at)
    if type(raw) is not dict:
        members.refuse(at, "must be a string")
    return members.text(raw, "id", at)
