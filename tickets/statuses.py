"""The words for webhooks out, trackers and notices: where each stands, what is sent, what became of it."""

from enum import StrEnum


class EndpointState(StrEnum):
    """on ⇄ off by people; on → disabled by us, with the reason; ended is for good."""

    ON = "on"
    OFF = "off"
    DISABLED = "disabled"
    ENDED = "ended"


class Payload(StrEnum):
    """thin: which event it was and where to read it. full: with the event's data."""

    THIN = "thin"
    FULL = "full"


class Lane(StrEnum):
    """order: sent after all deliveries before it, tried again for days. hand: asked for by somebody, tried once."""

    ORDER = "order"
    HAND = "hand"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class TrackerKind(StrEnum):
    JIRA = "jira"
    GITHUB = "github"
    GITLAB = "gitlab"
    SERVICENOW = "servicenow"


class TrackerState(StrEnum):
    """active → ended; refused while the tracker does not take our credentials."""

    ACTIVE = "active"
    REFUSED = "refused"
    ENDED = "ended"


class Reopens(StrEnum):
    """What a ticket gets that was closed before its finding is proven: a comment, and by policy it is reopened."""

    ALWAYS = "always"
    NEVER = "never"


class Talks(StrEnum):
    """both: comments are told in both directions; none: each side keeps its own."""

    NONE = "none"
    BOTH = "both"


class TicketState(StrEnum):
    """waiting: asked for, not there yet. open and closed: as the tracker told last. failed and unlinked: over."""

    WAITING = "waiting"
    OPEN = "open"
    CLOSED = "closed"
    FAILED = "failed"
    UNLINKED = "unlinked"


LIVE_TICKET = (TicketState.WAITING, TicketState.OPEN, TicketState.CLOSED)
THERE = (TicketState.OPEN, TicketState.CLOSED)


class StepKind(StrEnum):
    """What is done to a ticket. adopt: read one that somebody named by its key."""

    CREATE = "create"
    ADOPT = "adopt"
    COMMENT = "comment"
    FIELDS = "fields"
    ASSIGN = "assign"
    CLOSE = "close"
    REOPEN = "reopen"


class StepState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class RungState(StrEnum):
    """What became of a message from a tracker: it rang for a ticket, or was about none of ours."""

    RANG = "rang"
    IGNORED = "ignored"


class NoticeKind(StrEnum):
    """What people are told of. STOPPED: a webhook or a tracker that they made."""

    ASSIGNED = "assigned"
    VERIFICATION_FAILED = "verification_failed"
    DUE = "due"
    ACCEPTANCE_ENDS = "acceptance_ends"
    STOPPED = "stopped"
    MENTION = "mention"


class Channel(StrEnum):
    """How: by mail, or by an incoming webhook of a chat."""

    MAIL = "mail"
    SLACK = "slack"
    TEAMS = "teams"


class Pace(StrEnum):
    """At once, or together once a day. Off is no row."""

    NOW = "now"
    DIGEST = "digest"


class NoticeState(StrEnum):
    """dropped: who it was for may not read it any more, or wants none by this channel."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
