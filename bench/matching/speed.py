"""Whole processes on generated reports: wall time, processor time, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.matching import multitool
from bench.matching.generator import generate

SIZES = (1_000, 10_000, 100_000)
ROOT = Path(__file__).resolve().parents[2]
OURS = (sys.executable, "-m", "bench.matching.ours")
ROUNDS = 3  # of which the fastest counts: other work on the machine only ever adds
ENOUGH = 40.0  # seconds after which no further round is started


@dataclass(frozen=True)
class Timing:
    """One process at one size: seconds of wall and processor, bytes of memory at its peak."""

    method: str
    results: int
    wall: float
    processor: float
    memory: int

    @property
    def each(self) -> float:
        """Processor time per result before, in microseconds."""
        return self.processor / self.results * 1e6


def measure(folder: Path, program: Path | None, sizes: tuple[int, ...] = SIZES) -> list[Timing]:
    """Every method at every size, one process at a time."""
    found = []
    for size in sizes:
        here = folder / f"speed-{size}"
        before, after, diff = generate(size, here)
        output = here / "output.json"
        calls: dict[str, list[str | Path]] = {
            "ours": [*OURS, before, after, output, diff],
            "ours, no diff": [*OURS, before, after, output],
        }
        if program:
            calls["SARIF multitool"] = multitool.command(program, before, after, output)
        for method, command in calls.items():
            timing = _fastest(method, size, command)
            sys.stderr.write(f"{size:,} results, {method}: {timing.wall:.2f} s\n")
            found.append(timing)
    return found


def _fastest(method: str, size: int, command: list[str | Path]) -> Timing:
    rounds: list[Timing] = []
    while len(rounds) < ROUNDS and sum(timing.wall for timing in rounds) < ENOUGH:
        rounds.append(_timed(method, size, command))
    return min(rounds, key=lambda timing: timing.processor)


def _timed(method: str, size: int, command: list[str | Path]) -> Timing:
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - the commands stand above
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    processor = usage.ru_utime + usage.ru_stime
    return Timing(method, size, wall, processor, usage.ru_maxrss * 1024)
