"""SSVC: the decision of CISA's tree and the path to it. Pure: facts in, decision out.

The table is "CISA Coordinator" 2.0.3 of the CERT/CC, row by row, as its repository has it
(github.com/CERTCC/SSVC, data/csv/cisa/cisa_coordinator_2_0_3.csv). What is not known takes the value
that stands in ``ASSUMED``, and the path says so.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from findings.vectors import read_vector

TABLE = "CISA Coordinator 2.0.3"
SOURCE = "https://github.com/CERTCC/SSVC/blob/main/data/csv/cisa/cisa_coordinator_2_0_3.csv"
POINTS = ("exploitation", "automatable", "technical impact", "mission and well-being")
ASSUMED = {
    "exploitation": ("none", "CERT/CC: none, where searches find nothing"),
    "automatable": ("yes", "CERT/CC: the safer answer is yes"),
    "technical impact": ("total", "the safer answer, as for automatable"),
}
# Of a scope's criticality. CERT/CC: without any information, that it supports what is essential.
MISSION = {"low": "low", "medium": "medium", "high": "medium", "critical": "high"}


class Decision(StrEnum):
    """What to do, from the least urgent on."""

    TRACK = "track"
    TRACK_CLOSELY = "track*"
    ATTEND = "attend"
    ACT = "act"


_T, _C, _N, _A = Decision.TRACK, Decision.TRACK_CLOSELY, Decision.ATTEND, Decision.ACT
# exploitation, automatable, technical impact → by mission and well-being: low, medium, high
TREE: dict[tuple[str, str, str], tuple[Decision, Decision, Decision]] = {
    ("none", "no", "partial"): (_T, _T, _T),
    ("none", "no", "total"): (_T, _T, _C),
    ("none", "yes", "partial"): (_T, _T, _N),
    ("none", "yes", "total"): (_T, _T, _N),
    ("public poc", "no", "partial"): (_T, _T, _C),
    ("public poc", "no", "total"): (_T, _C, _N),
    ("public poc", "yes", "partial"): (_T, _T, _N),
    ("public poc", "yes", "total"): (_T, _C, _N),
    ("active", "no", "partial"): (_T, _T, _N),
    ("active", "no", "total"): (_T, _N, _A),
    ("active", "yes", "partial"): (_N, _N, _A),
    ("active", "yes", "total"): (_N, _A, _A),
}
MISSIONS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Step:
    """One branch that was taken, and why."""

    point: str
    value: str
    because: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with the path that leads to it, in the order of ``POINTS``."""

    decision: Decision
    path: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "table": TABLE,
            "decision": self.decision.value,
            "path": [asdict(step) for step in self.path],
        }


def decide(
    *, kev: bool | None, proof_of_concept: bool, cvss: str, criticality: str, names_cve: bool = True
) -> Decided:
    """Return the decision of the tree.

    ``kev``: whether CISA lists it as exploited, None where no list is here; ``cvss``: a vector, empty
    where none is known; ``criticality``: of the scope; ``names_cve``: whether a list could tell at all.
    """
    path = (
        _exploitation(kev, proof_of_concept, names_cve),
        *_by_vector(cvss),
        Step(POINTS[3], MISSION[criticality], f"the scope's criticality is {criticality}"),
    )
    exploitation, automatable, impact, mission = (step.value for step in path)
    row = TREE[exploitation, automatable, impact]
    return Decided(row[MISSIONS.index(mission)], path)


def _exploitation(kev: bool | None, proof_of_concept: bool, names_cve: bool) -> Step:
    if kev:
        return Step(POINTS[0], "active", "on CISA's list (KEV)")
    if proof_of_concept:
        return Step(POINTS[0], "public poc", "a proof of concept is among the evidence")
    known = "no list (KEV) is here" if kev is None else "not on CISA's list (KEV)"
    known = known if names_cve else "no CVE is named"
    return Step(POINTS[0], "none", f"{known}, no proof of concept")


def _by_vector(cvss: str) -> tuple[Step, Step]:
    told = read_vector(cvss) if cvss else None
    if told is None:
        return _assumed(POINTS[1]), _assumed(POINTS[2])
    automatable, impact = "yes" if told.automatable else "no", "total" if told.total else "partial"
    return (
        Step(POINTS[1], automatable, f"CVSS {told.version}, {told.because}"),
        Step(POINTS[2], impact, f"CVSS {told.version}, confidentiality and integrity"),
    )


def _assumed(point: str) -> Step:
    value, why = ASSUMED[point]
    return Step(point, value, f"not known, assumed ({why})")
