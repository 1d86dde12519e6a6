"""Reports to be read: many small results, large ones with flows, and some that must be refused."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

WORDS = (
    "query input header token cookie session path buffer cache stream parser handler model view"
    " form user order report export upload archive config secret key socket proxy queue worker"
    " value reaches sink through function without being sanitized attacker can control"
).split()
RULES = 300
FILES = 20_000

Write = Callable[[Path], None]
Make = Callable[[random.Random, int], dict[str, Any]]


def made(*, large: bool) -> Iterator[tuple[str, Write]]:
    """Name of each report and what writes it to a path."""
    yield "small results, 10k", partial(_report, make=_small, number=10_000)
    yield "small results, 250k", partial(_report, make=_small, number=250_000)
    yield "results with flows, 25k", partial(_report, make=_large, number=25_000)
    if large:
        yield "results with flows, 250k", partial(_report, make=_large, number=250_000)
        yield "2.6 million results", partial(_report, make=_small, number=2_600_000)
    for name, piece in (
        ("only '['", b"["),
        ("one text", b'"' + b"x" * 4095),
        ("white space", b" \n"),
        ("results that are zeros", b'{"version":"2.1.0","runs":[{"results":[' + b"0," * 2000),
    ):
        yield name, partial(_bomb, piece=piece, size=1 << 30 if large else 1 << 26)


def _report(path: Path, *, make: Make, number: int) -> None:
    rng = random.Random(7)  # noqa: S311 - the same report each time
    artifacts = [{"location": {"uri": _uri(file)}} for file in range(FILES)]
    rules = [{"id": f"py/rule-{n}", "properties": {"tags": ["security"]}} for n in range(RULES)]
    with path.open("w") as file:
        file.write('{"version": "2.1.0", "runs": [{"results": [')
        for index in range(number):
            file.write(("," if index else "") + json.dumps(make(rng, index)))
        file.write(f'], "artifacts": {json.dumps(artifacts)}, "tool": {{"driver": ')
        file.write(json.dumps({"name": "BenchScan", "version": "1", "rules": rules}) + "}}]}")


def _bomb(path: Path, *, piece: bytes, size: int) -> None:
    """One piece, and then what it ends with again and again."""
    tail = piece[-2:] * (1 << 19)
    with path.open("wb") as file:
        file.write(piece)
        for _ in range(size >> 20):
            file.write(tail)


def _uri(file: int) -> str:
    return f"src/pkg{file % 60:02d}/module_{file:05d}.py"


def _place(rng: random.Random, file: int, text: str = "") -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": rng.randrange(1, 4000), "startColumn": 5}
    if text:
        region["snippet"] = {"text": text}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}


def _small(rng: random.Random, index: int) -> dict[str, Any]:
    rule, word = rng.randrange(RULES), rng.choice(WORDS)
    print_ = hashlib.sha256(f"{index}".encode()).hexdigest()[:16]
    return {
        "ruleId": f"py/rule-{rule}",
        "ruleIndex": rule,
        "message": {"text": f"Unsafe {word}_{index} reaches {rng.choice(WORDS)} unchecked."},
        "locations": [_place(rng, rng.randrange(FILES), f"    {word}_{index} = load()")],
        "partialFingerprints": {"primaryLocationLineHash": f"{print_}:1"},
    }


def _large(rng: random.Random, index: int) -> dict[str, Any]:
    """About 4 KB: a long message that is much the same for a rule, a flow, two fingerprints."""
    found = _small(rng, index)
    own = random.Random(found["ruleIndex"])  # noqa: S311
    found["message"]["text"] += " ".join(own.choices(WORDS, k=60))
    file = rng.randrange(FILES)
    steps = [
        {"location": _place(rng, rng.randrange(FILES) if n % 3 == 0 else file, "x" * 60)}
        for n in range(13)
    ]
    found["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    found["relatedLocations"] = [_place(rng, file), _place(rng, rng.randrange(FILES))]
    found["partialFingerprints"]["contextRegionHash"] = hashlib.sha256(
        f"context {index}".encode()
    ).hexdigest()
    return found
