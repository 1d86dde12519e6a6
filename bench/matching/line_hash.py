"""GitHub's primaryLocationLineHash, as its upload action computes it for files without one.

A re-expression of github/codeql-action src/fingerprints.ts from the description in gate-facts
1.3; the check vectors of that text are in tests/bench.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator

BLOCK = 100  # UTF-16 units that a hash covers
MODULUS = 37
BITS = (1 << 64) - 1
END = 65535  # fed once behind the last unit
TAB, LF, CR, SPACE = 9, 10, 13, 32


def line_hashes(text: str) -> list[str]:
    """The hash of every line, ``hex:occurrence``; the first is that of line 1."""
    units, starts = _units(text)
    found = _windows(units)
    seen: Counter[str] = Counter()
    hashes = []
    for start in starts:
        digest = f"{found[start]:x}"
        seen[digest] += 1
        hashes.append(f"{digest}:{seen[digest]}")
    return hashes


def _units(text: str) -> tuple[list[int], list[int]]:
    """What is hashed, blanks left out and line ends as LF, and where in it each line starts."""
    units: list[int] = []
    starts: list[int] = []
    for unit, starts_line in _marked([*array("H", text.encode("utf-16-le", "surrogatepass")), END]):
        if starts_line:
            starts.append(len(units))
        units.append(unit)
    return units, starts


def _marked(raw: Iterable[int]) -> Iterator[tuple[int, bool]]:
    at_start, after_cr = True, False
    for unit in raw:
        if unit in (SPACE, TAB) or (after_cr and unit == LF):
            after_cr = False
            continue
        after_cr = unit == CR
        unit = LF if after_cr else unit
        yield unit, at_start
        at_start = unit == LF


def _windows(units: list[int]) -> list[int]:
    """For every position, the hash of the BLOCK units from there, zeros behind the end."""
    leaving = pow(MODULUS, BLOCK, 1 << 64)
    padded = [*units, *[0] * BLOCK]
    value = 0
    for unit in padded[:BLOCK]:
        value = (MODULUS * value + unit) & BITS
    found = [value]
    for at in range(len(units) - 1):
        value = (MODULUS * value + padded[at + BLOCK] - leaving * padded[at]) & BITS
        found.append(value)
    return found
