"""Reads one report with the fastest reader there is and prints the seconds; a process of its own.

The reader checks types and nothing else: no limits, no places, no clean text. It is a floor, no rival.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

Reader = Any  # bytes in, the log out


def main() -> None:
    """``python -m bench.ingest.parse msgspec|json FILE``: seconds of the processor, and results."""
    name, path = sys.argv[1:]
    data = Path(path).read_bytes()
    read = {"msgspec": _msgspec, "json": _json}[name]()
    began = time.process_time()
    number = read(data)
    seconds = time.process_time() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "results": number}))


def _json() -> Reader:
    return lambda data: sum(len(run["results"]) for run in json.loads(data)["runs"])


def _msgspec() -> Reader:
    try:
        msgspec = importlib.import_module("msgspec")
    except ImportError:
        raise SystemExit("msgspec is missing: pip install msgspec (requirements-dev.txt)") from None

    def struct(name: str, **members: Any) -> Any:
        fields = [(key, *told) if isinstance(told, tuple) else (key, told)
                  for key, told in members.items()]  # fmt: skip
        return msgspec.defstruct(name, fields, gc=False)

    text = struct("Text", text=(str, ""))
    artifact = struct("Artifact", uri=(str, ""), uriBaseId=(str, ""))
    region = struct(
        "Region", startLine=(int, 0), startColumn=(int, 0), endLine=(int, 0), endColumn=(int, 0),
        snippet=(text | None, None),
    )  # fmt: skip
    physical = struct(
        "Physical", artifactLocation=(artifact | None, None), region=(region | None, None)
    )
    location = struct("Location", physicalLocation=(physical | None, None))
    result = struct(
        "Result", ruleId=(str, ""), ruleIndex=(int, -1), level=(str, ""),
        message=(text | None, None), locations=(list[location], []),
        partialFingerprints=(dict[str, str], {}),
    )  # fmt: skip
    rule = struct("Rule", id=str, name=(str, ""), fullDescription=(text | None, None),
                  properties=(dict[str, Any], {}))  # fmt: skip
    driver = struct("Driver", name=str, version=(str, ""), rules=(list[rule], []))
    tool = struct("Tool", driver=driver)
    run = struct("Run", tool=tool, results=(list[result], []))
    log = struct("Log", version=str, runs=list[run])
    decoder = msgspec.json.Decoder(log)
    return lambda data: sum(len(run.results) for run in decoder.decode(data).runs)


if __name__ == "__main__":
    main()
