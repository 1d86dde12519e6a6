"""What the wrapper can tell of a scan's recipe: its digest, and whether it scans everything.

Reads a command, a report and the tracked files of a commit; runs no scanner. Which file configures
which scanner stands in ``data/scanner_files.json``. How two recipes compare is in ``gate.recipe``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from gate import catalogue, commands, git, globs
from gate.records import Report

_CONFIG_ENDINGS = (".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".json", ".xml", ".rc")
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "env", "xargs", "make")
_HEADING = re.compile(r"\s*\[")

Rows = Sequence[Mapping[str, Any]]


def config_digest(
    top: Path, blobs: Mapping[str, str], report: Report, command: Sequence[str], report_path: str
) -> str:
    """``sha256:`` over tool, version, command and the contents of its tracked configuration.

    ``blobs``: the tracked files of the commit in ``top``. In the command neither the scanner's
    folder nor the name of the report counts; of files with several purposes only the parts that
    configure the scanner.
    """
    engines = sorted(_engines(report))
    parts = _config_parts(engines, blobs)
    parts |= {path: None for path in _tracked(command[1:], top, blobs) if _looks_config(path)}
    contents = git.read_blobs(top, [blobs[path] for path in parts])
    hashed = {
        path: hashlib.sha256(_relevant(content, rows)).hexdigest()
        for (path, rows), content in zip(parts.items(), contents, strict=True)
    }
    words = [_neutral(word, report_path) for word in command]
    words[0] = PurePosixPath(words[0]).name
    versions = sorted({f"{run.tool} {run.version}" for run in report.runs})
    recipe = {"engines": engines, "versions": versions, "command": words, "config": hashed}
    return "sha256:" + hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def scope(top: Path, blobs: Mapping[str, str], report: Report, command: Sequence[str]) -> str:
    """``full`` or ``diff`` where a known command line shows it, else nothing."""
    if any("diff-informed" in run.incremental_mode for run in report.runs):
        return "diff"
    line = shlex.join(command)
    words = [PurePosixPath(word).name for word in command[:4]]
    if not commands.parse(line).program or words[0] in _SHELLS:
        return ""
    if commands.narrowing(line):
        return "diff"
    if commands.left_out_files(line):
        return ""
    named = [path for path in _tracked(command[1:], top, blobs) if not _looks_config(path)]
    return "" if named else "full"


def is_config(path: str) -> bool:
    """Whether a file has no other purpose than to configure, or silence, some scanner."""
    return any(globs.matches(row["patterns"], path) for row in _rows() if not _is_shared(row))


def _tracked(words: Iterable[str], top: Path, blobs: Mapping[str, str]) -> Iterator[str]:
    """The tracked files that words of a command line name, as ``FILE`` or ``--option=FILE``."""
    for word in words:
        for text in (word, word.partition("=")[2]):
            path = os.path.relpath(Path.cwd() / text, top) if text else ""
            if path in blobs:
                yield path


def _looks_config(path: str) -> bool:
    """Whether a file that a command names is more likely its configuration than its target."""
    name = PurePosixPath(path).name
    return name.endswith(_CONFIG_ENDINGS) or name.startswith(".")


def _engines(report: Report) -> set[str]:
    rows = {run.tool: catalogue.tool(run.tool) for run in report.runs}
    return {row.engine if row else name.casefold() for name, row in rows.items()}


def _rows(engines: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Rows of files that configure one of the engines; of all, if one of them is unknown."""
    rows = [r for r in catalogue.load("scanner_files.json")["rows"] if "*" not in r["tools"]]
    rows = [row for row in rows if row["kind"] in ("config", "suppression")]
    known = {tool for row in rows for tool in row["tools"]}
    wanted = known if engines is None or not known.issuperset(engines) else set(engines)
    return [row for row in rows if not wanted.isdisjoint(row["tools"])]


def _config_parts(engines: Sequence[str], blobs: Mapping[str, str]) -> dict[str, Rows | None]:
    """Path to the rows that say which lines count, or to None where the whole file does."""
    parts: dict[str, Rows | None] = {}
    for row in _rows(engines):
        for path in (path for path in blobs if globs.matches(row["patterns"], path)):
            earlier = parts.get(path, ())
            whole = earlier is None or not _is_shared(row)
            parts[path] = None if whole else (*(earlier or ()), row)
    return parts


def _is_shared(row: Mapping[str, Any]) -> bool:
    return "section" in row or "line" in row


def _relevant(content: bytes, rows: Rows | None) -> bytes:
    if rows is None:
        return content
    lines = content.decode("utf-8", "replace").splitlines()
    return "\n".join(line for row in rows for line in _lines(lines, row)).encode()


def _lines(lines: Sequence[str], row: Mapping[str, Any]) -> Iterator[str]:
    """The lines below headings that match ``section``; without one, those that match ``line``."""
    inside = False
    for line in lines:
        if "section" in row and _HEADING.match(line):
            inside = re.search(row["section"], line) is not None
        alone = "section" not in row or row.get("layout") == "json"
        if inside or (alone and re.search(f"{row.get('key', row['line'])}|{row['line']}", line)):
            yield line


def _neutral(word: str, report_path: str) -> str:
    option, sign, value = word.partition("=")
    if report_path and word == report_path:
        return "REPORT"
    return f"{option}=REPORT" if sign and report_path and value == report_path else word
