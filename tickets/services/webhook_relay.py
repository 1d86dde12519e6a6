"""From the event log to deliveries: an outbox. The chain of a scope is the queue, a cursor the place in it.

Deliveries are inserted and the cursor is moved in one transaction that holds the endpoint's row, so no
two workers relay one endpoint twice. A chain has no gaps and its head is locked until the commit: what
stands after the cursor is committed, and nothing is ever inserted before it.
"""

from datetime import datetime
from fnmatch import fnmatchcase

from django.db import transaction
from django.db.models import CharField, F, OuterRef, Subquery, Value
from django.db.models.functions import Cast, Concat

from core.events import chain_of
from core.models import ChainHead, Event
from tickets.models import Delivery, WebhookEndpoint
from tickets.services.webhook_messages import new_message_id
from tickets.statuses import DeliveryState, EndpointState

AT_ONCE = 500  # events that are read in one transaction
MOST_WAITING = 1000  # deliveries of an endpoint; what is beyond stays in the chain


def relay(*, at: datetime) -> int:
    """Make the deliveries of what happened since the last time; return how many."""
    return sum(relay_endpoint(pk, at=at) for pk in _behind())


def relay_endpoint(endpoint_id: int, *, at: datetime) -> int:
    """Make the deliveries of one endpoint, until it is up to date or enough wait; return how many."""
    made = 0
    while True:
        count, more = _relay_some(endpoint_id, at)
        made += count
        if not more:
            return made


def _behind() -> list[int]:
    """Endpoints that are on and whose chain went on."""
    chain = Concat(Value("scope:"), Cast(OuterRef("scope_id"), CharField()))
    head = ChainHead.objects.filter(chain=chain).values("seq")
    rows = WebhookEndpoint.objects.filter(state=EndpointState.ON).annotate(head=Subquery(head))
    return list(rows.filter(head__gt=F("cursor")).order_by("pk").values_list("pk", flat=True))


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
    after = Event.objects.filter(chain=chain_of(endpoint.scope_id), seq__gt=endpoint.cursor)
    events = list(after.defer("data").order_by("seq")[:AT_ONCE])
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
