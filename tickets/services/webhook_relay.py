"""From the event log to deliveries: an outbox. The chain of a scope is the queue, a cursor the place in it.

Deliveries are inserted and the cursor is moved in one transaction that holds the endpoint's row, so no
two workers relay one endpoint twice. How a chain is read: services/chains.py.
"""

from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial

from django.db import transaction

from core.models import Event
from tickets.models import Delivery, WebhookEndpoint
from tickets.services.chains import AT_ONCE, behind, events_after, in_parts
from tickets.services.webhook_messages import new_message_id
from tickets.statuses import DeliveryState, EndpointState

MOST_WAITING = 1000  # deliveries of an endpoint; what is beyond stays in the chain


def relay(*, at: datetime) -> int:
    """Make the deliveries of what happened since the last time; return how many."""
    on = WebhookEndpoint.objects.filter(state=EndpointState.ON)
    return sum(relay_endpoint(pk, at=at) for pk in behind(on))


def relay_endpoint(endpoint_id: int, *, at: datetime) -> int:
    """Make the deliveries of one endpoint, until it is up to date or enough wait; return how many."""
    return in_parts(partial(_relay_some, endpoint_id, at))


@transaction.atomic
def _relay_some(endpoint_id: int, at: datetime) -> tuple[int, bool]:
    """Relay up to AT_ONCE events; return how many deliveries were made, and whether to go on."""
    rows = WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True)
    endpoint = rows.filter(pk=endpoint_id, state=EndpointState.ON).first()
    if endpoint is None:  # not on any more, or another worker is at it
        return 0, False
    waiting = endpoint.deliveries.filter(state=DeliveryState.WAITING).count()
    if waiting >= MOST_WAITING:
        return 0, False
    events = list(events_after(endpoint.scope_id, endpoint.cursor).defer("data")[:AT_ONCE])
    if not events:
        return 0, False
    wanted = [event for event in events if is_wanted(endpoint, event.action)]
    made = Delivery.objects.bulk_create(
        _delivery(endpoint, event, number, at)
        for number, event in enumerate(wanted, endpoint.last_number + 1)
    )
    endpoint.cursor = events[-1].seq
    endpoint.last_number += len(made)
    endpoint.save(update_fields=["cursor", "last_number"])
    return len(made), len(events) == AT_ONCE


def is_wanted(endpoint: WebhookEndpoint, action: str) -> bool:
    """Whether an action meets one of the endpoint's globs."""
    return any(fnmatchcase(action, pattern) for pattern in endpoint.actions)


def _delivery(endpoint: WebhookEndpoint, event: Event, number: int, at: datetime) -> Delivery:
    return Delivery(
        endpoint=endpoint, scope_id=endpoint.scope_id, number=number, event=event, seq=event.seq,
        action=event.action, payload=endpoint.payload, message_id=new_message_id(),
        created_at=at, next_attempt_at=at,
    )  # fmt: skip
