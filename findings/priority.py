"""Priority as a sum that a person can check. Pure: facts in, terms and score out.

Weights are published here and nowhere else. A fact that is missing gives a term of 0 with the
words "no data"; nothing is guessed.
"""

from dataclasses import asdict, dataclass
from typing import Any

from findings.statuses import Severity

SEVERITY_POINTS = {Severity.CRITICAL: 60, Severity.HIGH: 45, Severity.MEDIUM: 25, Severity.LOW: 10}
EXPOSURE_POINTS = {"internet": 15, "partner": 8, "internal": 0}
CRITICALITY_POINTS = {"critical": 15, "high": 10, "medium": 5, "low": 0}
VALIDATED_POINTS = 10
BANDS = ((75, "P1"), (55, "P2"), (30, "P3"), (0, "P4"))


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the sum."""

    name: str
    value: str
    points: int


@dataclass(frozen=True, slots=True)
class Priority:
    """score 0 to 100, its band P1 (first) to P4, and the terms that add up to the score."""

    score: int
    band: str
    terms: tuple[Term, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def severity_of(level: str, security_severity: float | None) -> Severity:
    """Return the severity: by security-severity (CVSS bands) where given, else by SARIF level."""
    if security_severity is not None:
        for least, severity in (
            (9.0, Severity.CRITICAL),
            (7.0, Severity.HIGH),
            (4.0, Severity.MEDIUM),
        ):
            if security_severity >= least:
                return severity
        return Severity.LOW
    return {"error": Severity.HIGH, "warning": Severity.MEDIUM}.get(level, Severity.LOW)


def prioritize(*, severity: str, exposure: str, criticality: str, validated: bool) -> Priority:
    """Return the priority of one finding; the score is the plain sum of its terms, at most 100."""
    terms = (
        Term("severity", severity, SEVERITY_POINTS[Severity(severity)]),
        Term("exposure of the scope", exposure, EXPOSURE_POINTS[exposure]),
        Term("criticality of the scope", criticality, CRITICALITY_POINTS[criticality]),
        Term("validated", "yes" if validated else "no", VALIDATED_POINTS if validated else 0),
        Term("known exploited (KEV)", "no data", 0),
        Term("exploit likelihood (EPSS)", "no data", 0),
    )
    score = sum(term.points for term in terms)
    band = next(name for least, name in BANDS if score >= least)
    return Priority(score, band, terms)
