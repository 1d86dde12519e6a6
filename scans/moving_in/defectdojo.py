"""What DefectDojo exports: findings of its API v2 (JSON), and its findings as CSV.

Active findings are open here; false positives and accepted risks come with their decision as a request;
mitigated ones are closures. Its duplicates are left: the finding that they repeat comes by itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gate.formats.building import Facts, level_of, package_message, score_of, weaknesses
from gate.records import Result
from scans.history import ClosedHow
from scans.moving_in.reading import Reader
from scans.moving_in.rows import (
    MOST_NOTES,
    MOST_TEXT,
    Asked,
    ClosedRow,
    Decision,
    Export,
    Note,
    OpenRow,
    Ticket,
    severity_word,
)

# What DefectDojo calls a kind of report → the tool, as its own reports name it.
TOOLS: Mapping[str, str] = {
    "Bandit Scan": "Bandit", "Semgrep JSON Report": "Semgrep", "Trivy Scan": "Trivy",
    "Anchore Grype": "grype", "Nuclei Scan": "Nuclei", "OSV Scan": "osv-scanner",
    "Gitleaks Scan": "gitleaks", "Checkov Scan": "Checkov", "Gosec Scanner": "gosec",
    "Brakeman Scan": "Brakeman", "ESLint Scan": "ESLint", "GitHub Vulnerability Scan": "Dependabot",
}  # fmt: skip
_ENDINGS = (" (SARIF)", " Scan", " Scanner", " Report", " JSON")
NOT_TOLD = "DefectDojo does not tell which change fixed it."
YES = ("true", "1", "yes")


def read(reader: Reader, tool: str = "") -> Export:
    """Findings as the API lists them. ``tool``: of all of them. Raises InputError naming the finding."""
    export = Export(tool=tool)
    for at, raw in reader.rows("results", "findings"):
        take(reader, raw, at, export)
    export.problems = reader.members.all_problems()
    return export


def take(reader: Reader, raw: dict[str, Any], at: str, export: Export) -> None:
    """Add one finding to what it is: open, closed or left alone."""
    flags = {name: _flag(reader, raw, name, at) for name in
             ("active", "is_mitigated", "false_p", "duplicate", "out_of_scope", "risk_accepted")}  # fmt: skip
    mitigated = reader.moment(raw, "mitigated", at)
    if flags["duplicate"]:
        export.skip("a duplicate of another finding there")
    elif flags["false_p"] or flags["risk_accepted"]:
        export.open.append(_open(reader, raw, at, export.tool, flags))
    elif flags["is_mitigated"] or (mitigated and not flags["active"]):
        export.closed.append(_closed(reader, raw, at, export.tool, ClosedHow.FIXED))
    elif flags["active"] or flags["out_of_scope"]:
        export.open.append(_open(reader, raw, at, export.tool, flags))
    else:
        _take_inactive(reader, raw, at, export)


def _take_inactive(reader: Reader, raw: dict[str, Any], at: str, export: Export) -> None:
    if _closed_at(reader, raw, at) is None:
        export.skip("inactive without a date or a reason")
    else:
        export.closed.append(_closed(reader, raw, at, export.tool, ClosedHow.UNKNOWN))


def _flag(reader: Reader, raw: dict[str, Any], name: str, at: str) -> bool:
    value = raw.get(name)
    if type(value) is str:  # from a table
        return value.strip().casefold() in YES
    return bool(reader.members.flag(raw, name, at))


def _key(reader: Reader, raw: dict[str, Any], at: str) -> str:
    key = reader.word(raw, "id", at, 100) or reader.word(raw, "finding_id", at, 100)
    if not key:
        reader.refuse(f"{at}/id", "missing: nothing says which finding this is")
    return key


def _tool(reader: Reader, raw: dict[str, Any], at: str, given: str) -> str:
    """The tool: as it was given, or by the kind of report that the finding came in."""
    if given:
        return given
    related = reader.members.object(raw, "related_fields", at)
    test = reader.members.object(related, "test", f"{at}/related_fields")
    kind = reader.members.object(test, "test_type", f"{at}/related_fields/test")
    told = (
        reader.text(kind, "name", f"{at}/related_fields/test/test_type", 120)
        or (reader.text(raw, "test_type_name", at, 120))
        or (reader.text(raw, "scan_type", at, 120))
        or (reader.text(raw, "found_by", at, 120) if type(raw.get("found_by")) is str else "")
    )
    if not told:
        reader.refuse(
            at, "nothing says which tool found it: export with related_fields, or say the tool"
        )
    return tool_of(told)


def tool_of(kind: str) -> str:
    """The tool that a kind of report is of."""
    if kind in TOOLS:
        return TOOLS[kind]
    for ending in _ENDINGS:
        kind = kind.removesuffix(ending)
    return kind


def _rule(reader: Reader, raw: dict[str, Any], at: str, tool: str) -> str:
    told = reader.text(raw, "vuln_id_from_tool", at, 300)
    if tool == "Bandit" and ":" in told:  # its reader writes name:id
        told = told.rpartition(":")[2]
    named = next(filter(None, _advisories(reader, raw, at)), "")
    return told or named or _title(reader, raw, at)


def _advisories(reader: Reader, raw: dict[str, Any], at: str) -> Iterator[str]:
    value = raw.get("vulnerability_ids")
    if type(value) is str:
        yield from (part.strip()[:100] for part in value.replace(";", ",").split(",")[:20])
        return
    for place, row in reader.members.objects(raw, "vulnerability_ids", at):
        yield reader.text(row, "vulnerability_id", place, 100)


def _title(reader: Reader, raw: dict[str, Any], at: str) -> str:
    title = reader.text(raw, "title", at, 300)
    if not title:
        reader.refuse(f"{at}/title", "missing: a finding without a title")
    return title


def _result(reader: Reader, raw: dict[str, Any], at: str, given: str) -> Result:
    tool, severity = _tool(reader, raw, at, given), reader.text(raw, "severity", at, 40)
    rule, title = _rule(reader, raw, at, tool), _title(reader, raw, at)
    package = reader.text(raw, "component_name", at, 200)
    message = title
    if package:
        message = package_message(package, reader.text(raw, "component_version", at, 100), title)
    cwe = reader.word(raw, "cwe", at, 12)
    facts = Facts(
        cwes=weaknesses([cwe]) if cwe not in ("", "0") else (),
        aliases=tuple(filter(None, _advisories(reader, raw, at))),
        security_severity=score_of(severity),
    )
    line = _number(reader, raw, "line", at)
    place = reader.build.place(reader.text(raw, "file_path", at), f"{at}/file_path", line)
    if not place.uri:
        place = reader.build.address(reader.text(raw, "url", at) or reader.text(raw, "service", at))
    return reader.build.result(at, tool, rule, level_of(severity), message, place, facts)


def _number(reader: Reader, raw: dict[str, Any], key: str, at: str) -> int | None:
    value = raw.get(key)
    if type(value) is str:
        told = value.strip()
        return (
            int(told)
            if told.isascii() and told.isdigit() and 0 < len(told) < 10 and int(told)
            else None
        )
    return reader.members.integer(raw, key, at, 1)


def _open(
    reader: Reader, raw: dict[str, Any], at: str, tool: str, flags: Mapping[str, bool]
) -> OpenRow:
    because = reader.text(raw, "severity_justification", at, MOST_TEXT)
    severity = severity_word(reader.text(raw, "severity", at, 40))
    return OpenRow(
        at=at, key=_key(reader, raw, at), result=_result(reader, raw, at, tool),
        title=_title(reader, raw, at), severity=severity, cvss=_vector(reader, raw, at),
        is_decided=bool(because and severity), decided_because=because,
        first_seen=reader.past(reader.moment(raw, "date", at) or reader.moment(raw, "created", at)),
        last_seen=reader.past(reader.moment(raw, "last_status_update", at)),
        decision=_decision(reader, raw, at, flags), notes=tuple(_notes(reader, raw, at, flags)),
        tickets=tuple(_tickets(reader, raw, at)),
    )  # fmt: skip


def _vector(reader: Reader, raw: dict[str, Any], at: str) -> str:
    return reader.text(raw, "cvssv4", at, 200) or reader.text(raw, "cvssv3", at, 200)


def _decision(reader: Reader, raw: dict[str, Any], at: str, flags: Mapping[str, bool]) -> Decision:
    if flags["false_p"]:
        return Decision(Asked.FALSE_POSITIVE, reason="marked as a false positive")
    if not flags["risk_accepted"]:
        return Decision()
    rows = raw.get("accepted_risks")
    risks = [] if type(rows) is str else list(reader.members.objects(raw, "accepted_risks", at))
    if not risks:
        return Decision(Asked.ACCEPT_RISK, reason="marked as an accepted risk")
    place, risk = risks[-1]
    names = ("name", "decision_details", "recommendation_details")
    said = [reader.text(risk, name, place, MOST_TEXT // 4) for name in names]
    return Decision(
        Asked.ACCEPT_RISK,
        by=reader.text(risk, "accepted_by", place, 200),
        reason=": ".join(filter(None, said)),
        until=reader.day(risk, "expiration_date", place),
    )


def _notes(
    reader: Reader, raw: dict[str, Any], at: str, flags: Mapping[str, bool]
) -> Iterator[Note]:
    if flags["out_of_scope"]:
        yield Note("It was marked as out of scope there.")
    value = raw.get("notes")
    if type(value) is str:
        if value.strip():
            yield Note(reader.text(raw, "notes", at, MOST_TEXT))
        return
    for place, row in reader.members.objects(raw, "notes", at, MOST_NOTES, "notes of one finding"):
        text = reader.text(row, "entry", place, MOST_TEXT)
        author = reader.members.object(row, "author", place)
        if text:
            by = reader.text(author, "username", f"{place}/author", 150)
            yield Note(text, by, reader.past(reader.moment(row, "date", place)))


def _tickets(reader: Reader, raw: dict[str, Any], at: str) -> Iterator[Ticket]:
    related = reader.members.object(raw, "related_fields", at)
    for place, row in ((f"{at}/related_fields", related), (at, raw)):
        for name in ("jira", "jira_issue"):
            value = row.get(name)
            if type(value) is str and value.strip():
                yield Ticket(reader.text(row, name, place, 100))
            elif value is not None and type(value) is not str:
                issue = reader.members.object(row, name, place)
                key = reader.text(issue, "jira_key", f"{place}/{name}", 100)
                if key:
                    yield Ticket(key, reader.address(issue, "url", f"{place}/{name}"))


def _closed_at(reader: Reader, raw: dict[str, Any], at: str) -> Any:
    names = ("mitigated", "last_status_update", "last_reviewed")
    found = (reader.moment(raw, name, at) for name in names)
    return reader.past(next(filter(None, found), None))


def _closed(reader: Reader, raw: dict[str, Any], at: str, tool: str, how: ClosedHow) -> ClosedRow:
    closed = _closed_at(reader, raw, at)
    if closed is None:
        reader.refuse(f"{at}/mitigated", "missing: a mitigated finding without a date")
    result = _result(reader, raw, at, tool)
    return ClosedRow(
        at=at, key=_key(reader, raw, at), title=_title(reader, raw, at), closed_at=closed, how=how,
        asset=_product(reader, raw, at), tool=result.tool, rule=result.rule,
        severity=severity_word(reader.text(raw, "severity", at, 40)), evidence=NOT_TOLD,
    )  # fmt: skip


def _product(reader: Reader, raw: dict[str, Any], at: str) -> str:
    row, place = raw, at
    for name in ("related_fields", "test", "engagement", "product"):
        row, place = reader.members.object(row, name, place), f"{place}/{name}"
        if not row:
            return ""
    return reader.text(row, "name", place, 200)
