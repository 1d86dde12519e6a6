"""The words for where a finding stands. No rules: those are in lifecycle.py."""

from enum import StrEnum


class Status(StrEnum):
    DISCOVERED = "discovered"
    PRIORITIZED = "prioritized"
    VALIDATED = "validated"
    MOBILIZING = "mobilizing"
    AWAITING_VERIFICATION = "awaiting_verification"
    MOBILIZATION_COMPLETE = "mobilization_complete"
    FALSE_POSITIVE = "false_positive"
    RISK_ACCEPTED = "risk_accepted"
    DUPLICATE = "duplicate"
    NO_LONGER_PRESENT = "no_longer_present"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ")


OPEN = (
    Status.DISCOVERED,
    Status.PRIORITIZED,
    Status.VALIDATED,
    Status.MOBILIZING,
    Status.AWAITING_VERIFICATION,
)
ENDED = tuple(status for status in Status if status not in OPEN)
STAGES = (*OPEN, Status.MOBILIZATION_COMPLETE)  # the track that pages draw


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Presence(StrEnum):
    """A machine fact beside the status: what the last scan of the line that could tell has told."""

    PRESENT = "present"
    SUPPRESSED = "suppressed"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class SetAside(StrEnum):
    """Why a rule of people keeps a finding out of the queues. It stays open, and is told apart."""

    NOT = ""
    NOISE = "noise"
    OUT_OF_SCOPE = "out_of_scope"


class EvidenceKind(StrEnum):
    """What makes a finding validated."""

    NOTE = "note"
    PROOF_OF_CONCEPT = "proof_of_concept"
    REACHABILITY = "reachability"
    EXPLOITABILITY_CLAIM = "exploitability_claim"
