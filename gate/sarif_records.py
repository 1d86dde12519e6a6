"""Runs that were read from any format, as runs of SARIF 2.1.0: what the records hold, no more.

For the SARIF output alone: a report that was SARIF is copied, not written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from gate.records import Location, Notification, Report, Result, Rule, Run

Json = dict[str, Any]
State = Callable[[str], str]


def runs(report: Report, state: State) -> Iterator[Json]:
    """Each run; ``state`` gives the baselineState of a result by its pointer."""
    for run in report.runs:
        driver = {
            "name": run.tool,
            **_said(version=run.version, organization=run.organization),
            "rules": [_rule(rule) for rule in run.rules],
        }
        results = [_result(result, state(result.pointer)) for result in run.results]
        yield {
            "tool": {"driver": driver},
            "conversion": {"tool": {"driver": {"name": "CTEM gate"}}},
            **({"invocations": [_invocation(run)]} if _says_how(run) else {}),
            "results": results if run.results_present else None,
            **({"automationDetails": {"id": f"{run.category}/"}} if run.category else {}),
        }


def _says_how(run: Run) -> bool:
    """An invocation must say whether it succeeded (3.20.14)."""
    return run.execution_successful is not None


def _invocation(run: Run) -> Json:
    return {
        "executionSuccessful": run.execution_successful,
        **_said(startTimeUtc=run.started_at, endTimeUtc=run.finished_at),
        "toolExecutionNotifications": [_notification(told) for told in run.notifications],
    }


def _notification(told: Notification) -> Json:
    places = [{"physicalLocation": {"artifactLocation": {"uri": quote(p)}}} for p in told.paths]
    return {"level": str(told.level), "message": {"text": told.message}, "locations": places}


def _rule(rule: Rule) -> Json:
    tags = {"tags": list(rule.cwes)} if rule.cwes else {}
    return {
        "id": rule.id,
        **_said(name=rule.name, helpUri=rule.help_uri),
        **({"deprecatedIds": list(rule.aliases)} if rule.aliases else {}),
        **({"properties": tags} if tags else {}),
    }


def _result(result: Result, state: str) -> Json:
    properties: Json = {"tags": list(result.cwes)} if result.cwes else {}
    if result.security_severity is not None:
        properties["security-severity"] = f"{result.security_severity:g}"
    return {
        "ruleId": result.rule,
        "level": str(result.level),
        "message": {"text": result.message},
        "locations": _locations(result.location),
        "partialFingerprints": dict(result.fingerprints),
        "baselineState": state,
        **({"properties": properties} if properties else {}),
        **_excuses(result),
    }


def _excuses(result: Result) -> Json:
    told = [
        {"kind": s.kind, "status": s.status, **_said(justification=s.justification)}
        for s in result.suppressions
    ]
    return {"suppressions": told} if told else {}


def _locations(spot: Location) -> list[Json]:
    uri = quote(spot.path) if spot.path else spot.uri
    if not uri:
        return []
    numbers = {
        "startLine": spot.line,
        "startColumn": spot.column,
        "endLine": spot.end_line,
        "endColumn": spot.end_column,
    }
    region: Json = {key: value for key, value in numbers.items() if value} if spot.line else {}
    if spot.snippet and region:
        region["snippet"] = {"text": spot.snippet}
    physical = {"artifactLocation": {"uri": uri}, **({"region": region} if region else {})}
    return [{"physicalLocation": physical}]


def _said(**members: str) -> dict[str, str]:
    return {name: value for name, value in members.items() if value}
