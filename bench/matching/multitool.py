"""The SARIF multitool (npm @microsoft/sarif-multitool), run for real as its users run it."""

from __future__ import annotations

import json
import platform
import stat
import subprocess
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from bench.matching.methods import Answer
from bench.matching.scans import call

PACKAGE = "@microsoft/sarif-multitool"
VERSION = "5.7.0"
FOLDER = f"node_modules/{PACKAGE}-{platform.system().lower()}/Sarif.Multitool"


def installed(folder: Path) -> tuple[Path | None, str]:
    """The program, installed under ``folder`` unless it is there; or None and the reason."""
    program = folder / FOLDER
    try:
        if not program.exists():
            folder.mkdir(parents=True, exist_ok=True)
            quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", ".")
            call("npm", "install", *quiet, f"{PACKAGE}@{VERSION}", folder=folder)
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        call(program, "version", folder=folder)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or getattr(error, "stdout", "") or str(error)
        return None, " ".join(str(said).split())[:300]
    return program, ""


def command(program: Path, before: Path, after: Path, output: Path) -> list[str | Path]:
    """The call that compares two reports."""
    options = ("--log", "ForceOverwrite", "--output-file-path", output)
    return [program, "match-results-forward", "--previous", before, after, *options]


def ask(program: Path, before: Path, after: Path, hashes: Sequence[Sequence[Hashable]]) -> Answer:
    """What it says of two reports, as they are or with GitHub's hashes as partialFingerprints."""
    given = after.parent / "multitool"
    given.mkdir(exist_ok=True)
    old, new, output = given / "before.sarif", given / "after.sarif", given / "out.sarif"
    documents = _prepared(before, old, hashes[0]), _prepared(after, new, hashes[1])
    call(*command(program, old, new, output), folder=given)
    return _read(json.loads(output.read_bytes()), *documents)


def _prepared(source: Path, target: Path, hashes: Sequence[Hashable]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(source.read_bytes())
    results = document["runs"][0]["results"]
    for result, digest in zip(results, hashes, strict=False):
        result["partialFingerprints"] = {"primaryLocationLineHash": str(digest)}
    target.write_text(json.dumps(document))
    return document


def _read(found: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> Answer:
    """Its states, by what a result says: which of two that say the same does not matter."""
    old, new = _waiting(before), _waiting(after)
    absent, fresh = set(), set()
    for result in (result for run in found["runs"] for result in run.get("results") or ()):
        state = result["baselineState"]
        index = (old if state == "absent" else new)[_content(result)].pop()
        if state == "absent":
            absent.add(index)
        elif state == "new":
            fresh.add(index)
    return Answer(new=frozenset(fresh), absent=frozenset(absent))


def _waiting(document: dict[str, Any]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for index, result in enumerate(document["runs"][0]["results"]):
        found[_content(result)].append(index)
    return found


def _content(result: dict[str, Any]) -> Hashable:
    place = result["locations"][0]["physicalLocation"]
    region = {**place["region"]}
    region.pop("snippet", None)
    address = place["artifactLocation"]["uri"]
    spot = tuple(sorted(region.items()))
    return result["ruleId"], address, spot, result["message"]["text"]
