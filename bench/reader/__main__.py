"""``python -m bench.reader``: read made reports, each in a process of its own, and print a table.

``--large`` adds a file of a gigabyte, which is written to the temporary folder and deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.reader import reports

ROOT = Path(__file__).resolve().parents[2]
HEAD = f"{'report':<28} {'MB':>6} {'results':>8} {'s':>7} {'MB/s':>6} {'peak MB':>8}"


class Reading(NamedTuple):
    """One process: bytes and results of the report, processor seconds, memory in MB (2**20)."""

    name: str
    size: int
    told: str
    seconds: float
    peak: float

    def row(self) -> str:
        """A line of the table."""
        speed = self.size / 1e6 / max(self.seconds, 0.01)
        return (
            f"{self.name:<28} {self.size / 1e6:>6.0f} {self.told:>8} {self.seconds:>7.2f}"
            f" {speed:>6.0f} {self.peak:>8.0f}"
        )


def main() -> None:
    """Make each report, read it, forget it."""
    parser = argparse.ArgumentParser(prog="python -m bench.reader", description=__doc__)
    parser.add_argument("--large", action="store_true", help="also a file of a gigabyte")
    options = parser.parse_args()
    sys.stdout.write(f"{HEAD}\n")
    with tempfile.TemporaryDirectory(prefix="ctem-bench-") as folder:
        path = Path(folder) / "report.sarif"
        for name, write in reports.made(large=options.large):
            write(path)
            reading = _read(name, path)
            sys.stdout.write(f"{reading.row()}\n")
            sys.stdout.flush()


def _read(name: str, path: Path) -> Reading:
    command = [sys.executable, "-m", "bench.reader.once", str(path)]
    process = subprocess.Popen(  # noqa: S603 - the command stands above
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    said = process.communicate()[0] if process.stdout else ""
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    found = json.loads(said)
    return Reading(
        name, os.path.getsize(path), found["told"], found["seconds"], found["peak"] / 1024
    )


if __name__ == "__main__":
    main()
