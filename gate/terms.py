"""What a policy asks of one tier, as plain values. Reading a policy lives in ``gate.policy``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gate.evidence import Source
from gate.records import LEVEL_RANK, Level


class Tier(StrEnum):
    """How much a finding under a fix must show; from the least to the most: see ``TIER_RANK``."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


TIER_RANK = {tier: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where on a severity counts: this level, or this security-severity (0.0 to 10.0)."""

    level: Level | None = None
    security_severity: float | None = None

    def reached(self, level: Level | None, security_severity: float | None) -> bool:
        """Whether either of the two figures is at or above the threshold; None is not."""
        by_level = (
            self.level is not None
            and level is not None
            and LEVEL_RANK[level] >= LEVEL_RANK[self.level]
        )
        by_score = (
            self.security_severity is not None
            and security_severity is not None
            and security_severity >= self.security_severity
        )
        return by_level or by_score


@dataclass(frozen=True, slots=True)
class Terms:
    """One tier of a policy. ``required`` holds check ids, those that cannot be waived included."""

    tier: Tier
    required: frozenset[str]
    new: Threshold
    reviewers: int
    questions: tuple[str, ...]  # keys that every counted review must answer
    clean_runs: int  # after-runs of an agentic scanner that must all lack the original
    scan_max_age_days: int
    least_source: Source  # facts from a weaker source count as unknown
    dispositions: bool  # a person's word on new results below the threshold is asked
    disclosed_model: bool  # a model that nobody discloses is UNKNOWN
    standing_approvals: bool = False  # an owner's standing approval covers changes of versions
