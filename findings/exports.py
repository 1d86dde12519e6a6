"""Findings as rows of files: which ones, and what is told of each.

Which findings it are, and their order, is read once; what they are is read in parts, so that a million
of them takes eight megabytes and no transaction that lasts.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core import tables
from core.bulk import listed
from core.errors import TooLarge
from findings.models import Finding, FindingCve, FindingQuerySet, FindingTag

IN_ONE_PART = 1_000  # findings that are read together
FORMATS = ("csv", "xlsx", "json")
KINDS = {"csv": tables.CSV, "xlsx": tables.XLSX, "json": tables.JSON}
COLUMNS = {  # name in the file → where it is read
    "id": "pk",
    "scope": "scope__slug",
    "asset": "asset__name",
    "line": "line__name",
    "tool": "tool",
    "tool_class": "tool_class",
    "rule": "rule",
    "title": "title",
    "path": "path",
    "start_line": "start_line",
    "severity": "severity",
    "decided_severity": "decided_severity",
    "cvss": "cvss",
    "priority_band": "priority_band",
    "priority_score": "priority_score",
    "ssvc": "ssvc",
    "status": "status",
    "status_since": "status_since",
    "presence": "presence",
    "set_aside": "set_aside",
    "first_seen_at": "first_seen_at",
    "last_seen_at": "seen_until",
    "due_at": "due_at",
    "claimed_at": "claimed_at",
    "verified_at": "verified_at",
    "clearance": "clearance_id",
    "duplicate_of": "duplicate_of_id",
    "introduced_by": "introduced_by_id",
    "assigned_to": "assigned_to__username",
    "team": "team__name",
    "owned_by": "owned_by__name",
}
BESIDE = ("cwes", "cves", "tags")
NAMES = ("id", "reference", *tuple(COLUMNS)[1:], *BESIDE)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The keys of findings, in order, and how many are of each scope."""

    ids: Sequence[int]
    by_scope: Counter[int]


def choose(rows: FindingQuerySet, form: str) -> Chosen:
    """Read which findings ``rows`` are. Raises TooLarge for more than a file of ``form`` holds."""
    ids, by_scope = array("q"), Counter[int]()
    most = tables.MOST_OF_SHEET if form == "xlsx" else None
    told = rows.values_list("pk", "scope_id")
    for pk, scope in (told if most is None else told[: most + 1]).iterator(chunk_size=20_000):
        ids.append(pk)
        by_scope[scope] += 1
    if most is not None and len(ids) > most:
        raise TooLarge(
            "format",
            f"a sheet holds {most:,} rows, and more findings match; take CSV or JSON, or filter",
        )
    return Chosen(ids, by_scope)


def file_of(chosen: Chosen, form: str, head: dict[str, Any]) -> Iterator[bytes]:
    """Yield the file, in parts. ``head``: what a JSON file says before its rows."""
    rows = rows_of(chosen.ids)
    if form == "json":
        return tables.json_of({**head, "count": len(chosen.ids)}, rows)
    return (tables.csv_of if form == "csv" else tables.xlsx_of)(NAMES, rows)


def rows_of(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield what is told of these findings, in their order; three statements for a thousand of them."""
    for start in range(0, len(ids), IN_ONE_PART):
        part = list(ids[start : start + IN_ONE_PART])
        found = {row["id"]: row for row in _read(part)}
        yield from (found[pk] for pk in part if pk in found)


def _read(part: list[int]) -> Iterator[dict[str, Any]]:
    rows = Finding.objects.filter(pk__in=listed(part)).order_by()
    tags = _named(
        FindingTag.objects.filter(finding__in=listed(part)).values_list("finding_id", "tag__name")
    )
    cves = _named(
        FindingCve.objects.filter(finding__in=listed(part)).values_list("finding_id", "cve")
    )
    for *values, cwes, last_at in rows.values_list(*COLUMNS.values(), "cwes", "series__last_at"):
        row = dict(zip(COLUMNS, values, strict=True))
        row["last_seen_at"] = row["last_seen_at"] or last_at
        told = {name: _written(value) for name, value in row.items()}
        told |= {"reference": f"CTEM-{row['id']}", "cwes": cwes}
        told |= {"cves": cves[row["id"]], "tags": tags[row["id"]]}
        yield {name: told[name] for name in NAMES}


def _named(pairs: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    told: dict[int, list[str]] = defaultdict(list)
    for pk, name in sorted(pairs):
        told[pk].append(name)
    return told


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value
