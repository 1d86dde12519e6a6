"""One measurement: a database, the product on it, the steps of a run, each checked and measured."""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.ingest import floor, load, product, reports
from bench.ingest.engines import Engine, PostgreSQL, cpu_of, forget_peak, peak_of
from bench.ingest.floor import Floor
from bench.ingest.load import Load
from bench.ingest.product import Failed, Product
from bench.ingest.reports import Step

MADE, FULL, NOW = (
    "ctem_made",
    "ctem_full",
    "ctem_now",
)  # databases: migrated, with a million, at work
MILLION = 1_000_000
BESIDE = 10_000  # results that are imported beside them
ROUNDS = 3


class Taken(NamedTuple):
    """One import: seconds until the reply, and until all is done; of the processor; statements; MB."""

    step: str
    results: int
    reply: float
    done: float
    cpu: float  # of web and worker
    cpu_database: float
    statements: dict[str, int] | None  # by role
    peak_web: int
    peak_worker: int
    busy: float  # others' load while it ran: processes that wanted a processor, over a minute


class Bench:
    """One engine for one run; ``folder`` is for its files."""

    def __init__(self, engine: Engine, broker: str, folder: Path) -> None:
        self.engine, self._broker, self._folder = engine, broker, folder
        self._data = 0

    def prepare(self) -> None:
        """Make the database that all measurements begin with."""
        self.engine.create(MADE)
        product.manage(self.engine.url(MADE), self._folder / "made", "migrate", "-v", "0")

    def fill(self) -> None:
        """Make the one with a million findings beside it."""
        self.engine.create(FULL, MADE)
        url, folder = self.engine.url(FULL), self._folder / "made"
        product.manage(url, folder, "seed", "--findings", str(MILLION))
        if isinstance(self.engine, PostgreSQL):
            with self.engine.connect(FULL) as connection:
                connection.execute("VACUUM ANALYZE")

    @contextmanager
    def product(self, like: str) -> Iterator[Product]:
        """The product on a copy of a database."""
        self._data += 1
        self.engine.create(NOW, like)
        found = Product(self.engine, NOW, self._folder / f"data{self._data}", self._broker)
        try:
            with found.running():
                yield found
        finally:
            self.engine.drop(NOW)

    def size(self, number: int, told: Callable[[Taken], None]) -> tuple[list[Taken], Floor | None]:
        """All steps with so many results, and the floor of the first of them."""
        taken: list[Taken] = []
        least: Floor | None = None
        report = self._folder / "report.sarif"
        with self.product(MADE) as running:
            asset = running.new_asset("bench")
            for at, step in enumerate(reports.steps(number)):
                reports.write(report, number, step.variant)
                found = self._import(running, asset, report, step, at)
                taken.append(found)
                told(found)
                if at == 0 and isinstance(self.engine, PostgreSQL):
                    least = floor.measured(self.engine, NOW, report, number)
        return taken, least

    def beside(self, like: str, name: str) -> Taken:
        """The first import into a database that others fill already: the median of some."""
        (step, *_), report = reports.steps(BESIDE), self._folder / "report.sarif"
        found = []
        for at in range(ROUNDS):
            reports.write(report, BESIDE, step.variant, seed=at)
            with self.product(like) as running:
                asset = running.new_asset("bench")
                found.append(self._import(running, asset, report, step, at))
        middle = statistics.median_low([one.done for one in found])
        return next(one for one in found if one.done == middle)._replace(step=name)

    def load(self, like: str) -> list[Load]:
        """Requests per second on a copy of a database, which an import is added to."""
        (step, *_), report = reports.steps(BESIDE), self._folder / "report.sarif"
        reports.write(report, BESIDE, step.variant)
        with self.product(like) as running:
            self._import(running, running.new_asset("bench"), report, step, 0)
            return load.measured(running)

    def _import(self, running: Product, asset: int, report: Path, step: Step, at: int) -> Taken:
        """Upload a report, wait until all is done, check the counts. Raises Failed."""
        workers = running.all_workers()
        for pid in workers:
            forget_peak(pid)
        commit = hashlib.sha1(f"{step.name} {at}".encode(), usedforsecurity=False).hexdigest()
        self.engine.start_counting()
        own, database, began = cpu_of(workers), self.engine.cpu(), time.perf_counter()
        scan = running.upload(asset, report, {"scope": "full", "commit": commit})
        replied = time.perf_counter() - began
        counts = running.wait(scan)
        done = time.perf_counter() - began
        if {name: n for name, n in counts.items() if n} != {
            k: n for k, n in step.counts.items() if n
        }:
            raise Failed(f"{step.name}: {counts} was counted, and {step.counts} is right")
        if running.all_workers() != workers:
            raise Failed(f"{step.name}: a process ended and was replaced")
        return Taken(
            step.name, step.counts["results"], replied, done, cpu_of(workers) - own,
            self.engine.cpu() - database, self.engine.counted(NOW),
            max(map(peak_of, running.workers("web"))),
            max(map(peak_of, running.workers("worker"))), os.getloadavg()[0],
        )  # fmt: skip


def machine(engines: list[Engine]) -> dict[str, Any]:
    """What the figures were measured on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processors": os.cpu_count(),
        "memory_gb": round(pages / 2**30),
        "python": sys.version.split()[0],
        "versions": {engine.name: engine.version for engine in engines},
        "load": os.getloadavg(),
    }
