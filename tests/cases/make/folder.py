"""A case as a folder of files: case.toml, reports, diff, facts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from story import Case


def write(folder: Path, case: Case) -> None:
    """Replace the folder by the case."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = {
        role: _reports(folder, role, getattr(case, role))
        for role in ("before", "after", "control", "later")
    }
    (folder / "fix.diff").write_text(case.diff, encoding="utf-8")
    facts = {key: value for key, value in case.facts.items() if value not in ([], None)}
    (folder / "facts.json").write_text(_json(facts), encoding="utf-8")
    if case.known is not None:
        (folder / "known.json").write_text(_json(case.known), encoding="utf-8")
    if case.policy:
        (folder / "policy.toml").write_text(case.policy, encoding="utf-8")
    (folder / "case.toml").write_text(_toml(case, names), encoding="utf-8")


def index(cases: list[Case]) -> str:
    """CASES.md: every case on a line."""
    rows = [
        "# All cases",
        "",
        f"{len(cases)} cases, {sum(case.kind == 'good' for case in cases)} of them good. Written by `make`.",
        "",
        "| Case | Set-up | What happens | Safe | Right | Stopped by |",
        "|---|---|---|---|---|---|",
    ]
    for case in sorted(cases, key=lambda case: case.name):
        told = case.expected
        stops = ", ".join(told["stopped_by"]).replace("_", "\\_")
        setup = f"{case.setup} (stock)" if case.stock else case.setup
        title = case.title.replace("|", "\\|")
        name = f"[{case.name}]({case.name}/case.toml)"
        cells = (name, setup, title, told["safe"], told["right"], stops)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _reports(folder: Path, role: str, reports: list[Any]) -> list[str]:
    """One file a report; a text is written as it is."""
    names = []
    for index, report in enumerate(reports, 1):
        name = f"{role}{'' if index == 1 else index}.sarif"
        text = report if isinstance(report, str) else _report(report)
        (folder / name).write_text(text, encoding="utf-8")
        names.append(name)
    return names


def _toml(case: Case, names: dict[str, list[str]]) -> str:
    expected = dict(case.expected)
    verdicts = expected.pop("verdicts", {})
    cause, owner = expected.pop("cause", ""), expected.pop("owner", "")
    told = {
        "title": case.title,
        "shows": case.shows,
        "kind": case.kind,
        "setup": case.setup,
        "stock": case.stock,
        "findings": case.findings,
        **{role: files for role, files in names.items() if files},
    }
    if case.known is not None:
        told["known"] = "known.json"
    if case.policy:
        told["policy"] = "policy.toml"
    text = _members(told) + "\n[expect]\n" + _members(expected)
    if verdicts:
        text += "\n[expect.verdicts]\n" + _members(verdicts)
    if cause:
        text += "\n[unknown]\n" + _members({"cause": cause, "owner": owner})
    return text


def _members(told: dict[str, Any]) -> str:
    """TOML lines. JSON's way to write texts, lists of them and booleans is also TOML's."""
    rows = []
    for key, value in told.items():
        if value in ("", []) and key != "stopped_by":
            continue
        name = key if key.isidentifier() else json.dumps(key)
        rows.append(f"{name} = {json.dumps(value, ensure_ascii=False)}\n")
    return "".join(rows)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _report(log: dict[str, Any]) -> str:
    """SARIF with one line for each result, rule and file, so that a case can be read."""
    text = json.dumps(log, ensure_ascii=False)
    for start in (
        '{"ruleId"',
        '{"message"',
        '{"id"',
        '{"location"',
        '{"kind"',
        '"results"',
        '"artifacts"',
    ):
        text = text.replace(f" {start}", f"\n {start}").replace(f"[{start}", f"[\n {start}")
    return text + "\n"
