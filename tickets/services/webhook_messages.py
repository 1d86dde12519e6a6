"""What is sent, by Standard Webhooks 1.0: the body of a message and its headers. Secrets are opened here alone."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from core.models import Event
from core.sealing import seal, unseal
from tickets.models import Delivery, WebhookEndpoint
from tickets.statuses import Payload

SECRET_PREFIX = "whsec_"  # noqa: S105  (the form, not a secret)
SECRET_BYTES = 32  # Standard Webhooks: 24 to 64
MOST_BODY = 20 * 1024  # bytes; what does not fit is sent thin
TEST = "ctem.test"
TOO_LARGE = "The event's data is larger than 20 KB; read it at url."


def new_message_id() -> str:
    """Return the id of a message, the same over all attempts."""
    return f"msg_{secrets.token_hex(16)}"


def new_secret() -> str:
    """Return a fresh secret, as receivers write it down."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal_secret(endpoint: WebhookEndpoint, secret: str) -> str:
    """Seal a secret of this endpoint."""
    return seal(secret, context=_context(endpoint))


def secrets_of(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """The secrets that sign now: the current one, and while a rotation lasts the one before.

    Raises ValueError with a sentence where one does not open.
    """
    sealed = [endpoint.sealed_secret]
    if endpoint.old_secret_until is not None and endpoint.old_secret_until > at:
        sealed.append(endpoint.sealed_old_secret)
    return [unseal(text, context=_context(endpoint)) for text in sealed]


def headers_of(message_id: str, body: bytes, keys: Sequence[str], at: datetime) -> dict[str, str]:
    """Return the headers of one attempt at ``at``, signed with each of ``keys``."""
    stamp = str(int(at.timestamp()))
    signatures = (f"v1,{_signature(key, message_id, stamp, body)}" for key in keys)
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }


def body_of(delivery: Delivery) -> bytes:
    """Return the body of a message: the same at each attempt."""
    event = delivery.event
    if event is None:
        return _packed(TEST, delivery.created_at, {"scope": delivery.scope_id, "test": True})
    thin = _thin(event)
    if delivery.payload == Payload.THIN:
        return _packed(event.action, event.at, thin)
    full = _packed(event.action, event.at, {**thin, "data": event.data})
    if len(full) <= MOST_BODY:
        return full
    return _packed(event.action, event.at, {**thin, "note": TOO_LARGE})


def _thin(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.pk,
        "chain": event.chain,
        "seq": event.seq,
        "scope": event.scope_id,
        "subject": event.subject,
        "subject_id": event.subject_id,
        "url": _address(event),
    }


def _address(event: Event) -> str:
    """Where the events of the same subject are read, with a token of one's own."""
    asked = {"subject": event.subject, "subject_id": event.subject_id, "scope": event.scope_id}
    return f"{settings.PUBLIC_URL}/api/v1/events/?{urlencode(asked)}"


def _packed(action: str, at: datetime, data: dict[str, Any]) -> bytes:
    told = {"type": action, "timestamp": at.astimezone(UTC).isoformat(), "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def _signature(key: str, message_id: str, stamp: str, body: bytes) -> str:
    signed = f"{message_id}.{stamp}.".encode() + body
    opened = base64.b64decode(key.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(opened, signed, hashlib.sha256)).decode()


def _context(endpoint: WebhookEndpoint) -> str:
    return f"tickets.webhook:{endpoint.sealed_for}:secret"
