"""``python -m bench.reports``: seed a database with findings and a year of events on a PostgreSQL of its
own, copy the moves, make a monthly report on all of it, and print how long that takes in how much memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import servers  # noqa: E402 - found by the line above

STEPS = ("history", "copy", "report", "pages")


def main() -> None:
    """Seed, measure each step in a process of its own, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.reports", description=__doc__)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--sqlite", action="store_true", help="on SQLite instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctem-bench-") as folder:
        if options.sqlite:
            run(options.findings, f"sqlite:///{folder}/bench.sqlite3", folder)
            return
        with servers.postgresql() as url:
            server = url.rpartition("/")[0]
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE reports")
            run(options.findings, f"{server}/reports", folder)


def run(findings: int, url: str, folder: str) -> None:
    """Seed and measure on one database."""
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith("CTEM_")},
        "CTEM_DATA_DIR": folder, "DATABASE_URL": url, "CTEM_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    Path(folder, "static").mkdir(exist_ok=True)
    manage = [sys.executable, "-W", "ignore", "manage.py"]
    for words in (["migrate", "-v", "0"], ["seed", "--findings", str(findings)]):
        subprocess.run([*manage, *words], cwd=ROOT, env=environ, check=True)  # noqa: S603
    sys.stdout.write("| step | seconds | memory (MB) | |\n|---|---:|---:|---|\n")
    for step in STEPS:
        for told in _step(manage, environ, step):
            sys.stdout.write(
                f"| {told['name']} | {told['seconds']:.1f} | {told['megabytes']} | {told['what']} |\n"
            )
            sys.stdout.flush()


def _step(manage: list[str], environ: dict[str, str], step: str) -> list[dict[str, Any]]:
    script = f"from bench.reports.once import main; main({step!r})"
    done = subprocess.run(  # noqa: S603
        [*manage, "shell", "--no-imports", "-c", script], cwd=ROOT, env=environ, check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    main()
