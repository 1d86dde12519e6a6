"""What a made-up database says: words, rules, shares. Pure; the same for the same seed.

Shares follow what large installations show: few assets, rules and files have most of the findings
(Zipf), most findings are waiting, few are claimed.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar

from findings.statuses import Presence, Status

T = TypeVar("T")

WORDS = (
    "query input header token cookie session path buffer cache stream parser handler model view"
    " form user order report export upload archive config secret key socket proxy queue worker"
).split()
FOLDERS = ("app", "src", "lib", "services", "web", "core", "internal", "pkg", "cmd", "tests")
TOOLS = (  # name, class, share of the findings, rules
    ("CodeQL", "sast", 38, 150),
    ("Trivy", "sca", 27, 300),
    ("Semgrep", "sast", 18, 200),
    ("Bandit", "sast", 9, 60),
    ("Checkov", "iac", 6, 90),
    ("Gitleaks", "secrets", 2, 25),
)
STANDING = {  # status → share of the findings that the last scan may still see
    Status.DISCOVERED: 2,
    Status.PRIORITIZED: 60,
    Status.VALIDATED: 10,
    Status.MOBILIZING: 7,
    Status.AWAITING_VERIFICATION: 4,
    Status.FALSE_POSITIVE: 7,
    Status.RISK_ACCEPTED: 6,
    Status.DUPLICATE: 4,
}
GONE = {Status.NO_LONGER_PRESENT: 60, **{status: n * 0.4 for status, n in STANDING.items()}}
PRESENCES = {
    Presence.PRESENT: 80,
    Presence.ABSENT: 12,
    Presence.UNKNOWN: 5,
    Presence.SUPPRESSED: 3,
}
SEVERITIES = (("error", 9.4), ("error", 7.8), ("warning", 5.5), ("note", 3.1), ("warning", None))
SEVERITY_SHARES = (5, 20, 42, 25, 8)
RARE = 1.05  # exponent of Zipf's law
EVEN = 0.5  # of files: a file holds so many findings at most


@dataclass(frozen=True, slots=True)
class MadeRule:
    """A rule of a made-up tool."""

    id: str
    title: str
    level: str
    security_severity: float | None
    cwes: tuple[str, ...]


class Draw:
    """Chance with a seed."""

    def __init__(self, seed: int | str) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - nothing secret: the same each time

    def one(self, shares: dict[T, Any]) -> T:
        """A key, as often as its share says."""
        return self.rng.choices(list(shares), weights=list(shares.values()))[0]

    def word(self) -> str:
        return self.rng.choice(WORDS)

    def between(self, first: float, last: float) -> float:
        return self.rng.uniform(first, last)

    def happens(self, share: float) -> bool:
        return self.rng.random() < share


class Ranked:
    """Indices 0 … ``number`` - 1, the first ones by far the most often."""

    def __init__(self, number: int, exponent: float = RARE) -> None:
        self._all = range(number)
        self._weights = list(accumulate((rank + 1) ** -exponent for rank in range(number)))

    def draw(self, draw: Draw) -> int:
        return draw.rng.choices(self._all, cum_weights=self._weights)[0]


def shared_out(number: int, weights: Sequence[float]) -> list[int]:
    """Return whole numbers that add up to ``number``, in proportion to ``weights``."""
    total, told, before = sum(weights), 0.0, 0
    parts = []
    for weight in weights:
        told += weight
        upto = round(number * told / total)
        parts.append(upto - before)
        before = upto
    return parts


def rules_of(tool: str, number: int) -> list[MadeRule]:
    """The rules of a tool, the most frequent first."""
    draw = Draw(f"rules of {tool}")
    rules = []
    for index in range(number):
        level, score = draw.rng.choices(SEVERITIES, weights=SEVERITY_SHARES)[0]
        words = f"{draw.word()} {draw.word()}"
        rules.append(
            MadeRule(
                id=f"{tool.lower()}/{words.replace(' ', '-')}-{index}",
                title=f"Unchecked {words} reaches the {draw.word()} ({index})",
                level=level,
                security_severity=score,
                cwes=(f"CWE-{draw.rng.choice((20, 22, 78, 79, 89, 94, 200, 287, 327, 502, 798, 918))}",),
            )
        )  # fmt: skip
    return rules


def path_of(asset: int, index: int) -> str:
    """The path of one of an asset's files."""
    folder = FOLDERS[(asset + index) % len(FOLDERS)]
    package, module = WORDS[index % len(WORDS)], WORDS[(asset + index // 7) % len(WORDS)]
    return f"{folder}/{package}_{index % 97}/{module}_{index}.py"
