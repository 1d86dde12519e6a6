"""SARIF reports of any size, the same for the same number and seed, and what reading them must count.

Four files for the four steps of a run: the first, the same bytes again, the same results in other
bytes, and one in which results moved, went and came.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

RULES = 200
PER_FILE = 20  # results, in the mean
MOVED, GONE, CAME = 10, 20, 20  # one result in so many
DOWN = 7  # lines that moved results are further down

WORDS = (
    "query input header token cookie session path buffer cache stream parser handler model view"
    " form user order invoice report export upload archive config secret key socket proxy worker"
).split()
CWES = (20, 22, 78, 79, 89, 94, 200, 287, 295, 327, 352, 400, 502, 601, 611, 798, 862, 918)
LEVELS = ("error", "warning", "note")


class Step(NamedTuple):
    """One import: what it is called, whether its bytes are those of the one before, what it counts."""

    name: str
    variant: str
    counts: dict[str, int]


def steps(number: int) -> tuple[Step, ...]:
    """The imports of a run with ``number`` results, in their order."""
    moved, gone, came = number // MOVED, number // GONE, number // CAME
    all_same = {"results": number, "unchanged": number}
    return (
        Step("import", "first", {"results": number, "new": number}),
        Step("again, same bytes", "first", all_same),
        Step("again, other bytes", "reversed", all_same),
        Step(
            "again, 10 % moved, 5 % gone, 5 % new",
            "changed",
            {
                "results": number - gone + came, "moved": moved, "absent": gone, "new": came,
                "unchanged": number - moved - gone,
            },
        ),
    )  # fmt: skip


def write(path: Path, number: int, variant: str, seed: int = 1) -> None:
    """Write a report. ``variant``: first, reversed or changed."""
    rules = _rules(random.Random(seed))  # noqa: S311 - the same report each time
    results = _results(rules, number, variant, seed)
    with path.open("w") as file:
        file.write('{"version": "2.1.0", "runs": [{"tool": {"driver": ')
        file.write(json.dumps({"name": "BenchScan", "version": "1.0.0", "rules": rules}))
        file.write('}, "invocations": [{"executionSuccessful": true}], "results": [')
        for at, result in enumerate(results):
            file.write((",\n" if at else "\n") + json.dumps(result))
        file.write("]}]}")


def _rules(rng: random.Random) -> list[dict[str, Any]]:
    return [_rule(rng, at) for at in range(RULES)]


def _rule(rng: random.Random, at: int) -> dict[str, Any]:
    source, sink = rng.choice(WORDS), rng.choice(WORDS)
    return {
        "id": f"bench/rule-{at:03d}",
        "name": f"{source.title()}Reaches{sink.title()}{at:03d}",
        "shortDescription": {"text": f"{source} reaches {sink} ({at:03d})"},
        "fullDescription": {"text": f"What comes from {source} reaches {sink} unchecked, rule {at:03d}."},
        "help": {"text": f"Check the {source} before it reaches the {sink}."},
        "defaultConfiguration": {"level": rng.choice(LEVELS)},
        "properties": {"tags": ["security", f"external/cwe/cwe-{rng.choice(CWES)}"]},
    }  # fmt: skip


def _results(
    rules: list[dict[str, Any]], number: int, variant: str, seed: int
) -> Iterator[dict[str, Any]]:
    if variant != "changed":
        order = range(number) if variant == "first" else reversed(range(number))
        yield from (_result(rules, at, number, seed) for at in order)
        return
    moved, gone = _chosen(number, seed)
    for at in range(number):
        if at not in gone:
            yield _result(rules, at, number, seed, down=DOWN if at in moved else 0)
    for at in range(number, number + number // CAME):
        yield _result(rules, at, number, seed)


def _chosen(number: int, seed: int) -> tuple[set[int], set[int]]:
    order = random.Random(f"{seed} chosen").sample(range(number), number)  # noqa: S311
    moved = number // MOVED
    return set(order[:moved]), set(order[moved : moved + number // GONE])


def _result(
    rules: list[dict[str, Any]], at: int, number: int, seed: int, down: int = 0
) -> dict[str, Any]:
    """The result ``at``, told by its number alone, so that it is the same in every variant."""
    rng = random.Random(f"{seed} {at}")  # noqa: S311
    index = rng.randrange(RULES)
    rule, word = rules[index], rng.choice(WORDS)
    file = rng.randrange(max(10, number // PER_FILE))
    uri = f"src/package{file % 40:02d}/module{file:05d}.py"
    code = f"    {word}_{at} = load({rng.choice(WORDS)!r}, n={at})"
    told = hashlib.sha256(f"{rule['id']}|{uri}|{code}".encode()).hexdigest()[:16]
    region = {
        "startLine": rng.randrange(1, 4000) + down, "startColumn": 5, "endColumn": 40,
        "snippet": {"text": code},
    }  # fmt: skip
    artifact = {"uri": uri, "uriBaseId": "%SRCROOT%"}
    return {
        "ruleId": rule["id"],
        "ruleIndex": index,
        "level": rule["defaultConfiguration"]["level"],
        "message": {"text": f"{rule['shortDescription']['text']}: {word}_{at} is used unchecked."},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        "partialFingerprints": {"primaryLocationLineHash": f"{told}:1"},
    }
