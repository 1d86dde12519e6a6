"""The words of reports: what becomes of one, and why a backlog changed. No rules."""

from enum import StrEnum

from findings.statuses import OPEN, Status

IS_OPEN = frozenset(status.value for status in OPEN)
PLACED = "placed"  # a move that no event tells: the finding was written where it stands


class ReportState(StrEnum):
    """ordered → made. What could not be made says so in its job."""

    ORDERED = "ordered"
    MADE = "made"


class Period(StrEnum):
    """How long a report looks back; custom: between two moments that somebody named."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    CUSTOM = "custom"


class Bar(StrEnum):
    """Why the backlog grew or shrank. Each move between open and ended is one of one bar."""

    NEW = "new"
    REOPENED = "reopened"
    REVOKED = "revoked"
    ACCEPTANCE_ENDED = "acceptance_ended"
    PROVEN = "proven"
    ACCEPTED = "accepted"
    FALSE_POSITIVE = "false_positive"
    DUPLICATE = "duplicate"
    NO_LONGER_PRESENT = "no_longer_present"
    RESCORED = "rescored"

    @property
    def label(self) -> str:
        return LABELS[self]

    @property
    def sign(self) -> int:
        """1: more are open; -1: fewer; 0: as many, at another priority."""
        return 0 if self is Bar.RESCORED else 1 if self in GROWS else -1


GROWS = (Bar.NEW, Bar.REOPENED, Bar.REVOKED, Bar.ACCEPTANCE_ENDED)
LABELS = {
    Bar.NEW: "New",
    Bar.REOPENED: "Reopened",
    Bar.REVOKED: "Proof revoked",
    Bar.ACCEPTANCE_ENDED: "Acceptance ended",
    Bar.PROVEN: "Closed with proof",
    Bar.ACCEPTED: "Risk accepted",
    Bar.FALSE_POSITIVE: "False positive",
    Bar.DUPLICATE: "Duplicate",
    Bar.NO_LONGER_PRESENT: "No longer present",
    Bar.RESCORED: "Re-scored",
}
ENDS = {
    Status.MOBILIZATION_COMPLETE.value: Bar.PROVEN,
    Status.RISK_ACCEPTED.value: Bar.ACCEPTED,
    Status.FALSE_POSITIVE.value: Bar.FALSE_POSITIVE,
    Status.DUPLICATE.value: Bar.DUPLICATE,
    Status.NO_LONGER_PRESENT.value: Bar.NO_LONGER_PRESENT,
}
BACK = {"revoke": Bar.REVOKED, "expire": Bar.ACCEPTANCE_ENDED}


def bar_of(name: str, source: str, target: str) -> Bar | None:
    """Return the bar that a move belongs to; None: as many are open as before."""
    if (source in IS_OPEN) == (target in IS_OPEN):
        return None
    return BACK.get(name, Bar.REOPENED) if target in IS_OPEN else ENDS[target]
