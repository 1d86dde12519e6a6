"""``python -m tests.fuzz.once TARGET FOLDER [libFuzzer's options]``: the process that is fuzzed.

Needs atheris, which only ``make fuzz`` installs. Keeps the slowest input in FOLDER.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["gate"]):
    target = importlib.import_module(f"tests.fuzz.{sys.argv[1]}")
from tests.fuzz.mutations import BYTES_ALONE, CHANGES


class Slowest:
    """Runs the target and remembers, in a file, which input took longest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seconds = 0.0

    def __call__(self, data: bytes) -> None:
        began = time.process_time()
        target.check(data)
        spent = time.process_time() - began
        if spent > self._seconds:
            self._seconds = spent
            self._folder.joinpath("slowest").write_bytes(data)
            self._folder.joinpath("slowest.seconds").write_text(f"{spent:.3f}")


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """The next input: changed as what it is, or byte by byte."""
    random = Random(seed)
    changed = None
    if random.random() > BYTES_ALONE:
        changed = CHANGES[sys.argv[1]](data, random)
    return atheris.Mutate(data, len(data)) if changed is None else changed[:most]


if __name__ == "__main__":
    options = [sys.argv[0], *sys.argv[3:]]
    atheris.Setup(options, Slowest(Path(sys.argv[2])), custom_mutator=mutate)
    atheris.Fuzz()
