"""Webhooks out, trackers and tickets, notices to people, what was sent: rows and reads, no verbs, no network."""

from tickets.models.notices import Notice, NoticeCursor, NoticePreferences, NoticeSetting
from tickets.models.trackers import (
    Ticket,
    TicketRemark,
    TicketStep,
    TrackerConnection,
    TrackerMessage,
)
from tickets.models.webhooks import Delivery, WebhookEndpoint

__all__ = [
    "Delivery",
    "Notice",
    "NoticeCursor",
    "NoticePreferences",
    "NoticeSetting",
    "Ticket",
    "TicketRemark",
    "TicketStep",
    "TrackerConnection",
    "TrackerMessage",
    "WebhookEndpoint",
]
