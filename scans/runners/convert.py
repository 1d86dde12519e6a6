"""Reports of tools that write no SARIF, as SARIF; and what a report leaves open that we know. Pure.

A converted report says so (``conversion``, SARIF 2.1.0, 3.22). It holds what the tool said and
nothing else: no level that the tool does not give, no finding that it does not name.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import BadInput
from scans.runners import Output

MOST_PACKAGES_TEXT = 4 * 1024 * 1024  # bytes of a list of packages that lines are looked up in
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {1: "warning", 2: "error"}
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")

Json = dict[str, Any]


def with_root(data: bytes, top: Path) -> bytes:
    """Say in the report where its root was, if it has addresses below ``top`` and no root.

    Byte for byte the same where nothing has to be said, or where it is no JSON.
    """
    root = f"{top.as_uri()}/"
    if root.encode() not in data:
        return data
    try:
        report = json.loads(data)
        runs = [run for run in report["runs"] if not run.get("originalUriBaseIds")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return data  # what is wrong with it is told by who reads it
    for run in runs:
        run["originalUriBaseIds"] = {"SRCROOT": {"uri": root}}
    return json.dumps(report).encode() if runs else data


def converted(output: str, data: bytes, *, version: str, top: Path, seen: Path) -> bytes:
    """The report of a tool as SARIF. Raises BadInput.

    ``top``: the checkout, ``seen``: where the tool saw it. ``version``: of the tool, if known.
    """
    try:
        run = _CONVERTERS[Output(output)](json.loads(data), top, seen)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        sentence = f"is not the report that {output} writes ({type(error).__name__}: {error})"
        raise BadInput("report", sentence[:400]) from error
    driver = run["tool"]["driver"]
    if version:
        driver["version"] = version
    run["conversion"] = {"tool": {"driver": {"name": "CTEM runner"}}}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}).encode()


def _eslint(told: Any, top: Path, seen: Path) -> Json:
    """ESLint's ``json-with-metadata``: all files that it looked at, and what it said of them."""
    files = [(_below(str(file["filePath"]), seen), file) for file in told["results"]]
    messages = [(path, message) for path, file in files for message in file["messages"]]
    results = [_eslint_result(path, m) for path, m in messages if not m.get("fatal")]
    broken = [
        {"level": "error", "message": {"text": str(m["message"])}, "locations": [_place(path, m)]}
        for path, m in messages
        if m.get("fatal")
    ]
    meta = told["metadata"]["rulesMeta"]
    rules = [
        _eslint_rule(str(name), meta.get(name)) for name in _sorted(r["ruleId"] for r in results)
    ]
    driver: Json = {"name": "ESLint", "organization": "OpenJS Foundation", "rules": rules}
    invocation: Json = {"executionSuccessful": True, "toolExecutionNotifications": broken}
    return {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "artifacts": [{"location": {"uri": path}} for path, _ in files],
        "results": results,
    }


def _eslint_result(path: str, message: Mapping[str, Any]) -> Json:
    return {
        "ruleId": str(message["ruleId"] or "eslint"),
        "level": _LEVELS.get(message["severity"], "none"),
        "message": {"text": str(message["message"])},
        "locations": [_place(path, message)],
    }


def _eslint_rule(name: str, meta: Any) -> Json:
    docs = (meta or {}).get("docs") or {}
    described = (
        {"shortDescription": {"text": str(docs["description"])}} if docs.get("description") else {}
    )
    return {"id": name, **described}


def _place(path: str, message: Mapping[str, Any]) -> Json:
    names = {
        "line": "startLine",
        "column": "startColumn",
        "endLine": "endLine",
        "endColumn": "endColumn",
    }
    region = {
        ours: message[theirs]
        for theirs, ours in names.items()
        if isinstance(message.get(theirs), int) and message[theirs] > 0
    }
    physical: Json = {"artifactLocation": {"uri": path}}
    return {"physicalLocation": physical | ({"region": region} if region else {})}


def _below(path: str, seen: Path) -> str:
    """The path below the checkout. Raises ValueError for one that is not."""
    return PurePosixPath(path).relative_to(seen).as_posix()


def _pip_audit(told: Any, top: Path, seen: Path) -> Json:
    """pip-audit's ``json`` of requirements.txt: a result for each advisory of each package."""
    file = "requirements.txt"
    lines = _lines_of_packages(top / file)
    results, rules = [], {}
    notes = [
        {
            "level": "error",
            "message": {"text": f"{row['name']} was not looked up: {row['skip_reason']}"},
        }
        for row in told["dependencies"]
        if row.get("skip_reason")
    ]
    for row in told["dependencies"]:
        for advisory in row.get("vulns") or ():
            ids = [str(advisory["id"]), *map(str, advisory.get("aliases") or ())]
            fixed = ", ".join(map(str, advisory.get("fix_versions") or ()))
            text = f"{row['name']}=={row['version']} has the known weakness {', '.join(ids)}"
            message = {"line": lines.get(_plain(str(row["name"])))}
            results.append({
                "ruleId": ids[0],
                "message": {"text": f"{text}; fixed in {fixed}" if fixed else text},
                "locations": [_place(file, message)],
            })  # fmt: skip
            rules[ids[0]] = {"id": ids[0], "deprecatedIds": ids[1:]} if ids[1:] else {"id": ids[0]}
    driver: Json = {"name": "pip-audit", "organization": "PyPA", "rules": list(rules.values())}
    invocation: Json = {"executionSuccessful": True, "toolExecutionNotifications": notes}
    return {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "artifacts": [{"location": {"uri": file}}],
        "results": results,
    }


def _lines_of_packages(path: Path) -> dict[str, int]:
    """Name of a package → the first line of the list that starts with it."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_PACKAGES_TEXT).decode("utf-8", "replace")
    except OSError:
        return {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _NAME.match(line):
            lines.setdefault(_plain(found[1]), number)
    return lines


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.casefold())


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


_CONVERTERS: dict[Output, Callable[[Any, Path, Path], Json]] = {
    Output.ESLINT: _eslint,
    Output.PIP_AUDIT: _pip_audit,
}
