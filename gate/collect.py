"""Measured facts: run a scanner and see for ourselves what its report does not say.

``python -m gate run`` wraps a scanner in a pipeline; ``python -m gate facts`` asks git about a fix.
The facts say ``"source": "measured"``, which is worth what the machine is worth they were measured
on: who receives a facts file decides by its sender, not by that word.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from gate import catalogue, collect_recipe, formats, git
from gate.diff import parse
from gate.errors import InputError
from gate.facts import ROLES
from gate.formats import content as contents
from gate.formats.content import Content
from gate.git import Snapshot, git_diff, git_fix, run_git, snapshot
from gate.legs import told_of
from gate.patches import git_patch_id
from gate.records import Report, Run
from gate.strict import normal_path

__all__ = ["Execution", "Snapshot", "git_diff", "git_fix", "main", "measure", "run_git", "snapshot"]

DONE, UNUSABLE = 0, 3
SCAN, FACTS = "scan.sarif", "facts.json"
UNREAD = "scan.unread"  # where the scanner's output waits to be read
MOST_HELD = 512 * 1024 * 1024  # bytes of a report that is no file, but a pipe

_REPORT_ENDINGS = (".sarif", ".sarif.json")
_REPORT_OPTIONS = ("-o", "--output", "--output-file", "--out", "--report-path")


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a scanner. Times in UTC, RFC 3339; ``report_path`` as its command names it."""

    command: tuple[str, ...]
    exit_code: int
    started_at: str
    finished_at: str
    report_path: str = ""


def measure(
    repo: Path,
    *,
    report: Report,
    execution: Execution,
    before: Snapshot,
    outputs: Sequence[Path] = (),
) -> dict[str, Any]:
    """The facts of one scan of the working copy around ``repo``: one entry of facts.json.

    ``before`` was taken before the scanner ran (``snapshot``); the working copy is looked at again
    now. ``outputs``: what may have appeared meanwhile. Unless it was clean and the same both times,
    commit and tree are empty: what was scanned is not known. What is unknown is left out.
    """
    after = _snapshot(repo, outputs)
    known = before.clean and after.clean and before.commit == after.commit
    blobs = git.list_blobs(before.top, before.commit) if known else {}
    facts: dict[str, Any] = {
        "commit": before.commit if known else "",
        "tree": before.tree if known else "",
        "parents": list(before.parents) if known else [],
        "scope": collect_recipe.scope(before.top, blobs, report, execution.command),
        "category": _the_only(run.category for run in report.runs),
        "exit_code": execution.exit_code,
        "started_at": execution.started_at,
        "finished_at": execution.finished_at,
        "files_scanned": _files(report.runs),
        "blobs": git.bounded(blobs),
        "vendor": _the_only(run.organization for run in report.runs),
        "command": shlex.join(execution.command),
        "version": _the_only(run.version for run in report.runs),
        "rules": _rules(report.runs),
        "source": "measured",
    }
    if known:
        asked = (execution.command, execution.report_path)
        facts["config_digest"] = collect_recipe.config_digest(before.top, blobs, report, *asked)
    needed = ("commit", "tree", "exit_code", "source")
    return {name: value for name, value in facts.items() if value or name in needed}


def _snapshot(repo: Path, outputs: Sequence[Path]) -> Snapshot:
    """As ``snapshot``, but where there is no commit, or git is no help, that is what it says."""
    try:
        found = snapshot(repo, outputs)
        hidden = [p for p in git.ignored_files(found.top) if collect_recipe.is_config(p)]
    except InputError as error:
        return Snapshot(top=repo.resolve(), changed=(str(error),))
    # An ignored scanner configuration is no part of the commit, yet shapes what the scanner sees.
    return replace(found, changed=(*found.changed, *hidden))


def _the_only(values: Iterable[str]) -> str:
    """The value that all share, or nothing."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else ""


def _files(runs: Sequence[Run]) -> list[str]:
    """Every file that a run says it looked at: its artifacts, and what its notifications name."""
    told = (path for run in runs for path in (*run.artifacts, *told_of(run)))
    return sorted({name for path in told if (name := normal_path(path))})


def _rules(runs: Sequence[Run]) -> list[str]:
    """The rules that were on, where the report lists them all: none if only those that fired."""
    on: set[str] = set()
    for run in runs:
        row, fired = catalogue.tool(run.tool), {result.rule for result in run.results}
        listed = {rule.id for rule in run.rules if rule.enabled} - set(run.disabled_rules)
        whole = row.rules == "inventory" if row and row.rules != "varies" else bool(listed - fired)
        if not (whole if run.lists_rules is None else run.lists_rules):
            return []
        on |= listed
    return sorted(on)


def main(argv: list[str]) -> int:
    """``run --out DIR ... -- COMMAND`` or ``facts --base REV --head REV ...``.

    Returns 0, or 3 with one line on standard error: no readable report, or a call that cannot be
    used. The scanner's own exit status is a fact, not a verdict.
    """
    try:
        if argv[:1] == ["run"]:
            return _run_command(argv[1:])
        return _facts_command(argv[1:] if argv[:1] == ["facts"] else argv)
    except (InputError, OSError) as error:
        _say(str(error))
        return UNUSABLE


def _run_command(argv: list[str]) -> int:
    cut = argv.index("--") if "--" in argv else len(argv)
    call, command = _run_parser().parse_args(argv[:cut]), tuple(argv[cut + 1 :])
    if not command:
        raise InputError("gate run", "needs -- and the scanner's command")
    repo, out = Path.cwd(), Path(call.out)
    out.mkdir(parents=True, exist_ok=True)
    for name in (SCAN, FACTS):  # so that a failure never leaves the facts of an earlier run
        (out / name).unlink(missing_ok=True)
    report_path = _report_path(call.sarif, command)
    outputs = [out, *([Path(report_path)] if report_path else [])]
    before = _snapshot(repo, outputs)
    fix = _fix(repo, call.base, "HEAD") if call.base else None
    try:
        execution, content = _execute(command, report_path, out)
        report = formats.read(report_path or "the scanner's output", content)
        _copy(content, out / SCAN)
    finally:
        (out / UNREAD).unlink(missing_ok=True)
    facts = measure(repo, report=report, execution=execution, before=before, outputs=outputs)
    if call.since and facts["commit"]:
        facts |= _descent(repo, call.since, facts["commit"])
    document = {**({"fix": fix} if fix else {}), call.role: facts}
    (out / FACTS).write_text(_json(document), encoding="utf-8")
    _report_on(facts, before, execution)
    return DONE


def _descent(repo: Path, since: str, commit: str) -> dict[str, Any]:
    """That the scanned commit contains another one, as far as git knows."""
    try:
        merged = git.resolve(repo, since)
        if git.merge_base(repo, merged, commit) == merged:
            return {"descends_from": [merged]}
        _say(f"{commit} does not contain {since}")
    except InputError as error:
        _say(str(error))
    return {}


def _report_on(facts: Mapping[str, Any], before: Snapshot, execution: Execution) -> None:
    _say(f"the scanner ended with exit status {execution.exit_code}")
    if before.commit and before.top.resolve() != Path.cwd().resolve():
        _say(f"run it in {before.top}: paths in its report count from there")
    if not facts["commit"]:
        why = ", ".join(before.changed[:5]) or "it changed while the scanner ran"
        _say(f"commit and tree are left empty, the working copy is not a commit: {why}")


def _report_path(given: str | None, command: Sequence[str]) -> str:
    """Where the scanner will write its report; empty for standard output. Raises InputError."""
    if given is not None:
        return "" if given == "-" else given
    found = [word for word in command if word.endswith(_REPORT_ENDINGS)]
    found = [w.partition("=")[2] if w.startswith("-") and "=" in w else w for w in found]
    found += [value for option, value in pairwise(command) if option in _REPORT_OPTIONS]
    if len(set(found)) > 1:
        raise InputError("gate run", f"which is the report: {', '.join(found)}? Say --sarif FILE")
    return found[0] if found and found[0] != "-" else ""


def _execute(command: tuple[str, ...], report_path: str, out: Path) -> tuple[Execution, Content]:
    """Run the scanner without a shell; its report must be of this run. Raises InputError."""
    path = Path(report_path) if report_path else out / UNREAD
    earlier = _stamp(path)
    with ExitStack() as stack:
        stdout = None if report_path else stack.enter_context(path.open("wb"))
        started_at = _now()
        try:
            code = subprocess.run(list(command), stdout=stdout, check=False).returncode
        except OSError as error:
            raise InputError(command[0], f"cannot be started ({error.strerror})") from None
        finished_at = _now()
    content = _written(path, earlier if report_path else None)
    return Execution(command, code, started_at, finished_at, report_path), content


def _written(path: Path, earlier: tuple[int, ...] | None) -> Content:
    now = _stamp(path)
    if now is None:
        raise InputError(str(path), "the scanner wrote no report there")
    if now == earlier:
        raise InputError(str(path), "was there before and the scanner did not write it")
    return contents.opened(str(path), MOST_HELD)


def _copy(content: Content, target: Path) -> None:
    """Write what was read, and nothing that came after, where the report is to be."""
    if isinstance(content, contents.File) and target.exists() and target.samefile(content.path):
        return
    with target.open("wb") as file:
        for block in contents.blocks(content):
            file.write(block)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def _facts_command(argv: list[str]) -> int:
    call = _facts_parser().parse_args(argv)
    repo = Path(call.repo)
    fix = _fix(repo, call.base, call.head)
    diff = git_diff(repo, fix["base_commit"], fix["head_commit"])
    if call.diff:
        Path(call.diff).write_bytes(diff)
    patches = {fix["head_commit"]: _patch_id(diff)}
    for reviewed in call.reviewed:
        head = git.resolve(repo, reviewed)
        patches[head] = _patch_id(git_diff(repo, git.merge_base(repo, call.base, head), head))
    known = {commit: patch for commit, patch in patches.items() if patch}
    sys.stdout.write(_json({"fix": fix, **({"patches": known} if known else {})}))
    return DONE


def _patch_id(diff: bytes) -> str:
    """What the change of a revision is known by; empty where the diff does not show all of it."""
    if not diff or any(file.binary for file in parse(diff).files):
        return ""
    return git_patch_id(diff, verbatim=True)


def _fix(repo: Path, base: str, head: str) -> dict[str, Any]:
    """The fix since it left ``base``; members that are empty are left out."""
    start = git.merge_base(repo, base, head)
    if start != git.resolve(repo, base):
        _say(f"{base} has moved on: the fix is taken from {start}, where it left")
    return {name: value for name, value in git_fix(repo, start, head).items() if value}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _say(sentence: str) -> None:
    sys.stderr.write(f"gate: {sentence}\n")


class _Parser(argparse.ArgumentParser):
    """Wrong calls are the gate's exit status 3, not argparse's 2."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(self.prog, message)


def _run_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gate run", description="Run a scanner and measure the facts.")
    parser.add_argument("--out", required=True, help=f"folder for {SCAN} and {FACTS}")
    parser.add_argument("--sarif", help="the file the scanner writes, or - for its output")
    parser.add_argument("--base", help="revision the fix goes to: adds what git knows of the fix")
    parser.add_argument("--role", choices=ROLES, default="after")
    parser.add_argument("--since", help="what merged: the facts say so if the revision contains it")
    return parser


def _facts_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gate facts", description="Print what git knows of a fix.")
    parser.add_argument("--base", required=True, help="revision the fix goes to")
    parser.add_argument("--head", required=True, help="last revision of the fix")
    parser.add_argument("--repo", default=".", help="the clone to ask")
    parser.add_argument("--diff", help="also write the fix to this file, as a unified diff")
    parser.add_argument(
        "--reviewed",
        action="append",
        default=[],
        help="an older head that somebody approved: adds its patch id, so that the approval counts "
        "where the patch is still the same; may be repeated",
    )
    return parser
