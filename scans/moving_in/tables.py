"""Tables (CSV): findings and closures with the columns that docs/how-to/move-in.md lists; DefectDojo's own.

The first line names the columns; ``columns`` says which of the file's stands for one of ours. UTF-8,
separated by commas, semicolons or tabs. Every refusal names the row, counted from 1 after the header.
"""

import codecs
import csv
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from core.moments import rfc3339
from gate.evidence import Commit
from gate.formats import content as contents
from gate.formats.building import Facts, level_of, package_message, score_of, weaknesses
from gate.formats.content import Content
from gate.provenance import tell_origin
from gate.records import Location, Result
from scans.history import ClosedHow, Scanned
from scans.moving_in import defectdojo
from scans.moving_in.reading import MOST_ROWS, Reader
from scans.moving_in.rows import (
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

COLUMNS = (
    "key", "tool", "rule", "severity", "title", "path", "line", "url", "cwe", "cvss", "package",
    "package_version", "state", "first_seen", "last_seen", "decided_severity", "decided_because",
    "decision_by", "reason", "until", "note", "note_by", "note_at", "ticket", "ticket_url", "asset",
    "closed_at", "fix_url", "fix_commit", "merged_at", "scanned", "scanned_at", "scan_url", "author",
    "commit_message", "branch",
)  # fmt: skip
MOST_COLUMNS = 300
DELIMITERS = ",;\t"
OPEN_STATES = ("", "open", "active", "new", "confirmed", "triaged", "in progress")
CLOSED_STATES: Mapping[str, ClosedHow] = {
    "fixed": ClosedHow.FIXED, "closed": ClosedHow.FIXED, "resolved": ClosedHow.FIXED,
    "mitigated": ClosedHow.FIXED, "remediated": ClosedHow.FIXED, "duplicate": ClosedHow.DUPLICATE,
    "out of scope": ClosedHow.OUT_OF_SCOPE, "dismissed": ClosedHow.DISMISSED,
}  # fmt: skip
ASKED: Mapping[str, Asked] = {
    "false positive": Asked.FALSE_POSITIVE, "risk accepted": Asked.ACCEPT_RISK,
    "accepted": Asked.ACCEPT_RISK, "won't fix": Asked.ACCEPT_RISK,
}  # fmt: skip
SCANNED = {answer.value: answer for answer in Scanned}


def read(
    reader: Reader, content: Content, columns: Mapping[str, str] | None = None, tool: str = ""
) -> Export:
    """Findings and closures of a table. ``columns``: ours → the file's. Raises InputError naming the row."""
    export = Export(tool=tool)
    for at, row in _rows(reader, content, columns or {}):
        _take(reader, row, at, export)
    export.problems = reader.members.all_problems()
    return export


def read_defectdojo(reader: Reader, content: Content, tool: str = "") -> Export:
    """The table that DefectDojo exports. Raises InputError naming the row."""
    export = Export(tool=tool)
    for at, row in _cells(reader, content):
        told: dict[str, Any] = {name: text for name, text in row.items() if text.strip()}
        defectdojo.take(reader, told, at, export)
    export.problems = reader.members.all_problems()
    return export


# --- rows ----------------------------------------------------------------------------------------
def _rows(
    reader: Reader, content: Content, columns: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, str]]]:
    for name in columns:
        if name not in COLUMNS:
            reader.refuse("/", f"there is no field {name[:60]!r}; known: {', '.join(COLUMNS)}")
    named = {_plain(column): name for name, column in columns.items()}
    first = True
    for at, row in _cells(reader, content):
        if first:
            _check(reader, row, columns)
            first = False
        told = {named.get(_plain(column), _plain(column)): cell for column, cell in row.items()}
        yield at, told


def _check(reader: Reader, row: Mapping[str, str], columns: Mapping[str, str]) -> None:
    there = {_plain(column) for column in row}
    for name, column in columns.items():
        if _plain(column) not in there:
            shown = ", ".join(sorted(there)[:30])
            reader.refuse("/", f"no column {column[:60]!r} for {name}; the columns are {shown}")


def _plain(column: str) -> str:
    return "_".join(column.strip().casefold().replace("-", " ").replace("_", " ").split())


def _cells(reader: Reader, content: Content) -> Iterator[tuple[str, dict[str, str]]]:
    """Row after row as column → text; the place is ``row N``, counted from 1 after the header."""
    lines = _lines(reader, content)
    first = next(lines, None)
    if first is None:
        reader.refuse("/", "an empty table")
    delimiter = max(DELIMITERS, key=first.count)
    table = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    header = _next(reader, table, 0)
    if header is None or not 1 < len(header) <= MOST_COLUMNS:
        reader.refuse("/", f"a header of 2 to {MOST_COLUMNS} columns is needed")
    if len({_plain(name) for name in header}) != len(header):
        reader.refuse("/", "two columns have one name")
    number = 0
    while (row := _next(reader, table, number + 1)) is not None:
        number += 1
        at = f"row {number}"
        if number > MOST_ROWS:
            reader.refuse(at, f"more rows per file than allowed ({number} > {MOST_ROWS})")
        if len(row) > len(header):
            reader.refuse(at, f"more cells than columns ({len(row)} > {len(header)})")
        if any(cell.strip() for cell in row):
            yield at, dict(zip(header, row, strict=False))


def _next(reader: Reader, table: Any, number: int) -> list[str] | None:
    try:
        return next(table, None)
    except csv.Error as error:
        reader.refuse(f"row {number}", f"is no row of a table: {error}")


def _lines(reader: Reader, content: Content) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest = ""
    for block in chain(contents.blocks(content), (b"",)):
        try:
            rest += decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            reader.refuse("/", f"not UTF-8: {error.reason}")
        *whole, rest = rest.split("\n")
        yield from (f"{line}\n" for line in whole)
        if len(rest) > reader.members.limits.element:
            reader.refuse(
                "/", f"a line longer than allowed (> {reader.members.limits.element} characters)"
            )
    if rest:
        yield rest


# --- one row -------------------------------------------------------------------------------------
def _take(reader: Reader, row: dict[str, Any], at: str, export: Export) -> None:
    state = reader.text(row, "state", at, 60).casefold().replace("_", " ")
    if state in CLOSED_STATES:
        export.closed.append(_closed(reader, row, at, CLOSED_STATES[state], export.tool))
    elif state in OPEN_STATES or state in ASKED:
        export.open.append(_open(reader, row, at, ASKED.get(state, Asked.NOTHING), export.tool))
    else:
        known = ", ".join(sorted({"open", *CLOSED_STATES, *ASKED}))
        reader.refuse(f"{at}, state", f"{state[:60]!r} is none of: {known}")


def _needed(reader: Reader, row: dict[str, Any], name: str, at: str, most: int = 300) -> str:
    told = reader.text(row, name, at, most)
    if not told:
        reader.refuse(f"{at}, {name}", "is missing")
    return told


def _open(reader: Reader, row: dict[str, Any], at: str, asked: Asked, tool: str) -> OpenRow:
    decided = reader.text(row, "decided_severity", at, 40)
    if decided and not severity_word(decided):
        reader.refuse(f"{at}, decided_severity", f"{decided!r} is no severity")
    result = _result(reader, row, at, tool)
    note, ticket = reader.text(row, "note", at, MOST_TEXT), reader.text(row, "ticket", at, 100)
    return OpenRow(
        at=at, key=_needed(reader, row, "key", at), result=result,
        title=reader.text(row, "title", at, 300) or result.rule, url=reader.address(row, "url", at),
        cvss=reader.text(row, "cvss", at, 200),
        severity=severity_word(decided or reader.text(row, "severity", at, 40)),
        is_decided=bool(decided), decided_because=reader.text(row, "decided_because", at, MOST_TEXT),
        first_seen=reader.past(reader.moment(row, "first_seen", at)),
        last_seen=reader.past(reader.moment(row, "last_seen", at)),
        decision=_decision(reader, row, at, asked),
        notes=(Note(note, reader.text(row, "note_by", at, 150),
                    reader.past(reader.moment(row, "note_at", at))),) if note else (),
        tickets=(Ticket(ticket, reader.address(row, "ticket_url", at)),) if ticket else (),
    )  # fmt: skip


def _decision(reader: Reader, row: dict[str, Any], at: str, asked: Asked) -> Decision:
    if asked is Asked.NOTHING:
        return Decision()
    return Decision(
        asked, by=reader.text(row, "decision_by", at, 200),
        reason=reader.text(row, "reason", at, MOST_TEXT), until=reader.day(row, "until", at),
    )  # fmt: skip


def _result(reader: Reader, row: dict[str, Any], at: str, given: str) -> Result:
    tool = reader.text(row, "tool", at, 120) or given
    if not tool:
        reader.refuse(f"{at}, tool", "is missing: give the column, or the tool of the whole file")
    rule, severity = _needed(reader, row, "rule", at), _needed(reader, row, "severity", at, 40)
    title = reader.text(row, "title", at, 300) or rule
    package = reader.text(row, "package", at, 200)
    if package:
        title = package_message(package, reader.text(row, "package_version", at, 100), title)
    cwes = reader.text(row, "cwe", at, 200).replace(",", " ").replace(";", " ").split()
    facts = Facts(cwes=weaknesses(cwes), security_severity=score_of(severity))
    return reader.build.result(
        at, tool, rule, level_of(severity), title, _place(reader, row, at), facts
    )


def _place(reader: Reader, row: dict[str, Any], at: str) -> Location:
    path, line = reader.text(row, "path", at), reader.text(row, "line", at, 12)
    if not path:
        return reader.build.address(reader.text(row, "url", at))
    number = int(line) if line.isascii() and line.isdigit() and len(line) < 10 else 0
    if line and not number:
        reader.refuse(f"{at}, line", f"{line!r} is no line")
    return reader.build.place(path, at, number or None)


def _closed(reader: Reader, row: dict[str, Any], at: str, how: ClosedHow, tool: str) -> ClosedRow:
    closed, merged = reader.moment(row, "closed_at", at), reader.moment(row, "merged_at", at)
    if closed is None:
        reader.refuse(f"{at}, closed_at", "is missing")
    scanned, said, link = _scanned(reader, row, at, merged)
    fix = reader.address(row, "fix_url", at)
    author = reader.text(row, "author", at, 300)
    told = tell_origin(
        [Commit(message=reader.text(row, "commit_message", at), author=author)],
        reader.text(row, "branch", at, 300),
    )
    return ClosedRow(
        at=at, key=_needed(reader, row, "key", at), title=_needed(reader, row, "title", at),
        closed_at=min(closed, reader.now), how=how, asset=reader.text(row, "asset", at, 200),
        url=reader.address(row, "url", at), tool=reader.text(row, "tool", at, 120) or tool,
        rule=reader.text(row, "rule", at, 300),
        severity=severity_word(reader.text(row, "severity", at, 40)),
        reason=reader.text(row, "reason", at, MOST_TEXT), fix_url=fix,
        fix_commit=reader.text(row, "fix_commit", at, 64), merged_at=merged, origin=told.origin,
        agent=told.agent[:120], scanned=scanned, evidence=said,
        links=tuple(filter(None, (fix, link))),
    )  # fmt: skip


def _scanned(reader: Reader, row: dict[str, Any], at: str, merged: Any) -> tuple[Scanned, str, str]:
    """The answer, its sentence and its link: by the time of a scan before the word of the table."""
    link, when = reader.address(row, "scan_url", at), reader.moment(row, "scanned_at", at)
    word = reader.text(row, "scanned", at, 20).casefold()
    if word and word not in SCANNED:
        reader.refuse(f"{at}, scanned", f"{word!r} is none of: {', '.join(SCANNED)}")
    if merged is None:
        return Scanned.UNKNOWN, "The table does not say when the fix merged.", link
    if when is not None:
        before, at_that = when <= merged, rfc3339(when)
        said = (
            f"The table says that the fix was scanned {'before' if before else 'after'} it merged"
        )
        return (Scanned.BEFORE if before else Scanned.AFTER), f"{said}, at {at_that}.", link
    if word == Scanned.NO:
        return Scanned.NO, "The table says that the fix was not scanned.", link
    told = f"The table says “{word}”, but not when" if word else "The table does not say when"
    return Scanned.UNKNOWN, f"{told} the fix was scanned.", link
