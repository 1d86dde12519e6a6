"""What exports are read into: findings that are open there, and closures. Plain records, no tool knowledge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from gate.records import Result
from scans.history import ClosedHow, Scanned

MOST_TEXT = 4000  # characters of one text that comes along; longer ones are cut with a mark
MOST_NOTES = 200  # of one finding


class Asked(StrEnum):
    """What people decided there, which here is a request."""

    NOTHING = ""
    FALSE_POSITIVE = "false_positive"
    ACCEPT_RISK = "accept_risk"


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of another place: by whom there, why, until when. Nobody here has confirmed it."""

    what: Asked = Asked.NOTHING
    by: str = ""
    reason: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote there."""

    text: str
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    key: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A finding that is open there, or set aside by a decision that another scan would bring back."""

    at: str  # where it is in the file
    key: str  # what names it there
    result: Result
    title: str
    url: str = ""
    cvss: str = ""
    severity: str = ""  # as told; empty: by score and level
    is_decided: bool = False  # a person there set the severity
    decided_because: str = ""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    decision: Decision = Decision()
    notes: tuple[Note, ...] = ()
    tickets: tuple[Ticket, ...] = ()


@dataclass(frozen=True, slots=True)
class ClosedRow:
    """A finding that was closed there. ``scanned`` with its sentence and where to look."""

    at: str
    key: str
    title: str
    closed_at: datetime
    how: ClosedHow = ClosedHow.UNKNOWN
    asset: str = ""
    url: str = ""
    tool: str = ""
    rule: str = ""
    severity: str = ""
    reason: str = ""
    fix_url: str = ""
    fix_commit: str = ""
    merged_at: datetime | None = None
    origin: str = "unknown"
    agent: str = ""
    scanned: Scanned = Scanned.UNKNOWN
    evidence: str = ""
    links: tuple[str, ...] = ()


@dataclass
class Export:
    """All that one file says. ``skipped``: reason → how many rows are left alone for it."""

    tool: str = ""
    open: list[OpenRow] = field(default_factory=list)
    closed: list[ClosedRow] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def skip(self, why: str) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + 1


def severity_word(word: str) -> str:
    """One of our severities for another tracker's word; empty where it is none."""
    return _WORDS.get(word.strip().casefold(), "")


_WORDS: Mapping[str, str] = {
    "critical": "critical", "blocker": "critical", "high": "high", "error": "high", "medium": "medium",
    "moderate": "medium", "warning": "medium", "low": "low", "info": "low", "informational": "low",
    "note": "low", "none": "low",
}  # fmt: skip
