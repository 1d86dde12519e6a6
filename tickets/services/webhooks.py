"""The life of an outgoing webhook: make, change, pause, resume, another secret, try, send again, end.

Nobody is asked here: messages are sent by services/webhook_sending.py, outside of transactions.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import WrongState
from core.events import append_event, chain_of
from core.models import ChainHead, User
from core.permissions import Permission
from scopes.access import check_may
from scopes.models import Scope
from tickets.models import Delivery, WebhookEndpoint
from tickets.services import webhook_told as told
from tickets.services.webhook_messages import TEST, new_message_id, new_secret, seal_secret
from tickets.statuses import DeliveryState, EndpointState, Lane, Payload

ROTATION = timedelta(hours=24)  # for which the secret of before signs too
KEPT = timedelta(days=90)  # of deliveries that have ended


@transaction.atomic
def make_webhook(
    *,
    scope: Scope,
    name: str,
    url: str,
    by: User,
    at: datetime,
    actions: Sequence[str] = ("*",),
    payload: str = Payload.THIN.value,
) -> tuple[WebhookEndpoint, str]:
    """Tell an address of what happens in a scope from now on; return the row and its secret, shown this once.

    Raises NotAllowed, BadInput that names the member, WrongState where the name is taken.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    row = WebhookEndpoint(
        scope=scope, name=told.check_name(name), url=told.check_url(url),
        actions=told.check_actions(actions), payload=told.check_payload(payload),
        sealed_for=secrets.token_urlsafe(24), cursor=_head(scope), created_at=at, created_by=by,
    )  # fmt: skip
    secret = new_secret()
    row.sealed_secret = seal_secret(row, secret)
    _save(row)
    _tell(row, "created", by, at, _shown(row))
    return row, secret


@transaction.atomic
def change_webhook(
    *,
    endpoint: WebhookEndpoint,
    by: User,
    at: datetime,
    name: str | None = None,
    url: str | None = None,
    actions: Sequence[str] | None = None,
    payload: str | None = None,
) -> WebhookEndpoint:
    """Change what is told; None leaves a member as it is. Deliveries that were made stay what they are.

    Raises NotAllowed, BadInput, WrongState for an ended webhook or a name that is taken.
    """
    row = _live(endpoint, by)
    before, old_url = _shown(row), row.url
    row.name = row.name if name is None else told.check_name(name)
    row.url = row.url if url is None else told.check_url(url)
    row.actions = row.actions if actions is None else told.check_actions(actions)
    row.payload = row.payload if payload is None else told.check_payload(payload)
    after = _shown(row)
    changed: dict[str, Any] = {
        member: [before[member], after[member]]
        for member in after
        if before[member] != after[member] or (member == "host" and row.url != old_url)
    }
    if changed:
        _save(row, ["name", "url", "actions", "payload"])
        _tell(row, "changed", by, at, changed)
    return row


@transaction.atomic
def pause_webhook(*, endpoint: WebhookEndpoint, by: User, at: datetime) -> WebhookEndpoint:
    """Send nothing until it is resumed; what happens meanwhile is sent then.

    Raises NotAllowed, WrongState unless it is on.
    """
    row = _live(endpoint, by)
    if row.state != EndpointState.ON:
        raise WrongState("The webhook is not on.")
    row.state = EndpointState.OFF.value
    row.save(update_fields=["state"])
    _tell(row, "paused", by, at, {})
    return row


@transaction.atomic
def resume_webhook(*, endpoint: WebhookEndpoint, by: User, at: datetime) -> WebhookEndpoint:
    """Send again, from where it stopped and at once: what waits, then all that happened meanwhile.

    Raises NotAllowed, WrongState for a webhook that is on or has ended.
    """
    row = _live(endpoint, by)
    if row.state == EndpointState.ON:
        raise WrongState("The webhook is on.")
    was = row.state
    row.state, row.reason = EndpointState.ON.value, ""
    row.save(update_fields=["state", "reason"])
    _waiting(row).filter(next_attempt_at__gt=at).update(next_attempt_at=at)
    _tell(row, "resumed", by, at, {"was": was})
    return row


@transaction.atomic
def rotate_secret(
    *, endpoint: WebhookEndpoint, by: User, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """Return another secret, shown this once; for 24 hours the one of before signs too.

    Raises NotAllowed, WrongState.
    """
    row = _live(endpoint, by)
    secret = new_secret()
    row.sealed_old_secret, row.old_secret_until = row.sealed_secret, at + ROTATION
    row.sealed_secret = seal_secret(row, secret)
    row.save(update_fields=["sealed_old_secret", "old_secret_until", "sealed_secret"])
    _tell(row, "secret_rotated", by, at, {"old_until": row.old_secret_until.isoformat()})
    return row, secret


@transaction.atomic
def try_webhook(*, endpoint: WebhookEndpoint, by: User, at: datetime) -> Delivery:
    """Send a message that is about nothing, once, whatever waits. Raises NotAllowed, WrongState."""
    row = _live(endpoint, by)
    row.last_number += 1
    row.save(update_fields=["last_number"])
    delivery = Delivery.objects.create(
        endpoint=row, scope_id=row.scope_id, number=row.last_number, action=TEST,
        payload=row.payload, message_id=new_message_id(), lane=Lane.HAND.value, created_at=at,
        next_attempt_at=at,
    )  # fmt: skip
    _tell(row, "tried", by, at, {"delivery": delivery.number})
    return delivery


@transaction.atomic
def resend(*, delivery: Delivery, by: User, at: datetime) -> Delivery:
    """Send a message again, with the same id: one that ended once, out of the order; one that waits now.

    Raises NotAllowed, WrongState for an ended webhook, or one that is not on and has not come to it.
    """
    row = _live(delivery.endpoint, by)
    again = Delivery.objects.get(pk=delivery.pk)
    if again.state == DeliveryState.WAITING and row.state != EndpointState.ON:
        raise WrongState("The message waits until the webhook is resumed.")
    if again.state != DeliveryState.WAITING:
        again.state, again.lane = DeliveryState.WAITING.value, Lane.HAND.value
        again.ended_at = None
    again.next_attempt_at = at
    again.save(update_fields=["state", "lane", "ended_at", "next_attempt_at"])
    told_of = {"delivery": again.number, "message": again.message_id}
    _tell(row, "resent", by, at, told_of)
    return again


@transaction.atomic
def end_webhook(*, endpoint: WebhookEndpoint, by: User, at: datetime) -> WebhookEndpoint:
    """End it for good: its secrets are wiped, what waits is not sent. Raises NotAllowed, WrongState."""
    row = _live(endpoint, by)
    row.state, row.reason = EndpointState.ENDED.value, ""
    row.ended_at, row.ended_by = at, by
    row.sealed_secret = row.sealed_old_secret = ""
    row.old_secret_until = row.lease_until = None
    row.save(update_fields=["state", "reason", "ended_at", "ended_by", "sealed_secret",
                            "sealed_old_secret", "old_secret_until", "lease_until"])  # fmt: skip
    dropped = _waiting(row).update(
        state=DeliveryState.FAILED.value, next_attempt_at=None, ended_at=at,
        note="The webhook was ended.",
    )  # fmt: skip
    _tell(row, "ended", by, at, {"not_sent": dropped})
    return row


def forget_deliveries(*, at: datetime) -> int:
    """Delete deliveries that ended long ago; return how many. The events stay."""
    over = Delivery.objects.exclude(state=DeliveryState.WAITING).filter(ended_at__lt=at - KEPT)
    return over.delete()[0]


def _live(endpoint: WebhookEndpoint, by: User) -> WebhookEndpoint:
    """The webhook as it is now, locked. Raises NotAllowed, WrongState where it has ended."""
    check_may(by, Permission.ADMINISTER, endpoint.scope_id)
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    row = rows.get(pk=endpoint.pk)
    if row.has_ended:
        raise WrongState("The webhook has ended; make another one.")
    return row


def _waiting(row: WebhookEndpoint) -> Any:
    return Delivery.objects.filter(endpoint=row, state=DeliveryState.WAITING)


def _head(scope: Scope) -> int:
    """The place of the last event that is committed."""
    heads = ChainHead.objects.filter(chain=chain_of(scope.pk))
    return heads.values_list("seq", flat=True).first() or 0


def _save(row: WebhookEndpoint, members: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=members is None, update_fields=members)
    except IntegrityError as error:
        raise WrongState(f"The scope already has a webhook called {row.name}.") from error


def _shown(row: WebhookEndpoint) -> dict[str, Any]:
    """What an event holds: never a secret, and of the address the host alone."""
    return {
        "name": row.name, "host": told.host_of(row.url), "actions": row.actions,
        "payload": row.payload,
    }  # fmt: skip


def _tell(row: WebhookEndpoint, what: str, by: User, at: datetime, data: dict[str, Any]) -> None:
    append_event(
        scope_id=row.scope_id, action=f"webhook.{what}", subject="webhook", subject_id=row.pk,
        by=by, at=at, data=data,
    )  # fmt: skip
