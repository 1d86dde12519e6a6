"""Findings, sightings, decisions about them, comments: rows and reads. Verbs are in services and lifecycle."""

from findings.models.decisions import (
    Comment,
    Dismissal,
    RiskAcceptance,
    TwoPersonDecision,
    ValidationEvidence,
)
from findings.models.finding import Finding, FindingQuerySet, Sighting
from findings.models.groups import FindingGroup
from findings.models.series import Rule, Series
from findings.models.tally import Tally, TallyQuerySet

__all__ = [
    "Comment",
    "Dismissal",
    "Finding",
    "FindingGroup",
    "FindingQuerySet",
    "RiskAcceptance",
    "Rule",
    "Series",
    "Sighting",
    "Tally",
    "TallyQuerySet",
    "TwoPersonDecision",
    "ValidationEvidence",
]
