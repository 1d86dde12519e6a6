"""Reads one report with the fastest reader there is and prints the seconds; a process of its own.

The reader checks types and nothing else: no limits, no places, no clean text. It is a floor, no rival.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """``python -m bench.ingest.parse msgspec|json FILE``: seconds of the processor, and results."""
    name, path = sys.argv[1:]
    data = Path(path).read_bytes()
    read = {"msgspec": _msgspec, "json": _json}[name]()
    began = time.process_time()
    number = read(data)
    seconds = time.process_time() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "results": number}))


def _json() -> Callable[[bytes], int]:
    return lambda data: sum(len(run["results"]) for run in json.loads(data)["runs"])


def _msgspec() -> Callable[[bytes], int]:
    try:
        structs = importlib.import_module("bench.ingest.structs")
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is missing: pip install {error.name}") from None
    return lambda data: sum(len(run.results) for run in structs.read(data).runs)


if __name__ == "__main__":
    main()
