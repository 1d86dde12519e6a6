"""The words for outgoing webhooks: where an endpoint stands, what it is sent, what became of a delivery."""

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
