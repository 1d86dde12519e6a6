"""What a CVSS vector says: its score, and what SSVC asks of it. Pure; the arithmetic is the cvss library's."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector that could be read. ``version``: 4.0, 3.1, 3.0 or 2; ``score``: 0.0 to 10.0, its base score.

    ``automatable``: whether nothing but the network stands between an attacker and the weakness.
    ``total``: whether an attacker reads and changes all that there is.
    """

    version: str
    score: float
    automatable: bool
    total: bool
    because: str  # the metrics by which it is automatable or not


@lru_cache(maxsize=65_536)
def read_vector(text: str) -> Vector | None:
    """Return what a vector says; None where it is none, or one that the library does not take."""
    try:
        if text.startswith("CVSS:4.0/"):
            return _of_4(CVSS4(text))
        if text.startswith("CVSS:3."):
            return _of_3(CVSS3(text))
        return _of_2(CVSS2(text)) if text.startswith("AV:") else None
    except CVSSError:
        return None


def score_of(text: str) -> float | None:
    """Return the base score of a vector, None where it cannot be read."""
    vector = read_vector(text) if text else None
    return vector.score if vector else None


def _of_4(told: Any) -> Vector:
    metrics = told.metrics
    total = metrics["VC"] == metrics["VI"] == "H"
    if metrics.get("AU", "X") in ("Y", "N"):  # CERT/CC: the same question as that of SSVC
        return Vector("4.0", _score(told), metrics["AU"] == "Y", total, f"AU:{metrics['AU']}")
    names = {"AV": "N", "AC": "L", "AT": "N", "PR": "N", "UI": "N"}
    return Vector("4.0", _score(told), *_open(metrics, names, total))


def _of_3(told: Any) -> Vector:
    metrics = told.metrics
    total = metrics["C"] == metrics["I"] == "H"
    names = {"AV": "N", "AC": "L", "PR": "N", "UI": "N"}
    return Vector(f"3.{told.minor_version}", _score(told), *_open(metrics, names, total))


def _of_2(told: Any) -> Vector:
    metrics = told.metrics
    total = metrics["C"] == metrics["I"] == "C"
    return Vector(
        "2", _score(told), *_open(metrics, {"AV": "N", "AC": "L", "Au": "N"}, total)
    )  # fmt: skip


def _open(metrics: dict[str, str], names: dict[str, str], total: bool) -> tuple[bool, bool, str]:
    told = "/".join(f"{name}:{metrics[name]}" for name in names)
    return all(metrics[name] == value for name, value in names.items()), total, told


def _score(told: Any) -> float:
    return float(told.base_score)
