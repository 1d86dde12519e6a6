"""``python -m bench.ingest``: import reports of growing size on each engine, and print what it takes.

The product runs as its Procfile starts it, on a PostgreSQL (as durable as by default), a Redis and
folders of its own. Every import's counts are checked; a wrong one ends the run with status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import processes
import servers

from bench.ingest import engines, load, table
from bench.ingest.product import Failed
from bench.ingest.run import FULL, MADE, Bench, Taken, machine

SIZES = (1_000, 10_000, 50_000, 250_000)


def main() -> None:
    """Measure what is asked for. Ends with status 1 where a count is wrong or something is missing."""
    options = _options()
    processes.exit_on_signals()
    try:
        if options.load:
            load.program()
        told = _all(options)
    except (Failed, servers.NotStarted) as problem:
        raise SystemExit(f"\n{problem}") from None
    if options.json:
        Path(options.json).write_text(json.dumps(told, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    names = ("postgresql", "sqlite")
    parser.add_argument("--engines", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--million", action="store_true", help="also beside a million findings (PostgreSQL)"
    )
    parser.add_argument("--load", action="store_true", help="also requests per second (PostgreSQL)")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser.parse_args()


def _all(options: argparse.Namespace) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ctem-bench-")))
        broker = stack.enter_context(servers.redis())
        found = [stack.enter_context(engines.started(name, folder)) for name in options.engines]
        told: dict[str, Any] = {"machine": machine(found)}
        _say(json.dumps(told["machine"]))
        for engine in found:
            bench = Bench(engine, broker, folder / engine.name)
            bench.prepare()
            told[engine.name] = _sizes(bench, options.sizes)
            if engine.name == "postgresql":
                told[engine.name] |= _more(bench, options)
        return told


def _sizes(bench: Bench, sizes: list[int]) -> dict[str, Any]:
    """All steps in all sizes."""
    imports: list[Taken] = []
    floors = []
    _say(f"\n{bench.engine.name} {bench.engine.version}\n\n{table.HEAD}")
    for number in sizes:
        taken, least = bench.size(number, lambda one: _say(table.row(one)))
        imports += taken
        if least is not None:
            floors.append((least, taken[0]))
    if floors:
        _say(f"\n{table.FLOOR_HEAD}")
        _say("\n".join(table.floor_row(*pair) for pair in floors))
    return {
        "imports": [one._asdict() for one in imports],
        "floors": [least._asdict() for least, _ in floors],
    }


def _more(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Beside a million findings, and under load."""
    told: dict[str, Any] = {}
    if options.million:
        _say(f"\n{table.HEAD}")
        bench.fill()
        both = [
            bench.beside(MADE, "into an empty database"),
            bench.beside(FULL, "beside a million"),
        ]
        _say("\n".join(map(table.row, both)))
        _say(f"\nbeside a million / empty: {both[1].done / both[0].done:.2f}")
        told["beside"] = [one._asdict() for one in both]
    if options.load:
        loads = bench.load(FULL if options.million else MADE)
        _say(f"\n{table.LOAD_HEAD}\n{table.load_rows(loads)}")
        told["load"] = [one._asdict() for one in loads]
    return told


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
