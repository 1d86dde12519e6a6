"""The words for scans and judgements."""

from enum import StrEnum


class ToolClass(StrEnum):
    AGENTIC = "agentic"
    SAST = "sast"
    SCA = "sca"
    SECRETS = "secrets"
    IAC = "iac"
    CONTAINER = "container"
    DAST = "dast"
    CLOUD = "cloud"
    FUZZ = "fuzz"
    MANUAL = "manual"


class ScanState(StrEnum):
    """received → (scanning) → parsing → applying → done; the last three end it with a reason."""

    RECEIVED = "received"
    SCANNING = "scanning"
    PARSING = "parsing"
    APPLYING = "applying"
    DONE = "done"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    CANCELLED = "cancelled"


ENDED = (ScanState.DONE, ScanState.FAILED, ScanState.QUARANTINED, ScanState.CANCELLED)
WITHOUT_RESULT = (ScanState.FAILED, ScanState.QUARANTINED, ScanState.CANCELLED)


class Purpose(StrEnum):
    """line: feeds the findings of a line. fix: evidence for a remediation. control: positive control."""

    LINE = "line"
    FIX = "fix"
    CONTROL = "control"


class Role(StrEnum):
    """What a scan was in one verification."""

    BEFORE = "before"
    AFTER = "after"
    CONTROL = "control"


class Relation(StrEnum):
    """How what a scan looked at lies to a fix that merged.

    contains: it has the merge. precedes: the fix's base has it, so that it is from before the fix.
    lacks: neither is known, and the merge is not in it. rewrites: nor is the merge in the line any more,
    which was rewritten and contains the scanned commit.
    """

    CONTAINS = "contains"
    PRECEDES = "precedes"
    LACKS = "lacks"
    REWRITES = "rewrites"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    UNKNOWN = "unknown"


class DispositionKind(StrEnum):
    """What a person says of a new result that a fix brought in."""

    ACCEPTED = "accepted"
    FALSE_POSITIVE = "false_positive"


class FactSource(StrEnum):
    """Who says so, from the most trusted to the least."""

    MEASURED = "measured"
    ATTESTED = "attested"
    FETCHED = "fetched"
    DECLARED = "declared"
