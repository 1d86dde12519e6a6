"""Webhooks out, trackers and tickets, and what was sent to them: rows and reads, no verbs and no network."""

from tickets.models.trackers import Ticket, TicketStep, TrackerConnection, TrackerMessage
from tickets.models.webhooks import Delivery, WebhookEndpoint

__all__ = [
    "Delivery",
    "Ticket",
    "TicketStep",
    "TrackerConnection",
    "TrackerMessage",
    "WebhookEndpoint",
]
