"""``python -m bench.matching``: measure, print one table of each, and a JSON file on request."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from bench.matching import accuracy, multitool, page, report, speed
from bench.matching.scans import HELD_OUT, PACKAGES

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(tempfile.gettempdir()) / "ctem-bench" / "multitool"  # kept from run to run


def main() -> None:
    """Measure in a temporary folder, print, and write what was asked for."""
    options = _options()
    program, why_not = multitool.installed(TOOLS)
    if why_not:
        sys.stdout.write(f"SARIF multitool not run: {why_not}\n")
    with tempfile.TemporaryDirectory(prefix="ctem-bench-") as name:
        folder = Path(name)
        sizes = tuple(size for size in speed.SIZES if size <= options.most)
        timings = speed.measure(folder, program, sizes)
        found = accuracy.measure(folder / "known", program, why_not, PACKAGES)
        held = accuracy.measure(folder / "held", program, why_not, HELD_OUT)
    setting = _setting(program)
    tables = (
        report.accuracy_table(found),
        report.accuracy_table(held),
        report.edits_table(found),
        report.speed_table(timings),
    )
    sys.stdout.write("\n\n".join("\n".join(table) for table in tables) + "\n")
    if options.json:
        options.json.write_text(
            json.dumps(report.document(found, held, timings, setting), indent=1)
        )
    if options.write:
        target = ROOT / "docs" / "matching.md"
        target.write_text(page.page(found, held, timings, setting))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.matching", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/matching.md")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--most", type=int, default=100_000, help="largest size of the speed table")
    return parser.parse_args()


def _setting(program: Path | None) -> dict[str, str]:
    git = subprocess.run(["git", "--version"], capture_output=True, text=True)  # noqa: S607
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).strftime("%d %B %Y"),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "bandit": f"Bandit {version('bandit')}",
        "git": git.stdout.strip() if shutil.which("git") else "",
        "multitool": f"{multitool.PACKAGE} {multitool.VERSION}" if program else "not run",
    }


if __name__ == "__main__":
    main()
