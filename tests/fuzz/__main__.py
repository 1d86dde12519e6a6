"""``python -m tests.fuzz TARGET ... --seconds N``: fuzz the readers, each in a process of its own.

Prints executions, coverage, memory over the time and the slowest input. What breaks a reader is
kept in ``.fuzz/TARGET/``, together with the inputs that later runs start from. Exit status 1 if
anything was found.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.mutations import FOLDER

ROOT = FOLDER.parents[1]
WORK = ROOT / ".fuzz"
TARGETS = {"reader": 8192, "diff": 4096}  # most bytes of an input
MOST_SECONDS = 10  # of one input; with coverage counted, a reader takes about ten times as long
MOST_MEMORY = 512  # MB of the process
SAMPLES = 10  # of the memory that are printed

_PULSE = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/")


class Fuzzed:
    """One target's process and what is seen of it while it runs."""

    def __init__(self, target: str, seconds: int) -> None:
        self.target = target
        self.seconds = seconds
        self.folder = WORK / target
        self.memory: list[tuple[float, float]] = []  # seconds since the start, MB
        found = self.folder / "corpus"
        found.mkdir(parents=True, exist_ok=True)
        self._before = set(self._crashes())
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.fuzz.once",
                    *self._options(),
                    str(found),
                    *self._seeds(),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._began = time.monotonic()

    def _options(self) -> list[str]:
        return [
            self.target,
            str(self.folder),
            f"-max_total_time={self.seconds}",
            f"-max_len={TARGETS[self.target]}",
            f"-timeout={MOST_SECONDS}",
            f"-rss_limit_mb={MOST_MEMORY}",
            f"-dict={FOLDER / self.target}.dict",
            f"-artifact_prefix={self.folder}/",
        ]

    def _seeds(self) -> list[str]:
        folders = (FOLDER / kind / self.target for kind in ("corpus", "crashers"))
        return [str(folder) for folder in folders if folder.is_dir()]

    def _crashes(self) -> list[str]:
        kinds = ("crash-", "timeout-", "oom-", "slow-unit-")
        return sorted(path.name for path in self.folder.iterdir() if path.name.startswith(kinds))

    def is_running(self) -> bool:
        """Whether it runs; if so, its memory is noted."""
        if self.process.poll() is not None:
            return False
        megabytes = _memory(self.process.pid)
        if megabytes:
            self.memory.append((time.monotonic() - self._began, megabytes))
        return True

    def told(self) -> str:
        """The figures of the run, a line each."""
        log = (self.folder / "log").read_text(errors="replace")
        pulses = _PULSE.findall(log)
        executions, edges, features, inputs = pulses[-1] if pulses else ("0",) * 4
        seconds = (self.folder / "slowest.seconds").read_text() if pulses else "?"
        every = max(1, len(self.memory) // SAMPLES)
        memory = " ".join(f"{at:.0f}s:{size:.0f}" for at, size in self.memory[::every])
        new = sorted(set(self._crashes()) - self._before)
        lines = [
            f"{self.target}: {executions} executions, coverage {edges} edges, {features} features",
            f"  {inputs} inputs kept; the slowest took {seconds} s",
            f"  peak memory {max((size for _, size in self.memory), default=0):.0f} MB; {memory}",
            *(f"  found {self.folder.relative_to(ROOT) / name}" for name in new),
        ]
        if self.process.returncode:
            lines.append(log[-3000:])
        return "\n".join(lines)


def _memory(process: int) -> float:
    """MB that a process holds now; 0 where nobody can say."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> int:
    """Start what was asked for, wait, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="+", choices=TARGETS, metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    runs = [Fuzzed(target, options.seconds) for target in dict.fromkeys(options.targets)]
    try:
        while any([run.is_running() for run in runs]):  # noqa: C419 - each is to be looked at
            time.sleep(1)
    finally:
        for run in runs:
            run.process.terminate()
            run.process.wait()
    for run in runs:
        sys.stdout.write(f"{run.told()}\n")
    return 1 if any(run.process.returncode for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
