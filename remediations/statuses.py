"""The words for a fix: where it stands, where it comes from, what people decided about its judgement."""

from enum import StrEnum


class LandedAs(StrEnum):
    """How what merged relates to the head that was reviewed."""

    UNTOLD = ""
    HEAD = "head"  # its very content
    CLEAN = "clean"  # its change alone, on top of what the line had become
    CHANGED = "changed"  # something else, or not known to be that


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
    """What a review decides. ``dismissed``, on a code host only: the review decides nothing any more."""

    APPROVED = "approved"
    REJECTED = "rejected"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


DECISIONS_HERE = (Decision.APPROVED, Decision.REJECTED, Decision.COMMENTED)


# The checks marked †: set aside by nobody. Written out, because the database holds it as a CHECK;
# a test holds it against the gate.
NEVER_WAIVED = (
    "SCAN_LINKED",
    "CONTENT_BINDING",
    "SCAN_SCOPE",
    "EXECUTION_OK",
    "SAME_CLASS",
    "ORIGINAL_ABSENT",
    "NOTHING_NEW",
    "INDEPENDENCE",
    "HUMAN_REVIEW",
)


class DisputeAbout(StrEnum):
    """What a dispute rejects: that a result is the original, or why a result is new."""

    MATCH = "match"
    CAUSE = "cause"


class DisputeState(StrEnum):
    """proposed → confirmed → withdrawn, or proposed → withdrawn. Only a confirmed one counts."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


STANDING = (DisputeState.PROPOSED, DisputeState.CONFIRMED)


class EvidenceSource(StrEnum):
    """Who says what the scans do not: a person declares it, a service account fetched it."""

    DECLARED = "declared"
    FETCHED = "fetched"


class SecretState(StrEnum):
    """Whether a leaked secret still opens anything."""

    REVOKED = "revoked"
    ACTIVE = "active"
    NEVER_LIVE = "never_live"


class Outcome(StrEnum):
    """What became of a proof of concept."""

    WORKS = "works"
    FAILS = "fails"


class ProposalSource(StrEnum):
    """The kind of file that a proposed fix came in."""

    CODETF = "codetf"
    SARIF = "sarif"
    DIFF = "diff"


class ProposalState(StrEnum):
    """offered → taken (it became a fix) or declined (with the reason)."""

    OFFERED = "offered"
    TAKEN = "taken"
    DECLINED = "declined"


class Sureness(StrEnum):
    """How sure it is that a proposed fix is for a finding."""

    EXACT = "exact"  # by an id, or somebody said so
    LIKELY = "likely"  # by rule, file and place
    POSSIBLE = "possible"  # by rule and file, or by the place alone


class Confidence(StrEnum):
    """How sure a sign makes us of who made something; empty: there is no sign."""

    NONE = ""
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
