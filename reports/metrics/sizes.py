"""Shares and lengths of time as people may read them. Pure.

A share of few is told as a count: one of three is no percentage. A quantile is one of the values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

ENOUGH = 20  # cases from which on a share is told in per cent


@dataclass(frozen=True, slots=True)
class Share:
    """``of`` cases, of which ``n`` are so."""

    n: int
    of: int

    @property
    def percent(self) -> float | None:
        """To a tenth; None where there are too few."""
        return round(100 * self.n / self.of, 1) if self.of >= ENOUGH else None

    def to_dict(self) -> dict[str, Any]:
        return {"numerator": self.n, "denominator": self.of, "percent": self.percent}

    def __str__(self) -> str:
        if not self.of:
            return "none"
        told = f"{self.n:,} of {self.of:,}"
        return told if self.percent is None else f"{self.percent:g} % ({told})"


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least ``share`` of ``values`` do not exceed; None of none.

    The nearest-rank definition: always a value that occurred.
    """
    if not values:
        return None
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class Spread:
    """Lengths of time in days."""

    n: int
    median: float | None
    p90: float | None

    @classmethod
    def of(cls, days: Sequence[float]) -> "Spread":
        ranked = sorted(days)
        return cls(len(ranked), _rounded(quantile(ranked, 0.5)), _rounded(quantile(ranked, 0.9)))

    def to_dict(self) -> dict[str, Any]:
        return {"n": self.n, "median_days": self.median, "p90_days": self.p90}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
