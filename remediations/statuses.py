"""The words for a fix: where it stands, where it comes from, what a reviewer decided."""

from enum import StrEnum


class RemediationState(StrEnum):
    PROPOSED = "proposed"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


class Origin(StrEnum):
    """Who wrote it. Absence of a signal is UNKNOWN, never HUMAN."""

    HUMAN = "human"
    AI_ASSISTED = "ai_assisted"
    AI_GENERATED = "ai_generated"
    AUTOMATION = "automation"
    UNKNOWN = "unknown"


class Decision(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    COMMENTED = "commented"
