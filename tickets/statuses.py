"""The words for outgoing webhooks and for trackers: where each stands, what is sent, what became of it."""

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
