"""Priority as a sum that a person can check. Pure: facts and weights in, terms, score and decision out.

Weights are published (``weights.DEFAULT``, or those of the scope's policy). A fact that is missing
gives a term of 0 that says so; nothing is guessed.
"""

from dataclasses import asdict, dataclass
from typing import Any

from findings import ssvc, weights
from findings.statuses import Severity
from findings.vectors import score_of
from findings.weights import Weights

BANDS = tuple((least, name) for name, least in weights.DEFAULT.bands.items())
NO_DATA, NO_CVE = "no data", "no CVE is named"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the priority of one finding follows from.

    ``cvss_score``: 0.0 to 10.0, told or by the vector ``cvss``; ``kev``: whether CISA lists one of its
    CVEs as exploited, None: no list is here; ``epss``: the highest probability among its CVEs, 0 to 1,
    None: none is known. ``names_cve``: whether the report names a CVE at all.
    """

    severity: str
    exposure: str
    criticality: str
    validated: bool = False
    cvss_score: float | None = None
    cvss: str = ""
    kev: bool | None = None
    kev_ransomware: bool = False
    epss: float | None = None
    names_cve: bool = True
    proof_of_concept: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the sum."""

    name: str
    value: str
    points: int


@dataclass(frozen=True, slots=True)
class Priority:
    """The score, its band P1 (first) to P4, the terms that add up to the score, and SSVC's decision."""

    score: int
    band: str
    terms: tuple[Term, ...]
    ssvc: ssvc.Decided
    weights: str  # the name of those that it was weighed by

    def to_dict(self) -> dict[str, Any]:
        """What a finding keeps of it, as JSON."""
        return {
            "score": self.score,
            "band": self.band,
            "weights": self.weights,
            "terms": [asdict(term) for term in self.terms],
            "ssvc": self.ssvc.to_dict(),
        }


def severity_of(level: str, security_severity: float | None, cvss: str = "") -> Severity:
    """Return the severity: by security-severity (CVSS bands) where given, else by the vector, else by level."""
    score = score_of(cvss) if security_severity is None else security_severity
    if score is not None:
        for least, severity in (
            (9.0, Severity.CRITICAL),
            (7.0, Severity.HIGH),
            (4.0, Severity.MEDIUM),
        ):
            if score >= least:
                return severity
        return Severity.LOW
    return {"error": Severity.HIGH, "warning": Severity.MEDIUM}.get(level, Severity.LOW)


def priority_of(facts: Facts, by: Weights = weights.DEFAULT) -> Priority:
    """Return the priority of one finding; the score is the plain sum of its terms."""
    terms = (
        _severity(facts, by),
        Term("exposure of the scope", facts.exposure, by.exposure[facts.exposure]),
        Term("criticality of the scope", facts.criticality, by.criticality[facts.criticality]),
        Term("validated", *(("yes", by.validated) if facts.validated else ("no", 0))),
        Term("known exploited (KEV)", *_exploited(facts, by)),
        Term("exploit likelihood (EPSS)", *_likely(facts, by)),
    )
    score = sum(term.points for term in terms)
    band = next(name for name in weights.NAMES if score >= by.bands[name])
    decided = ssvc.decide(
        kev=facts.kev, proof_of_concept=facts.proof_of_concept, cvss=facts.cvss,
        criticality=facts.criticality, names_cve=facts.names_cve,
    )  # fmt: skip
    return Priority(score, band, terms, decided, by.name)


def _severity(facts: Facts, by: Weights) -> Term:
    told = "" if facts.cvss_score is None else f", score {facts.cvss_score:g}"
    return Term("severity", f"{facts.severity}{told}", by.severity[facts.severity])


def _exploited(facts: Facts, by: Weights) -> tuple[str, int]:
    if not facts.names_cve:
        return NO_CVE, 0
    if facts.kev is None:
        return NO_DATA, 0
    if facts.kev and facts.kev_ransomware:
        return "listed, used by ransomware", by.exploited + by.ransomware
    return ("listed", by.exploited) if facts.kev else ("not listed", 0)


def _likely(facts: Facts, by: Weights) -> tuple[str, int]:
    if not facts.names_cve:
        return NO_CVE, 0
    if facts.epss is None:
        return NO_DATA, 0
    points = next((points for least, points in by.likelihood if facts.epss >= least), 0)
    return f"{facts.epss:.1%}", points
