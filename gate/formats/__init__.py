"""One module per report format: bytes in, or a file; records out, within hard limits.

Which format a document has is told by its content alone, never by its name: an object by the names
of its members, an array by its first element, lines of JSON by the first line, anything else by its
header. ``runs`` makes it SARIF, whatever else is there; of the others exactly one must fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.errors import InputError
from gate.formats import (
    bandit,
    code_scanning,
    csv_table,
    cyclonedx,
    gitlab,
    grype,
    json_lines,
    nuclei,
    osv_scanner,
    sarif,
    semgrep,
    trivy,
)
from gate.formats import content as contents
from gate.formats.building import Builder
from gate.formats.content import Content
from gate.formats.json_text import Document, Elements, Shape, Stream, escape
from gate.formats.limits import LIMITS, Limits
from gate.formats.members import Members
from gate.formats.sarif_uris import Absolute
from gate.records import Report, Run

__all__ = ["FORMATS", "GITLAB", "SARIF", "Format", "is_report", "read", "recognise", "rows"]

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read. ``media_type``: of its documents, as certificates list them."""

    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class JsonFormat(Format):
    """A format whose documents are one JSON value each: what is kept of it, and its reader."""

    shape: Callable[[Limits], Shape]
    runs: Callable[[Any, Members, Builder], Iterable[Run]]


SARIF = Format("SARIF 2.1.0", "application/sarif+json")
CYCLONEDX = JsonFormat(
    cyclonedx.NAME, "application/vnd.cyclonedx+json", cyclonedx.shape, cyclonedx.runs
)
GITLAB = JsonFormat(gitlab.NAME, JSON, gitlab.shape, gitlab.runs)
ALERTS = JsonFormat(code_scanning.NAME, JSON, code_scanning.shape, code_scanning.runs)
OSV = JsonFormat(osv_scanner.NAME, JSON, osv_scanner.shape, osv_scanner.runs)
TRIVY = JsonFormat(trivy.NAME, JSON, trivy.shape, trivy.runs)
GRYPE = JsonFormat(grype.NAME, JSON, grype.shape, grype.runs)
SEMGREP = JsonFormat(semgrep.NAME, JSON, semgrep.shape, semgrep.runs)
BANDIT = JsonFormat(bandit.NAME, JSON, bandit.shape, bandit.runs)
NUCLEI = JsonFormat(nuclei.NAME, JSON, nuclei.shape, nuclei.runs)
NUCLEI_LINES = Format(nuclei.NAME, "application/jsonl")
CSV = Format(csv_table.NAME, "text/csv")
FORMATS = (
    SARIF, CYCLONEDX, GITLAB, ALERTS, OSV, TRIVY, GRYPE, SEMGREP, BANDIT, NUCLEI, CSV,
)  # fmt: skip

# The first bytes of documents that people hand in by mistake, and what to say.
_NO_REPORT = (
    (b"\x1f\x8b", "is gzip-compressed; unpack it"),
    (b"PK\x03\x04", "is a zip archive; unpack it"),
    (b"<", "looks like XML"),
    (b"diff --git ", "is a diff"),
)
_TEMPLATES = ("template-id", "templateID")  # Nuclei's, now and before 2.5
_OF_SARIF = frozenset({"$schema", "version", "inlineExternalProperties", "properties"})
MOST_SHOWN = 20  # names of members in an error
_RESULTS = frozenset({"results"})
_SEMGREP = frozenset({"paths", "version"})
_OTHERS = frozenset({"errors", "metrics", "paths"})  # beside results, of others than OSV-Scanner
# Of an object: the members that a format always has.
_MARKS: tuple[tuple[Format, Callable[[frozenset[str]], bool]], ...] = (
    (CYCLONEDX, {"bomFormat"}.issubset),
    (GITLAB, {"scan", "vulnerabilities"}.issubset),
    (TRIVY, {"SchemaVersion"}.issubset),
    (GRYPE, {"matches", "descriptor"}.issubset),
    (SEMGREP, lambda names: names >= {"results", "errors"} and not names.isdisjoint(_SEMGREP)),
    (BANDIT, {"results", "errors", "metrics"}.issubset),
    (OSV, lambda names: _RESULTS <= names and _OTHERS.isdisjoint(names)),
    (NUCLEI_LINES, lambda names: "info" in names and not names.isdisjoint(_TEMPLATES)),
)


def read(
    document_name: str,
    content: Content,
    roots: tuple[Absolute, ...] = (),
    columns: Mapping[str, str] | None = None,
) -> Report:
    """Read a report in whatever known format it has (``FORMATS``).

    ``content``: the bytes, or a file, which is never held whole. ``roots``: folders that absolute
    addresses may lie in (``gate.roots``). ``columns``: of a table, the column by field, where
    neither its header nor its first lines say it. Raises InputError naming the place for anything
    that is no such report within the limits.
    """
    found = recognise(document_name, content)
    if isinstance(found, JsonFormat):
        return _read_json(found, document_name, content, roots)
    if found is SARIF:
        return sarif.read(document_name, content, roots=roots)
    return _read_text(found, document_name, content, roots, columns)


def recognise(name: str, content: Content) -> Format:
    """The format that a document has by its content. Raises InputError where it has none."""
    first = contents.head(content)
    for start, what in _NO_REPORT:
        if first.startswith(start):
            raise InputError(name, f"{what}; {_expected()}")
    opening = first.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1]
    if opening == b"{":
        return _of_lines(content) or _of_object(name, content)
    if opening == b"[":
        return _of_array(name, content)
    if opening and csv_table.is_table(content):
        return CSV
    return SARIF  # which says at which byte it is no JSON


def is_report(name: str, content: Content) -> bool:
    """Whether this is a report, and not something else, such as a list of our own (``gate.known``)."""
    try:
        found = recognise(name, content)
    except InputError:
        return False
    return found is not OSV or "experimental_config" in _names(name, content)


def rows(name: str, content: Content) -> list[Any] | None:
    """What evidence references number in a document that is no single JSON document: values of
    lines, cells of rows. None where it is one. Raises InputError."""
    found = recognise(name, content)
    if found is CSV:
        return list(csv_table.rows(content, name))
    return list(json_lines.values(content, name, LIMITS)) if found is NUCLEI_LINES else None


# --- which format --------------------------------------------------------------------------------
def _of_lines(content: Content) -> Format | None:
    """Nuclei's lines; None for an object that ends with the document."""
    line = json_lines.first_line(content)
    if not any(f'"{mark}"'.encode() in line for mark in _TEMPLATES):
        return None
    try:
        names = _names("", line)
    except InputError:  # goes on in the next line: no JSON Lines
        return None
    return NUCLEI_LINES if not names.isdisjoint(_TEMPLATES) and "runs" not in names else None


def _of_object(name: str, content: Content) -> Format:
    names = _names(name, content)
    if "runs" in names:
        return SARIF
    found = [known for known, fits in _MARKS if fits(names)]
    if len(found) == 1:
        return found[0]
    if found:
        both = " and of ".join(known.name for known in found)
        raise InputError(name, f"has the members of {both}: what it is cannot be told")
    if "version" in names and names <= _OF_SARIF:
        return SARIF  # which says that its runs are missing
    shown = ", ".join(escape(key) for key in sorted(names)[:MOST_SHOWN]) or "none"
    raise InputError(name, f"is of no known format; {_expected()}; its members are: {shown}")


def _names(name: str, content: Content) -> frozenset[str]:
    """The names of an object's members, up to ``runs``, which settles it."""
    return Document(content, name, LIMITS).names("runs")


def _of_array(name: str, content: Content) -> Format:
    shape = Stream(LIMITS.results, "results per file")
    loaded = Document(content, name, LIMITS).load(shape)
    first = next(iter(loaded), None) if isinstance(loaded, Elements) else None
    names = frozenset(first) if type(first) is dict else frozenset()
    if {"rule", "tool", "most_recent_instance"} <= names:
        return ALERTS
    if "info" in names and not names.isdisjoint(_TEMPLATES):
        return NUCLEI
    empty = isinstance(loaded, Elements) and not loaded.count
    what = "; an empty list names no tool" if empty else ""
    raise InputError(name, f"not SARIF: the document must be an object{what}; {_expected()}")


def _expected() -> str:
    others = ", ".join(known.name for known in FORMATS if known is not SARIF)
    return f"{SARIF.name} is expected, or one of: {others}"


# --- reading -------------------------------------------------------------------------------------
def _read_json(
    found: JsonFormat, name: str, content: Content, roots: tuple[Absolute, ...]
) -> Report:
    document = Document(content, name, LIMITS)
    log = document.load(found.shape(LIMITS))
    members = Members(name, LIMITS, may_be_unclean=document.may_be_unclean)
    build = Builder(members, roots)
    runs = tuple(found.runs(log, members, build))
    build.finish()
    return Report(name, document.sha256, document.size, runs, members.all_problems(), found.name)


def _read_text(
    found: Format, name: str, content: Content, roots: tuple[Absolute, ...],
    columns: Mapping[str, str] | None,
) -> Report:  # fmt: skip
    """Lines of JSON, or a table."""
    size = contents.size(content)
    if size > LIMITS.size:
        raise InputError(name, f"larger than allowed ({size} > {LIMITS.size} bytes)")
    members = Members(name, LIMITS)
    build = Builder(members, roots)
    if found is CSV:
        runs = tuple(csv_table.read(content, members, build, columns))
    else:
        runs = tuple(nuclei.runs(json_lines.values(content, name, LIMITS), members, build))
    build.finish()
    return Report(name, _sha256(content), size, runs, members.all_problems(), found.name)


def _sha256(content: Content) -> str:
    digest = hashlib.sha256()
    for block in contents.blocks(content):
        digest.update(block)
    return digest.hexdigest()
