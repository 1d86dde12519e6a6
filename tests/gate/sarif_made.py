"""SARIF made for tests: the smallest valid log, with what a test is about put in."""

from __future__ import annotations

import json
from typing import Any

from gate.formats.sarif import LIMITS, Limits, read
from gate.records import Report, Result, Run


def log(run: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """A log of one run, which is clean and empty but for ``run``."""
    plain = {"tool": {"driver": {"name": "Tool"}}, "results": []}
    return {"version": "2.1.0", "runs": [plain | (run or {})]} | members


def report(run: dict[str, Any] | None = None, limits: Limits = LIMITS, **members: Any) -> Report:
    return read("scan.sarif", json.dumps(log(run, **members)).encode(), limits)


def run(**members: Any) -> Run:
    return report(members).runs[0]


def result(raw: dict[str, Any], **members: Any) -> Result:
    """The one result of a run whose other members are given."""
    (found,) = run(results=[{"message": {"text": "m"}} | raw], **members).results
    return found


def driver(name: str = "Tool", **members: Any) -> dict[str, Any]:
    return {"driver": {"name": name, **members}}


def at(uri: str, **region: Any) -> list[dict[str, Any]]:
    """The locations of a result."""
    physical = {"artifactLocation": {"uri": uri}} | ({"region": region} if region else {})
    return [{"physicalLocation": physical}]
