"""The scanners of the set: real ones, run on a checkout, and reports in the shape of others.

What a real scanner writes is kept but for help texts, and with its times and its folder replaced,
so that the files come out the same every time. Where a tool cannot be had from a package index
(CodeQL, Trivy, Gitleaks, an agentic scanner), ``shaped`` writes what it would: same members, own
content.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNNER = "/home/runner/work/shop/shop"
_WORDY = (
    "help",
    "fullDescription",
    "helpUri",
    "informationUri",
    "contextRegion",
    "issue_confidence",
)


@dataclass(frozen=True)
class Scan:
    """One run of a scanner: its report, its exit status, and the command as a pipeline has it."""

    report: dict[str, Any]
    exit_code: int
    command: str


class Scanners:
    """Runs the tools. ``tools``: a folder with node_modules (ESLint) and sv (Semgrep's venv)."""

    def __init__(self, tools: Path, rules: Path) -> None:
        self.tools, self.rules = tools, rules

    def bandit(self, folder: Path, *options: str, paths: Sequence[str] = (".",)) -> Scan:
        """Bandit as it is: ``bandit -r . -f sarif``."""
        words = [
            "bandit",
            "-q",
            *(["-r"] if paths[0] == "." else []),
            *paths,
            "-f",
            "sarif",
            *options,
        ]
        program = Path(sys.executable).with_name("bandit")
        done = _run([str(program), *words[1:]], folder)
        return Scan(_tidy(json.loads(done.stdout), folder), done.returncode, " ".join(words))

    def semgrep(self, folder: Path, *options: str) -> Scan:
        """Semgrep with the set's own rules."""
        words = ["semgrep", "scan", "--config", ".semgrep.yml", "--sarif", *options]
        quiet = ["--metrics=off", "--disable-version-check", "-q", "."]
        rules = [
            str(self.rules / "semgrep.yml") if word == ".semgrep.yml" else word
            for word in words[1:]
        ]
        done = _run([str(self.tools / "sv/bin/semgrep"), *rules, *quiet], folder)
        text = done.stdout.replace(f"{self.rules}/".lstrip("/").replace("/", "."), "")
        return Scan(_tidy(json.loads(text), folder), done.returncode, " ".join(words))

    def eslint(self, folder: Path) -> Scan:
        """ESLint with its SARIF formatter, which writes absolute addresses and no invocation."""
        words = ["eslint", "-f", "@microsoft/eslint-formatter-sarif", "."]
        formatter = str(self.tools / "node_modules/@microsoft/eslint-formatter-sarif/sarif.js")
        program = self.tools / "node_modules/.bin/eslint"
        config = folder / "eslint.config.mjs"
        chosen = (
            []
            if config.exists()
            else ["--no-config-lookup", "-c", str(self.rules / "eslint.config.mjs")]
        )
        done = _run([str(program), *chosen, "-f", formatter, "."], folder)
        return Scan(_tidy(json.loads(done.stdout), folder), done.returncode, " ".join(words))


def _run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def _tidy(value: Any, folder: Path) -> Any:
    """The report without help texts, with the folder and the times of a pipeline."""
    if isinstance(value, dict):
        kept = {key: _tidy(item, folder) for key, item in value.items() if key not in _WORDY}
        kept = {
            k: v
            for k, v in kept.items()
            if not (k.startswith(("SEVERITY.", "CONFIDENCE.")) and v == 0)
        }
        return {k: "2026-11-20T11:00:00Z" if k == "endTimeUtc" else v for k, v in kept.items()}
    if isinstance(value, list):
        return [_tidy(item, folder) for item in value]
    return value.replace(str(folder), RUNNER) if isinstance(value, str) else value


def finding(
    rule: str, path: str, line: int | None = None, *, text: str = "", snippet: str = "", **more: Any
) -> dict[str, Any]:
    """One result as most tools write it; ``more`` are further members."""
    region: dict[str, Any] = {"startLine": line, "startColumn": 1} if line else {}
    if snippet:
        region["snippet"] = {"text": snippet}
    place = {"artifactLocation": {"uri": path, "uriBaseId": "%SRCROOT%"}, "region": region}
    return {
        "ruleId": rule,
        "message": {"text": text or f"{rule} applies here."},
        "locations": [{"physicalLocation": place}],
        **more,
    }


def shaped(
    tool: str,
    version: str,
    results: Sequence[Mapping[str, Any]] | None,
    rules: Mapping[str, Mapping[str, Any]],
    **run: Any,
) -> dict[str, Any]:
    """A report of one run in a tool's shape; ``rules`` from id to level, score or tags."""
    listed = []
    for name, told in rules.items():
        properties = {key: told[key] for key in ("security-severity", "tags") if key in told}
        row = {"id": name, "defaultConfiguration": {"level": told.get("level", "warning")}}
        listed.append({**row, "properties": properties} if properties else row)
    whole = {
        "tool": {"driver": {"name": tool, "semanticVersion": version, "rules": listed}},
        "invocations": [{"executionSuccessful": True}],
        "results": None if results is None else list(results),
        **run,
    }
    kept = {key: value for key, value in whole.items() if value is not ...}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [kept],
    }


CODEQL_RULES = {
    "py/command-line-injection": {
        "level": "error", "security-severity": "8.8", "tags": ["security", "external/cwe/cwe-078"],
    },
    "py/sql-injection": {
        "level": "error", "security-severity": "8.8", "tags": ["security", "external/cwe/cwe-089"],
    },
    "py/weak-sensitive-data-hashing": {
        "level": "warning", "security-severity": "5.9", "tags": ["security", "external/cwe/cwe-327"],
    },
    "py/path-injection": {
        "level": "error", "security-severity": "7.5", "tags": ["security", "external/cwe/cwe-022"],
    },
    "py/unused-import": {"level": "note", "tags": ["maintainability"]},
}  # fmt: skip


def codeql(
    results: Sequence[Mapping[str, Any]],
    files: Sequence[str],
    *,
    version: str = "2.23.5",
    **run: Any,
) -> dict[str, Any]:
    """CodeQL: no level on results, every rule listed, every file in a diagnostic, a category."""
    told = [
        {
            "descriptor": {"id": "py/diagnostics/successfully-extracted-files", "index": 0},
            "level": "none",
            "message": {"text": ""},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": path}}}],
        }
        for path in files
    ]
    invocation = {"executionSuccessful": True, "toolExecutionNotifications": told}
    extra = {
        "invocations": [invocation],
        "artifacts": [{"location": {"uri": path, "uriBaseId": "%SRCROOT%"}} for path in files],
        "automationDetails": {"id": "/language:python/"},
    }
    rules = run.pop("rules", CODEQL_RULES)
    return shaped("CodeQL", version, results, rules, **{**extra, **run})
