"""A judgement as SARIF 2.1.0: the after-scans with ``baselineState``, and a run of the gate's own.

States are ours, recomputed: unchanged for what was there before (S1 to S4), else new.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from gate import __version__, formats, sarif_records
from gate.checks import CHECKS
from gate.checks.check import Outcome
from gate.evidence import Document
from gate.formats.json_text import Document as JsonText
from gate.formats.json_text import Elements, Shape, Stream
from gate.formats.limits import LIMITS
from gate.judgement import CheckRow, Judgement
from gate.strict import visible

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
MOST_PLACES = 100  # of one result
_ROOT: tuple[str, int | None] = (".", None)
_REFERENCE = re.compile(r"[^@]+@([^@]+):([1-9]\d{0,8})")
_Change = Callable[[Iterable[Any]], Iterator[Any]]
# The arrays of a run are copied element by element; what else is in it is held.
_SHAPE: Shape = {"runs": {"*": {"*": Stream(LIMITS.values, "elements")}}}
_LEVELS = {Outcome.FAIL: "error", Outcome.UNKNOWN: "warning"}


def to_sarif(judgement: Judgement, after: Sequence[Document]) -> str:
    """The after-documents, whole but for their results' states, and the gate's findings.

    ``after``: the very documents that were judged. Raises InputError where one cannot be read.
    """
    return "".join(write(judgement, after))


def write(judgement: Judgement, after: Sequence[Document]) -> Iterator[str]:
    """The same in pieces, so that large documents are never held whole."""
    runs = [run for document in after for run in _runs(judgement, document)]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [*runs, _own_run(judgement)]}
    yield from json.JSONEncoder(indent=1).iterencode(log)
    yield "\n"


def _runs(judgement: Judgement, document: Document) -> Iterator[dict[str, Any]]:
    if formats.recognise(document.name, document.content) is not formats.SARIF:
        report = formats.read(document.name, document.content)
        yield from sarif_records.runs(report, partial(_state, judgement, document.name))
        return
    log = JsonText(document.content, document.name, LIMITS).load(_SHAPE)
    for number, run in enumerate(log.get("runs") or []):
        pointer = f"/runs/{number}/results"
        yield {
            key: _Streamed(value, _stater(judgement, document.name, pointer, key))
            if isinstance(value, Elements)
            else value
            for key, value in run.items()
        }


class _Streamed(list[Any]):
    """What the encoder takes for a list: elements that are decoded when their turn comes."""

    def __init__(self, elements: Elements, change: _Change) -> None:
        self._elements = elements
        self._change = change

    def __len__(self) -> int:
        """The encoder asks only whether there is anything."""
        return next((1 for _ in self), 0)

    def __iter__(self) -> Iterator[Any]:
        return self._change(self._elements)


def _stater(judgement: Judgement, name: str, pointer: str, key: str) -> _Change:
    """What gives results their states, and leaves out those that are absent."""
    if key != "results":
        return iter
    return lambda results: (
        {**result, "baselineState": _state(judgement, name, f"{pointer}/{index}")}
        for index, result in enumerate(results)
        if result.get("baselineState") != "absent"
    )


def _state(judgement: Judgement, name: str, pointer: str) -> str:
    """Results that report no problem (kind pass and the like) are not matched: unchanged."""
    return judgement.states.get((name, pointer), "unchanged")


def _own_run(judgement: Judgement) -> dict[str, Any]:
    """What stands in the way, as results of a tool called CTEM gate."""
    rows = [row for row in judgement.checks if row.required and row.answer.outcome in _LEVELS]
    return {
        "tool": {
            "driver": {
                "name": "CTEM gate",
                "version": __version__,
                "rules": [
                    {"id": check.id, "shortDescription": {"text": _about(check.run.__doc__)}}
                    for check in CHECKS
                ],
            }
        },
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(judgement, row) for row in rows],
        "properties": {"verdict": judgement.verdict, "lamps": dict(judgement.lamps)},
    }


def _about(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


def _result(judgement: Judgement, row: CheckRow) -> dict[str, Any]:
    text = visible(f"{row.answer.reason} To pass: {row.answer.remedy}")
    return {
        "ruleId": row.check.id,
        "ruleIndex": CHECKS.index(row.check),
        "level": _LEVELS[row.answer.outcome],
        "message": {"text": text},
        "locations": [_location(path, line) for path, line in _places(judgement, row)],
        "properties": {"finding": row.finding, "evidence": list(row.answer.evidence)},
    }


def _places(judgement: Judgement, row: CheckRow) -> list[tuple[str, int | None]]:
    """Where to show a result; never nowhere, because GitHub refuses files with such results."""
    if row.check.id == "NOTHING_NEW":
        new = [(n["path"], n["line"]) for n in judgement.new if n["blocks"] and n["path"]]
        if new:
            return new[:MOST_PLACES]
    about = [o for o in judgement.originals if row.finding in (None, o.finding)]
    now = [(o.path, o.line) for o in about if o.path]
    before: list[tuple[str, int | None]] = [
        place for o in about[:1] if (place := _named(o.finding))
    ]
    return now[:MOST_PLACES] or before or [_ROOT]


def _named(finding: str) -> tuple[str, int | None] | None:
    """The place in a reference of the form RULE@PATH:LINE."""
    match = _REFERENCE.fullmatch(finding)
    return (match[1], int(match[2])) if match else None


def _location(path: str, line: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(path)}}
    if line:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}
