"""Figures as the tables of docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterable

from bench.ingest.floor import Floor
from bench.ingest.load import Load
from bench.ingest.run import Taken

HEAD = (
    "| step | results | reply (s) | all done (s) | CPU ours + database (s) | statements web + worker"
    " | peak web / worker (MB) | load |\n|---|---:|---:|---:|---:|---:|---:|---:|"
)
FLOOR_HEAD = (
    "| results | parse, msgspec (s) | parse, json (s) | COPY (s) | floor (s) | import (s) | ratio"
    " | ratio in CPU |\n|---:|---:|---:|---:|---:|---:|---:|---:|"
)
LOAD_HEAD = "| address | clients | requests/s | p50 (ms) | p95 (ms) |\n|---|---:|---:|---:|---:|"


def row(one: Taken) -> str:
    """A line for one import."""
    told = f"{one.statements['web']} + {one.statements['worker']}" if one.statements else "-"
    return (
        f"| {one.step} | {one.results:,} | {one.reply:.2f} | {one.done:.2f}"
        f" | {one.cpu:.2f} + {one.cpu_database:.2f} | {told} | {one.peak_web} / {one.peak_worker}"
        f" | {one.busy:.1f} |"
    )


def floor_row(least: Floor, first: Taken) -> str:
    """A line for an import beside the least that it could take."""
    ratio = (first.cpu + first.cpu_database) / least.cpu
    return (
        f"| {least.results:,} | {least.parse['msgspec']:.2f} | {least.parse['json']:.2f}"
        f" | {least.copy:.2f} | {least.seconds:.2f} | {first.done:.2f}"
        f" | {first.done / least.seconds:.1f} | {ratio:.1f} |"
    )


def load_rows(loads: Iterable[Load]) -> str:
    """Lines for requests per second."""
    return "\n".join(
        f"| `{one.address}` | {one.clients} | {one.rate:.1f} | {one.median:.0f} | {one.most:.0f} |"
        for one in loads
    )
