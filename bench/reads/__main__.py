"""``python -m bench.reads``: seed databases of several sizes on a PostgreSQL of its own, open every
list with every kind of filter and order as three people, and print how long that takes at each size.

A size is measured while the others lie idle on the same server. ``--json`` keeps every figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import servers  # noqa: E402 - found by the line above

PLACES = ("--scopes", "50", "--assets", "500", "--people", "60")
Told = dict[str, Any]


def main() -> None:
    """Seed, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.reads", description=__doc__)
    parser.add_argument("--findings", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--times", type=int, default=20, help="that each address is opened")
    parser.add_argument("--only", default="", help="pages whose name holds this")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args()
    told: dict[int, list[Told]] = {}
    with servers.postgresql() as url, tempfile.TemporaryDirectory(prefix="ctem-bench-") as folder:
        server = url.rpartition("/")[0]
        for size in options.findings:
            told[size] = _measured(
                _environ(server, size, folder), size, options.times, options.only
            )
            if options.json:
                options.json.write_text(json.dumps(told, indent=1))
    sys.stdout.writelines(table(told))


def _environ(server: str, size: int, folder: str) -> dict[str, str]:
    """A database of its own, and what the product has to know of it."""
    name = f"reads_{size}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    Path(folder, "static").mkdir(exist_ok=True)
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("CTEM_")},
        "CTEM_DATA_DIR": folder, "DATABASE_URL": f"{server}/{name}", "CTEM_LOG_LEVEL": "ERROR",
    }  # fmt: skip


def _measured(environ: dict[str, str], size: int, times: int, only: str) -> list[Told]:
    manage = [sys.executable, "-W", "ignore", "manage.py"]
    script = "from bench.reads.once import main; main()"
    for words in (["migrate", "-v", "0"], ["seed", "--findings", str(size), *PLACES]):
        subprocess.run([*manage, *words], cwd=ROOT, env=environ, check=True)  # noqa: S603
    done = subprocess.run(  # noqa: S603
        [*manage, "shell", "--no-imports", "-c", script], cwd=ROOT, env=environ, check=True,
        stdout=subprocess.PIPE, text=True, input=json.dumps({"times": times, "only": only}) + "\n",
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def table(told: dict[int, list[Told]]) -> list[str]:
    """Lines of Markdown: of each page the slowest person at each size, in milliseconds."""
    sizes = sorted(told)
    pages: dict[str, dict[int, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for size in sizes:
        for row in told[size]:
            pages[row["name"]][size].append(row)
    heads = [f"{size:,} p50 | p95" for size in sizes]
    lines = [
        f"| page | {' | '.join(heads)} | grows | statements | KB |\n",
        "|---|" + "---:|" * (2 * len(sizes) + 3) + "\n",
    ]
    lines += [_line(name, by_size, sizes) for name, by_size in pages.items()]
    return lines


def _line(name: str, by_size: dict[int, list[Told]], sizes: list[int]) -> str:
    cells, middles = [], []
    for size in sizes:
        rows = by_size.get(size, [])
        p50, p95 = (max((_share(row, part) for row in rows), default=0.0) for part in (0.5, 0.95))
        cells += [f"{p50:.0f}", f"{p95:.0f}"]
        middles.append(p50)
    every = [row for rows in by_size.values() for row in rows]
    cells.append(f"{middles[-1] / max(middles[0], 0.1):.1f}")
    cells.append(str(max(row["statements"] for row in every)))
    cells.append(str(max(row["bytes"] for row in every) // 1000))
    return f"| {name.replace('|', '/')} | {' | '.join(cells)} |\n"


def _share(row: Told, part: float) -> float:
    """The time in which that part of the openings was done, in milliseconds."""
    ranked = sorted(row["seconds"])
    return float(ranked[min(len(ranked) - 1, int(len(ranked) * part))]) * 1000


if __name__ == "__main__":
    main()
