"""What GitHub exports: alerts of code scanning, Dependabot and secret scanning, pull requests, analyses.

As its REST API lists them (``gh api --paginate``), one file for each kind. Open alerts are findings, with
what people dismissed there as requests; fixed ones are closures, and pull requests with analyses tell
whether the fix was scanned before it merged. What they do not tell is unknown, never guessed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.moments import rfc3339
from gate.evidence import Commit
from gate.formats.building import Facts, package_message, score_of, weaknesses
from gate.provenance import tell_origin
from gate.records import Level, Location, Result
from scans.history import ClosedHow, Scanned
from scans.moving_in.reading import Reader
from scans.moving_in.rows import (
    MOST_TEXT,
    Asked,
    ClosedRow,
    Decision,
    Export,
    OpenRow,
    severity_word,
)

# What GitHub calls the tool of alerts that name none.
DEPENDABOT, SECRETS = "Dependabot", "GitHub secret scanning"
LEVELS = {"error": Level.ERROR, "warning": Level.WARNING, "note": Level.NOTE, "none": Level.NOTE}
SEVERITY_LEVELS = {
    "critical": Level.ERROR,
    "high": Level.ERROR,
    "medium": Level.WARNING,
    "low": Level.NOTE,
}
# Why an alert was dismissed → what that asks for here. Anything else is a false positive in question.
DISMISSED = {
    "won't fix": Asked.ACCEPT_RISK, "wont_fix": Asked.ACCEPT_RISK, "tolerable_risk": Asked.ACCEPT_RISK,
    "no_bandwidth": Asked.ACCEPT_RISK, "fix_started": Asked.NOTHING,
}  # fmt: skip
FIXED_STATES = ("fixed",)
DISMISSED_STATES = ("dismissed", "auto_dismissed")
_REPOSITORY = re.compile(r"https://[^/]+/([^/]+/[^/]+)/")
_PULL_REF = re.compile(r"refs/pull/(\d{1,9})/(?:head|merge)\Z")


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request that merged."""

    number: int
    url: str
    merged_at: datetime
    merge_commit: str
    head_commit: str
    origin: str
    agent: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """A report that the host kept: when it got it, of which ref and commit."""

    tool: str
    ref: str
    commit: str
    at: datetime
    url: str


def read_alerts(reader: Reader) -> Export:
    """Alerts of any of the three kinds. Raises InputError naming the alert."""
    export = Export()
    for at, raw in reader.rows("alerts"):
        kind = _kind(reader, raw, at)
        state = reader.text(raw, "state", at)
        if state in FIXED_STATES or (kind is _SECRET and _is_revoked(reader, raw, at)):
            export.closed.append(_closed(reader, raw, at, kind))
        else:
            export.open.append(_open(reader, raw, at, kind))
    export.problems = reader.members.all_problems()
    return export


def with_evidence(
    export: Export, pulls: Sequence[Pull], analyses: Sequence[Analysis] | None
) -> Export:
    """The closures with the pull request that fixed each, and what its analyses tell. None: no list given."""
    by_merge = {pull.merge_commit: pull for pull in pulls if pull.merge_commit}
    by_tool: dict[str, list[Analysis]] = {}
    for one in sorted(analyses or (), key=lambda one: one.at):
        by_tool.setdefault(one.tool, []).append(one)
    told = [
        _judged(row, by_merge.get(row.fix_commit), by_tool if analyses is not None else None)
        for row in export.closed
    ]
    export.closed = told
    return export


# --- kinds of alerts -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Kind:
    """``name``: in the addresses of the API and of alerts."""

    name: str


_CODE, _PACKAGE, _SECRET = _Kind("code-scanning"), _Kind("dependabot"), _Kind("secret-scanning")


def _kind(reader: Reader, raw: Mapping[str, Any], at: str) -> _Kind:
    if "most_recent_instance" in raw or "rule" in raw:
        return _CODE
    if "security_advisory" in raw or "security_vulnerability" in raw:
        return _PACKAGE
    if "secret_type" in raw:
        return _SECRET
    reader.refuse(at, "is no alert of code scanning, Dependabot or secret scanning")


def _key(reader: Reader, raw: dict[str, Any], at: str, kind: _Kind) -> str:
    """How alerts are named everywhere: acme/shop code-scanning/12."""
    number = reader.members.integer(raw, "number", at, 1)
    if number is None:
        reader.refuse(f"{at}/number", "missing: nothing says which alert this is")
    found = _REPOSITORY.match(reader.address(raw, "html_url", at))
    return f"{found[1] if found else ''} {kind.name}/{number}".strip()[:300]


def _open(reader: Reader, raw: dict[str, Any], at: str, kind: _Kind) -> OpenRow:
    result, title, severity = _said(reader, raw, at, kind)
    seen = reader.past(reader.moment(raw, "updated_at", at))
    return OpenRow(
        at=at, key=_key(reader, raw, at, kind), result=result, title=title,
        url=reader.address(raw, "html_url", at), severity=severity, cvss=_vector(reader, raw, at),
        first_seen=reader.past(reader.moment(raw, "created_at", at)), last_seen=seen,
        decision=_decision(reader, raw, at, kind),
    )  # fmt: skip


def _said(reader: Reader, raw: dict[str, Any], at: str, kind: _Kind) -> tuple[Result, str, str]:
    """The result as the tool told it, its title, and GitHub's word for its severity."""
    if kind is _CODE:
        return _of_code(reader, raw, at)
    return _of_package(reader, raw, at) if kind is _PACKAGE else _of_secret(reader, raw, at)


def _of_code(reader: Reader, raw: dict[str, Any], at: str) -> tuple[Result, str, str]:
    members = reader.members
    rule, tool = members.object(raw, "rule", at), members.object(raw, "tool", at)
    instance = members.object(raw, "most_recent_instance", at)
    name = reader.text(rule, "id", f"{at}/rule", 300) or reader.text(
        rule, "name", f"{at}/rule", 300
    )
    if not name:
        reader.refuse(f"{at}/rule/id", "missing: nothing says which rule this is")
    words = members.object(instance, "message", f"{at}/most_recent_instance")
    title = reader.text(rule, "description", f"{at}/rule", 300) or name
    message = reader.text(words, "text", f"{at}/most_recent_instance/message") or title
    told = reader.text(rule, "security_severity_level", f"{at}/rule")
    level = LEVELS.get(reader.text(rule, "severity", f"{at}/rule"), Level.WARNING)
    facts = Facts(
        cwes=weaknesses(members.texts(rule, "tags", f"{at}/rule")), security_severity=score_of(told)
    )
    tool_name = reader.text(tool, "name", f"{at}/tool", 120)
    if not tool_name:
        reader.refuse(f"{at}/tool/name", "missing: the tool must be named")
    place = _place(reader, instance, f"{at}/most_recent_instance")
    return (
        reader.build.result(at, tool_name, name, level, message, place, facts),
        title,
        severity_word(told),
    )


def _place(reader: Reader, instance: dict[str, Any], at: str) -> Location:
    spot = reader.members.object(instance, "location", at)
    names = ("start_line", "start_column", "end_line", "end_column")
    line, column, end_line, end_column = (
        reader.members.integer(spot, name, f"{at}/location") for name in names
    )
    return reader.build.place(
        reader.text(spot, "path", f"{at}/location"), f"{at}/location", line or None,
        column=column or None, end_line=end_line or None, end_column=end_column or None,
    )  # fmt: skip


def _of_package(reader: Reader, raw: dict[str, Any], at: str) -> tuple[Result, str, str]:
    members = reader.members
    advisory = members.object(raw, "security_advisory", at)
    weak = members.object(raw, "security_vulnerability", at)
    dependency = members.object(raw, "dependency", at)
    package = members.object(dependency, "package", f"{at}/dependency") or members.object(
        weak, "package", f"{at}/security_vulnerability"
    )
    ghsa = reader.text(advisory, "ghsa_id", f"{at}/security_advisory", 60)
    name = reader.text(package, "name", f"{at}/dependency/package", 200)
    if not ghsa or not name:
        reader.refuse(at, "a Dependabot alert without ghsa_id or package name")
    title = reader.text(advisory, "summary", f"{at}/security_advisory", 300) or ghsa
    severity = severity_word(reader.text(weak, "severity", f"{at}/security_vulnerability")
                             or reader.text(advisory, "severity", f"{at}/security_advisory"))  # fmt: skip
    fixed = members.object(weak, "first_patched_version", f"{at}/security_vulnerability")
    kind = reader.text(package, "ecosystem", f"{at}/dependency/package", 40)
    message = package_message(
        name, "", title, kind={"pip": "pypi", "rubygems": "gem"}.get(kind, kind),
        fixed=filter(None, [reader.text(fixed, "identifier", at, 60)]),
    )  # fmt: skip
    facts = Facts(
        cwes=weaknesses(_ids(reader, advisory, "cwes", "cwe_id", at)),
        aliases=tuple(
            filter(None, [reader.text(advisory, "cve_id", f"{at}/security_advisory", 60)])
        ),
        security_severity=_score(reader, advisory, at),
    )
    path = reader.text(dependency, "manifest_path", f"{at}/dependency")
    place = reader.build.place(path, f"{at}/dependency/manifest_path")
    level = SEVERITY_LEVELS.get(severity, Level.WARNING)
    return reader.build.result(at, DEPENDABOT, ghsa, level, message, place, facts), title, severity


def _ids(reader: Reader, parent: dict[str, Any], key: str, name: str, at: str) -> Iterator[str]:
    for place, row in reader.members.objects(parent, key, f"{at}/security_advisory"):
        yield reader.text(row, name, place, 40)


def _score(reader: Reader, advisory: dict[str, Any], at: str) -> float | None:
    cvss = reader.members.object(advisory, "cvss", f"{at}/security_advisory")
    return reader.members.decimal(cvss, "score", f"{at}/security_advisory/cvss", 10.0) or None


def _vector(reader: Reader, raw: dict[str, Any], at: str) -> str:
    advisory = reader.members.object(raw, "security_advisory", at)
    cvss = reader.members.object(advisory, "cvss", f"{at}/security_advisory")
    return reader.text(cvss, "vector_string", f"{at}/security_advisory/cvss", 200)


def _of_secret(reader: Reader, raw: dict[str, Any], at: str) -> tuple[Result, str, str]:
    """The secret itself is never taken along: an export with secrets in it holds them in ``secret``."""
    rule = reader.text(raw, "secret_type", at, 300)
    if not rule:
        reader.refuse(f"{at}/secret_type", "missing: nothing says what kind of secret this is")
    title = reader.text(raw, "secret_type_display_name", at, 280) or rule
    place = reader.members.object(raw, "first_location_detected", at)
    line = reader.members.integer(place, "start_line", f"{at}/first_location_detected")
    where = reader.build.place(
        reader.text(place, "path", f"{at}/first_location_detected"), at, line or None
    )
    message = f"A secret was committed: {title}."
    return reader.build.result(at, SECRETS, rule, Level.ERROR, message, where), title, "high"


def _decision(reader: Reader, raw: dict[str, Any], at: str, kind: _Kind) -> Decision:
    """What people decided there: the dismissal of an alert, the resolution of a secret's."""
    if kind is _SECRET:
        names = ("resolution", "resolution_comment", "resolved_by")
        if reader.text(raw, "state", at) != "resolved":
            return Decision()
    else:
        names = ("dismissed_reason", "dismissed_comment", "dismissed_by")
        if reader.text(raw, "state", at) not in DISMISSED_STATES:
            return Decision()
    why = reader.text(raw, names[0], at, 200)
    who = reader.members.object(raw, names[2], at)
    comment = reader.text(raw, names[1], at, MOST_TEXT)
    return Decision(
        what=DISMISSED.get(why.casefold(), Asked.FALSE_POSITIVE),
        by=reader.text(who, "login", f"{at}/{names[2]}", 200),
        reason=": ".join(filter(None, (why, comment))),
    )


def _is_revoked(reader: Reader, raw: dict[str, Any], at: str) -> bool:
    return (
        reader.text(raw, "state", at) == "resolved"
        and reader.text(raw, "resolution", at) == "revoked"
    )


def _closed(reader: Reader, raw: dict[str, Any], at: str, kind: _Kind) -> ClosedRow:
    result, title, severity = _said(reader, raw, at, kind)
    instance = reader.members.object(raw, "most_recent_instance", at)
    closed = next(
        (found for name in ("fixed_at", "resolved_at", "updated_at")
         if (found := reader.moment(raw, name, at))), None,
    )  # fmt: skip
    if closed is None:
        reader.refuse(at, "a closed alert without fixed_at")
    return ClosedRow(
        at=at, key=_key(reader, raw, at, kind), title=title, closed_at=min(closed, reader.now),
        how=ClosedHow.FIXED, url=reader.address(raw, "html_url", at), tool=result.tool,
        rule=result.rule, severity=severity,
        fix_commit=reader.text(instance, "commit_sha", f"{at}/most_recent_instance", 64).lower(),
        evidence="GitHub says that it is fixed; it does not say by which change.",
    )  # fmt: skip


# --- pull requests and analyses ------------------------------------------------------------------
def read_pulls(reader: Reader) -> list[Pull]:
    """The merged ones of a list of pull requests. Raises InputError."""
    found = []
    for at, raw in reader.rows("pulls"):
        merged = reader.moment(raw, "merged_at", at)
        number = reader.members.integer(raw, "number", at, 1)
        if merged is None or number is None:
            continue
        head = reader.members.object(raw, "head", at)
        author = reader.text(reader.members.object(raw, "user", at), "login", f"{at}/user", 200)
        branch = reader.text(head, "ref", f"{at}/head", 300)
        words = "\n\n".join(reader.text(raw, name, at) for name in ("title", "body"))
        told = tell_origin([Commit(message=words, author=f"@{author}" if author else "")], branch)
        found.append(
            Pull(
                number=number, url=reader.address(raw, "html_url", at), merged_at=merged,
                merge_commit=reader.text(raw, "merge_commit_sha", at, 64).lower(),
                head_commit=reader.text(head, "sha", f"{at}/head", 64).lower(),
                origin=told.origin, agent=told.agent[:120],
            )
        )  # fmt: skip
    return found


def read_analyses(reader: Reader) -> list[Analysis]:
    """Those of a list of analyses that did not end in an error. Raises InputError."""
    found = []
    for at, raw in reader.rows("analyses"):
        tool = reader.members.object(raw, "tool", at)
        when = reader.moment(raw, "created_at", at)
        if when is None:
            reader.refuse(f"{at}/created_at", "missing: nothing says when this was made")
        if reader.text(raw, "error", at):
            continue
        found.append(
            Analysis(
                tool=reader.text(tool, "name", f"{at}/tool", 120), ref=reader.text(raw, "ref", at, 300),
                commit=reader.text(raw, "commit_sha", at, 64).lower(), at=when,
                url=reader.address(raw, "url", at),
            )
        )  # fmt: skip
    return found


def _judged(
    row: ClosedRow, pull: Pull | None, analyses: Mapping[str, Sequence[Analysis]] | None
) -> ClosedRow:
    if pull is None:
        commit = row.fix_commit[:12] or "a commit that is not told"
        return replace(
            row, evidence=f"No pull request of the export merged as {commit}, where GitHub saw it fixed."
        )  # fmt: skip
    row = replace(
        row, fix_url=pull.url, merged_at=pull.merged_at, origin=pull.origin, agent=pull.agent
    )
    links = (pull.url,) if pull.url else ()
    if analyses is None:
        said = f"Pull request {pull.number} fixed it; which analyses were made of it is not in the export."
        return replace(row, evidence=said, links=links)
    mine = analyses.get(row.tool, ())
    scanned, said, one = _scanned(pull, mine, row.tool)
    return replace(
        row, scanned=scanned, evidence=said, links=(*links, *([one.url] if one and one.url else []))
    )


def _scanned(
    pull: Pull, analyses: Iterable[Analysis], tool: str
) -> tuple[Scanned, str, Analysis | None]:
    """When the first analysis of the change was made, relative to its merge. ``analyses``: oldest first."""
    mine = list(analyses)
    first = next((one for one in mine if _is_of(one, pull)), None)
    merged = f"pull request {pull.number} merged at {rfc3339(pull.merged_at)}"
    if first is not None:
        what = f"{tool} analysed {first.ref or first.commit[:12]} at {rfc3339(first.at)}"
        if first.at < pull.merged_at:
            return Scanned.BEFORE, f"{what}, before {merged}.", first
        return Scanned.AFTER, f"{what}, the first of the change, after {merged}.", first
    if mine and mine[0].at <= pull.merged_at:
        known = f"{len(mine)} analyses by {tool} are known from {rfc3339(mine[0].at)} on"
        return Scanned.NO, f"{known}; none is of the change: {merged}.", None
    return Scanned.UNKNOWN, f"The analyses of the export do not reach back to when {merged}.", None


def _is_of(one: Analysis, pull: Pull) -> bool:
    """Whether an analysis is of the pull request's content: its refs, its head, or what merged."""
    found = _PULL_REF.match(one.ref)
    if found:
        return int(found[1]) == pull.number
    return one.commit != "" and one.commit in (pull.head_commit, pull.merge_commit)
