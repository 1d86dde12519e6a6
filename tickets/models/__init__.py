"""Webhooks out, trackers and tickets, notices to people, and what was sent of them: rows and reads, no verbs and no network."""

from tickets.models.notices import Notice, NoticeCursor, NoticePreferences, NoticeSetting
from tickets.models.trackers import Ticket, TicketStep, TrackerConnection, TrackerMessage
from tickets.models.webhooks import Delivery, WebhookEndpoint

__all__ = [
    "Delivery",
    "Notice",
    "NoticeCursor",
    "NoticePreferences",
    "NoticeSetting",
    "Ticket",
    "TicketStep",
    "TrackerConnection",
    "TrackerMessage",
    "WebhookEndpoint",
]
