"""The words for code hosts: which one, how we sign in, what we may do there, what became of a message."""

from enum import StrEnum


class Forge(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"


class SignIn(StrEnum):
    """How a connection signs in: as a GitHub App's installation, or with a token."""

    APP = "app"
    TOKEN = "token"  # noqa: S105  (the word, not one)


class Mode(StrEnum):
    """What pull requests are told. Closing is always gated; merging only where a team asks for it.

    observe: nothing is written. warn: lamps and a comment that stop nobody. block: a lamp that is
    not green is a failed check, which a branch rule may require.
    """

    OBSERVE = "observe"
    WARN = "warn"
    BLOCK = "block"


class ConnectionState(StrEnum):
    """active → ended; refused while the host does not take our credentials."""

    ACTIVE = "active"
    REFUSED = "refused"
    ENDED = "ended"


class PullState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class ReviewState(StrEnum):
    """What a review on a code host decides. A dismissed one has decided nothing any more."""

    APPROVED = "approved"
    REJECTED = "rejected"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


class AlertState(StrEnum):
    OPEN = "open"
    DISMISSED = "dismissed"
    FIXED = "fixed"


class AnalysisState(StrEnum):
    """What became of one report on a code host: seen in a list, taken in as a scan, or left there."""

    SEEN = "seen"
    TAKEN = "taken"
    LEFT = "left"


class MessageState(StrEnum):
    """What became of a message from a code host: it rang for something, or was not about us."""

    RANG = "rang"
    IGNORED = "ignored"
