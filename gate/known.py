"""The list of what is already open on the line (``--known``), read into results.

Either a report in any format that is read, or a JSON document of ours::

    {"results": [{"tool": "Bandit", "rule": "B404", "path": "app/views.py", "line": 1,
                  "level": "note", "message": "…", "snippet": "…", "cwes": ["CWE-78"],
                  "fingerprints": {"primaryLocationLineHash": "…"}}]}

``tool``, ``rule`` and ``path`` are needed. Unknown members are refused.
"""

from __future__ import annotations

from typing import Any

from gate import formats
from gate.evidence import Document
from gate.formats.json_text import Document as JsonText
from gate.formats.json_text import Elements, Stream
from gate.formats.limits import Limits
from gate.records import Level, Location, Result
from gate.strict import MAX_ITEMS, Members

LIMITS = Limits(size=256 * 1024 * 1024, depth=64)


def read(document: Document) -> tuple[Result, ...]:
    """The results of a known-list. Raises InputError."""
    if formats.is_report(document.name, document.content):
        report = formats.read(document.name, document.content)
        return tuple(result for run in report.runs for result in run.results)
    text = JsonText(document.content, document.name, LIMITS)
    root = Members(text.load({"results": Stream(MAX_ITEMS, "results")}), document.name)
    rows = root.take("results")
    if not isinstance(rows, Elements | None):
        root.children("results")  # which refuses it
    places = (Members(row, document.name, f"results[{i}]") for i, row in enumerate(rows or ()))
    results = tuple(_result(row, index) for index, row in enumerate(places))
    root.finish()
    return results


def _result(row: Members, index: int) -> Result:
    for key in ("tool", "rule", "path"):
        row.need(key)
    rule, level = row.text("rule") or "", row.choice("level", tuple(Level))
    result = Result(
        pointer=f"/results/{index}",
        tool=row.text("tool") or "",
        rule=rule,
        rule_key=row.text("rule_key") or rule,
        level=Level(level or Level.WARNING),
        message=row.prose("message") or "",
        location=_location(row),
        cwes=row.texts("cwes") or (),
        security_severity=row.number("security_severity", 0.0, 10.0),
        fingerprints=row.pairs("fingerprints") or (),
        guid=row.text("guid") or "",
    )
    row.finish()
    return result


def _location(row: Members) -> Location:
    given: dict[str, Any] = {
        "path": row.file("path"),
        "line": row.count("line", 1),
        "column": row.count("column", 1),
        "snippet": row.prose("snippet"),
    }
    return Location(uri=given["path"], **given)
