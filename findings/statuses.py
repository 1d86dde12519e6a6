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


class Notice(StrEnum):
    """What is told once of a clock."""

    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    STAGE_OVERDUE = "stage_overdue"
    ACCEPTANCE_ENDS = "acceptance_ends"


class KeySource(StrEnum):
    """Whose name of a finding a key is: the tracker it came from, or that of tickets."""

    DEFECTDOJO = "defectdojo"
    GITHUB = "github"
    CSV = "csv"
    TICKET = "ticket"


class EvidenceKind(StrEnum):
    """What people bring to a finding: all but the last says that it is real."""

    NOTE = "note"
    PROOF_OF_CONCEPT = "proof_of_concept"
    REACHABILITY = "reachability"
    EXPLOITABILITY_CLAIM = "exploitability_claim"
    DUPLICATE_PROOF = "duplicate_proof"


VALIDATING = tuple(kind for kind in EvidenceKind if kind is not EvidenceKind.DUPLICATE_PROOF)


class RuleEnd(StrEnum):
    """Why a rule of discovery is over."""

    NOT = ""
    ENDED = "ended"  # by a person, or a request taken back or refused
    REPLACED = "replaced"  # by its next version
    EXPIRED = "expired"


class FindingDisputeAbout(StrEnum):
    EXISTENCE = "existence"
    SEVERITY = "severity"
    OWNERSHIP = "ownership"


class FindingDisputeState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
