"""A table of findings as CSV: one line for each, the columns known by their names.

Separated by commas, semicolons or tabs; UTF-8, or UTF-16 with its mark. Before the header there may
be lines ``# tool: NAME``, ``# version: 1.2`` and ``# columns: rule=Plugin ID; path=Affected file``:
what the table itself does not say, kept in the file, so that whoever reads it later reads the same.
What no table says: whether the run succeeded, which rules were on, which files were looked at.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from gate.cvss import best_vector
from gate.errors import InputError
from gate.formats import content as contents
from gate.formats.building import (
    Builder,
    Facts,
    level_of,
    package_message,
    score_of,
    split,
    weaknesses,
)
from gate.formats.content import Content
from gate.formats.limits import LIMITS, Limits
from gate.formats.members import LARGEST, Members
from gate.records import Location, Result, Run, Suppression

NAME = "CSV"
MOST_COLUMNS = 1_000
MOST_DIRECTIVES = 20
LONGEST_LINE = 1 << 20  # characters of one line of the file
DELIMITERS = ",;\t"

# What a column may be called, in small letters, with one space between words.
ALIASES: dict[str, tuple[str, ...]] = {
    "tool": ("tool", "scanner", "tool name", "scanner name", "product", "engine"),
    "version": ("tool version", "scanner version"),
    "rule": (
        "rule", "rule id", "ruleid", "check", "check id", "test id", "plugin id", "plugin",
        "vulnerability id", "vuln id", "vulnerability", "advisory", "cve", "cve id", "query", "weakness id", "qid",
    ),
    "severity": ("severity", "level", "risk", "priority", "criticality"),
    "message": ("message", "title", "name", "summary", "description", "finding", "issue"),
    "path": ("path", "file", "file path", "filepath", "filename", "file name", "source file"),
    "line": ("line", "line number", "start line", "startline", "line no", "line(s)"),
    "end_line": ("end line", "endline"),
    "column": ("column", "col", "start column"),
    "url": ("url", "uri", "endpoint", "host", "target", "asset", "location", "resource"),
    "cwe": ("cwe", "cwes", "cwe id", "cweid"),
    "cvss": ("cvss", "cvss score", "cvss v3", "cvss v3 score", "cvssv3", "base score", "score"),
    "cvss_vector": ("cvss vector", "cvss v3 vector", "cvss v4 vector", "cvssv3 vector", "vector", "vector string"),
    "package": ("package", "package name", "component", "dependency", "library"),
    "package_version": ("package version", "installed version", "component version", "installed"),
    "fixed": ("fixed", "fixed version", "fixed in", "fix version", "fix versions"),
    "ecosystem": ("ecosystem", "package type", "package manager"),
    "aliases": ("aliases", "cves", "also known as", "other ids"),
    "fingerprint": ("fingerprint", "unique id"),  # an "id" may be no more than the row's number
    "status": ("status", "state"),
    "reason": ("reason", "justification", "comment"),
}  # fmt: skip
# Words of a status that say "there, but excused", and those that say "not there".
EXCUSED = frozenset(
    {"false positive", "false_positive", "suppressed", "ignored", "dismissed", "accepted",
     "risk accepted", "won't fix", "wont fix", "not affected", "not_affected", "muted"}
)  # fmt: skip
GONE = frozenset({"fixed", "resolved", "closed", "mitigated", "remediated"})

_DIRECTIVE = re.compile(r"#\s*(tool|version|columns)\s*:\s*(.*)", re.IGNORECASE)
_SPACES = re.compile(r"[\s_\-]+")
_NUMBERS = re.compile(r"[;|]\s*|,\s*|\s+")


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a file by field, what its first lines say, and its rows."""

    columns: Mapping[str, int]
    tool: str
    version: str
    rows: Iterator[list[str]]


def read(
    content: Content, members: Members, build: Builder, columns: Mapping[str, str] | None = None
) -> Iterator[Run]:
    """One run for each tool. ``columns``: column by field, before what the file says.

    Raises InputError naming the row, or the columns that are there.
    """
    table = _table(content, members, columns or {})
    found: dict[str, list[Result]] = {}
    versions: dict[str, set[str]] = {}
    if table.tool and "tool" not in table.columns:
        found[table.tool], versions[table.tool] = [], {table.version}
    for number, row in enumerate(_rows(table, members.limits, members.name)):
        reader = _Row(row, number, table, members)
        tool = reader.text("tool") or table.tool
        if not tool:
            reader.refuse("no tool: nothing says which scanner this is from")
        members.count(len({*found, tool}), members.limits.runs, "tools", f"/{number}")
        versions.setdefault(tool, set()).add(reader.text("version") or table.version)
        result = reader.result(tool, build)
        found.setdefault(tool, [])
        if result is not None:
            found[tool].append(result)
    for tool, raws in found.items():
        results, _ = split(raws)
        told = versions[tool]
        yield Run(
            pointer="",
            tool=tool,
            version=next(iter(told)) if len(told) == 1 else "",
            lists_rules=False,
            results=results,
        )


def is_table(content: Content) -> bool:
    """Whether this looks like a table: text whose header, after lines with ``#``, has columns."""
    try:
        lines = islice(_lines(content, ""), MOST_DIRECTIVES + 1)
        header = next((line for line in lines if not line.startswith("#")), "")
    except InputError:
        return False
    return (
        any(sign in header for sign in DELIMITERS)
        and header.replace("\t", " ").strip().isprintable()
    )


def rows(content: Content, name: str) -> Iterator[list[str]]:
    """The cells of each row, as evidence references number them."""
    return _table(content, Members(name, LIMITS), {}, needed=()).rows


# --- the table -----------------------------------------------------------------------------------
NEEDED = ("rule", "severity")
ANY_OF = ("path", "url", "package")


def _table(
    content: Content, members: Members, given: Mapping[str, str],
    needed: tuple[str, ...] = NEEDED,
) -> Table:  # fmt: skip
    lines = _lines(content, members.name)
    told: dict[str, str] = {}
    for line in lines:
        found = _DIRECTIVE.fullmatch(line.strip())
        if found:
            told[found[1].lower()] = members.clean(found[2].strip(), "/")
        elif not line.startswith("#") and line.strip():
            break
    else:
        raise InputError(members.name, "a table without a header")
    delimiter = max(DELIMITERS, key=line.count)
    # Strict: what opens a quote and never closes it is no table.
    rows = csv.reader(chain([line], lines), delimiter=delimiter, strict=True)
    header = _next(rows, members.name)
    if header is None or len(header) > MOST_COLUMNS:
        raise InputError(members.name, f"more columns than allowed (> {MOST_COLUMNS})")
    mapping = {**_mapping(told.get("columns", ""), members.name), **given}
    columns = _columns([members.clean(name, "/") for name in header], mapping, members.name)
    _check(columns, header, told, needed, members.name)
    return Table(columns, told.get("tool", ""), told.get("version", ""), _all(rows, members.name))


def _mapping(text: str, name: str) -> dict[str, str]:
    """``rule=Plugin ID; path=File`` taken apart."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        field, sign, column = part.partition("=")
        if not sign:
            raise InputError(name, f"# columns: {part[:60]!r} must be field=column")
        found[field.strip()] = column.strip()
    return found


def _columns(header: list[str], given: Mapping[str, str], name: str) -> dict[str, int]:
    """The index of each field's column: as it was said, else by the names it may have."""
    names = [_plain(cell) for cell in header]
    for field, column in given.items():
        if field not in ALIASES:
            raise InputError(name, f"there is no field {field[:60]!r}; known: {', '.join(ALIASES)}")
        if _plain(column) not in names:
            raise InputError(name, f"no column {column[:60]!r} for {field}; {_there(header)}")
    taken = {field: names.index(_plain(column)) for field, column in given.items()}
    for field, aliases in ALIASES.items():
        free = [names.index(word) for word in aliases if word in names]
        free = [index for index in free if index not in taken.values()]
        if field not in taken and free:
            taken[field] = free[0]
    return taken


def _plain(cell: str) -> str:
    return _SPACES.sub(" ", cell.strip().casefold())


def _there(header: list[str]) -> str:
    shown = ", ".join(repr(cell[:40]) for cell in header[:30])
    return f"the columns are {shown}" + (" …" if len(header) > 30 else "")


def _check(
    columns: Mapping[str, int], header: list[str], told: Mapping[str, str],
    needed: tuple[str, ...], name: str,
) -> None:  # fmt: skip
    if not needed:
        return
    missing = [field for field in needed if field not in columns]
    if not any(field in columns for field in ANY_OF):
        missing.append(f"{', '.join(ANY_OF[:-1])} or {ANY_OF[-1]}")
    if "tool" not in columns and not told.get("tool"):
        missing.append("tool (a column, or a first line '# tool: NAME')")
    if missing:
        raise InputError(
            name, f"no column is known to be the {'; the '.join(missing)}; {_there(header)};"
            " a first line '# columns: rule=COLUMN; path=COLUMN' says which is which",
        )  # fmt: skip


def _lines(content: Content, name: str) -> Iterator[str]:
    """The lines of a text with their ends. Raises InputError for what is no text."""
    head = contents.head(content)
    encoding, mark = "utf-8", b""
    for known, sign in (
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ):
        if head.startswith(sign):
            encoding, mark = known, sign
    decoder = codecs.getincrementaldecoder(encoding)()
    rest = ""
    for block in chain(contents.blocks(content, len(mark)), (b"",)):
        try:
            rest += decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise InputError(name, f"not {encoding.upper()}: {error.reason}") from None
        *whole, rest = rest.split("\n")
        yield from (f"{line}\n" for line in whole)
        if len(rest) > LONGEST_LINE:
            raise InputError(name, f"a line longer than allowed (> {LONGEST_LINE} characters)")
    if rest:
        yield rest


def _next(rows: Iterator[list[str]], name: str) -> list[str] | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        line = getattr(rows, "line_num", 0)
        raise InputError(f"{name} line {line} of the table", str(error)) from None


def _all(rows: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    """The rows that hold anything."""
    while (row := _next(rows, name)) is not None:
        if any(cell.strip() for cell in row):
            yield row


def _rows(table: Table, limits: Limits, name: str) -> Iterator[list[str]]:
    for number, row in enumerate(table.rows):
        if number == limits.results:
            what = f"more results per file than allowed ({number + 1} > {limits.results})"
            raise InputError(f"{name}#/{number}", what)
        yield row


class _Row:
    """One row. ``number`` counts from 0, as evidence references do."""

    def __init__(self, cells: list[str], number: int, table: Table, members: Members) -> None:
        self._cells = cells
        self._at = f"/{number}"
        self._columns = table.columns
        self._members = members

    def refuse(self, what: str) -> None:
        """Raise InputError for this row."""
        self._members.refuse(self._at, f"{what} (row {int(self._at[1:]) + 1})")

    def text(self, field: str) -> str:
        """A cell, empty where the row or the table ends before it."""
        index = self._columns.get(field, -1)
        known = 0 <= index < len(self._cells)
        return self._members.clean(self._cells[index], self._at).strip() if known else ""

    def result(self, tool: str, build: Builder) -> Result | None:
        """The row as a result; None where its status says that it is gone."""
        rule, severity = self.text("rule"), self.text("severity")
        if not rule and not self.text("message"):
            return None  # a row about what was looked at, no finding
        if not rule:
            self.refuse("no rule")
        status = _plain(self.text("status"))
        if status in GONE:
            return None
        score = self._score()
        words = self.text("message") or rule
        excused = status in EXCUSED
        print_ = self.text("fingerprint")
        facts = Facts(
            cwes=weaknesses(_NUMBERS.split(self.text("cwe")) if self.text("cwe") else ()),
            aliases=tuple(filter(None, _NUMBERS.split(self.text("aliases")))),
            security_severity=score_of(severity) if score is None else score,
            fingerprints={"csvFingerprint/v1": print_} if print_ else None,
            suppressions=(self._excuse(status),) if excused else (),
            cvss=best_vector([self.text("cvss_vector")]),
        )
        place = self._place(build)
        message = self._message(words)
        return build.result(self._at, tool, rule, level_of(severity), message, place, facts)

    def _excuse(self, status: str) -> Suppression:
        said = ": ".join(filter(None, (status, self.text("reason"))))
        return Suppression("external", justification=said)

    def _message(self, words: str) -> str:
        package = self.text("package")
        if not package:
            return words
        fixed = [self.text("fixed")] if self.text("fixed") else []
        kind = self.text("ecosystem").casefold()
        version, what = self.text("package_version"), words.partition("\n")[0]
        return package_message(package, version, what, kind=kind, fixed=fixed)

    def _place(self, build: Builder) -> Location:
        path = self.text("path")
        if not path:
            return build.address(self.text("url"))
        line = self._number("line")
        end, column = self._number("end_line"), self._number("column")
        return build.place(path, self._at, line, end_line=end if line else None, column=column)

    def _number(self, field: str) -> int | None:
        """A line or column; what is none is told and not used."""
        told = self.text(field)
        if not told:
            return None
        if told.isascii() and told.isdigit() and len(told) < 11 and 0 < int(told) <= LARGEST:
            return int(told)
        self._members.problem(self._at, f"{field} is no number; not used", once=True)
        return None

    def _score(self) -> float | None:
        told = self.text("cvss")
        return self._members.decimal({"cvss": told}, "cvss", self._at, 10.0) if told else None
