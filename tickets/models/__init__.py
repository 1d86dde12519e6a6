"""Webhooks out, and what was sent by them: rows and reads, no verbs and no network."""

from tickets.models.webhooks import Delivery, WebhookEndpoint

__all__ = ["Delivery", "WebhookEndpoint"]
