"""Sending deliveries: one endpoint at a time by one worker, one message after the other, outside of transactions.

A message is not sent before those before it have ended: while the first is tried again, the others
of its endpoint wait. Other endpoints do not: each has a thread of its own. A worker that dies loses
its lease on the endpoint, and the message is sent again with the same id: at least once.
"""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone

from core.events import append_event
from core.outbound import HostError, Reply, fetch
from core.text import clean_text
from tickets.models import Delivery, WebhookEndpoint
from tickets.services.webhook_messages import body_of, headers_of, secrets_of
from tickets.statuses import DeliveryState, EndpointState, Lane

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]

TIMEOUT = 20.0  # seconds for one attempt
LEASE = timedelta(seconds=60)  # longer than one attempt
ROUND = 100  # messages of one endpoint before its thread gives way
MOST_ANSWER = 64 * 1024  # bytes that are read
MOST_NOTE = 2_000  # characters that are kept
PAUSES = [  # before the first attempt, the second, …; the one after the last disables the endpoint
    timedelta(seconds=0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30),
    timedelta(hours=2), timedelta(hours=5), timedelta(hours=10), timedelta(hours=14),
    timedelta(hours=20), timedelta(hours=24),
]  # fmt: skip
JITTER = 0.2
LONGEST_PAUSE = timedelta(hours=24)  # that a Retry-After can ask for
THROTTLED = frozenset({429, 502, 504})
THROTTLED_PAUSE = timedelta(minutes=1)  # at least, where the receiver says no other
_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Taken:
    """A message to send now, and the lease under which."""

    endpoint_id: int
    lease: int
    delivery_id: int
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    unsigned: str = ""  # why it could not be signed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt. ``status`` None: there was no answer."""

    status: int | None
    note: str
    took_ms: int
    retry_after: float | None = None  # seconds

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def due_endpoints(at: datetime) -> list[int]:
    """Endpoints that nobody sends to and that have something to be sent now."""
    waiting = Delivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.WAITING)
    first = waiting.filter(lane=Lane.ORDER).order_by("number").values("next_attempt_at")[:1]
    by_hand = waiting.filter(lane=Lane.HAND, next_attempt_at__lte=at)
    rows = WebhookEndpoint.objects.exclude(state=EndpointState.ENDED).filter(_free(at))
    rows = rows.annotate(first=Subquery(first), asked=Exists(by_hand))
    due = rows.filter(Q(state=EndpointState.ON, first__lte=at) | Q(asked=True))
    return list(due.order_by("pk").values_list("pk", flat=True))


def send_due(endpoint_id: int, *, clock: Clock = timezone.now) -> int:
    """Send what is due to one endpoint, one after the other; return how many attempts were made."""
    for attempts in range(ROUND):
        taken = _take(endpoint_id, clock())
        if taken is None:
            return attempts
        outcome = _attempt(taken, clock())
        if not _record(taken, outcome, clock()):
            log.warning("webhook %s: the lease was lost, the message is sent again", endpoint_id)
            return attempts + 1
    return ROUND


@transaction.atomic
def _take(endpoint_id: int, at: datetime) -> Taken | None:
    """Take the lease and the next message; None when nothing is due or somebody else sends."""
    rows = WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True)
    live = rows.filter(_free(at), pk=endpoint_id).exclude(state=EndpointState.ENDED)
    endpoint = live.first()
    delivery = None if endpoint is None else _next(endpoint, at)
    if endpoint is None or delivery is None:
        return None
    endpoint.lease, endpoint.lease_until = endpoint.lease + 1, at + LEASE
    endpoint.save(update_fields=["lease", "lease_until"])
    body, headers, unsigned = body_of(delivery), dict[str, str](), ""
    try:
        headers = headers_of(delivery.message_id, body, secrets_of(endpoint, at), at)
    except ValueError as error:  # the seal does not open: another SECRET_KEY
        unsigned = str(error)
    return Taken(endpoint.pk, endpoint.lease, delivery.pk, endpoint.url, headers, body, unsigned)


def _next(endpoint: WebhookEndpoint, at: datetime) -> Delivery | None:
    """What somebody asked for; else the first of the order, if its time has come."""
    waiting = endpoint.deliveries.filter(state=DeliveryState.WAITING).select_related("event")
    asked = waiting.filter(lane=Lane.HAND, next_attempt_at__lte=at).order_by("number").first()
    if asked is not None or endpoint.state != EndpointState.ON:
        return asked
    first = waiting.filter(lane=Lane.ORDER).order_by("number").first()
    return first if first is not None and _is_due(first, at) else None


def _is_due(delivery: Delivery, at: datetime) -> bool:
    return delivery.next_attempt_at is not None and delivery.next_attempt_at <= at


def _free(at: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=at)


def _attempt(taken: Taken, at: datetime) -> Outcome:
    """Send once. Never raises for what the other side does."""
    if taken.unsigned:
        return Outcome(None, taken.unsigned, 0)
    return post_once(taken.url, taken.headers, taken.body, at)


def post_once(url: str, headers: dict[str, str], body: bytes, at: datetime) -> Outcome:
    """Send a message once; return what became of it. Never raises for what the other side does."""
    began = time.monotonic()
    try:
        reply = fetch(
            "POST", url, headers=headers, body=body, limit=MOST_ANSWER, timeout=TIMEOUT, cut=True
        )
    except HostError as error:
        return Outcome(None, error.sentence, _since(began))
    wait = None if 200 <= reply.status < 300 else reply.error("", at).retry_after
    return Outcome(reply.status, _excerpt(reply), _since(began), wait)


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _excerpt(reply: Reply) -> str:
    """The begin of an answer as text: no control characters, nothing unpacked."""
    if reply.headers.get("content-encoding", "identity") != "identity":
        return "(a packed answer)"
    text = reply.body[: 4 * MOST_NOTE].decode(errors="replace")
    seen = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return clean_text(seen.strip(), MOST_NOTE)


@transaction.atomic
def _record(taken: Taken, outcome: Outcome, at: datetime) -> bool:
    """Write down what became of an attempt; False when the lease was lost meanwhile: nothing is."""
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    endpoint = rows.get(pk=taken.endpoint_id)
    if endpoint.lease != taken.lease:
        return False
    endpoint.lease_until = None
    endpoint.save(update_fields=["lease_until"])
    delivery = Delivery.objects.get(pk=taken.delivery_id)
    if delivery.state != DeliveryState.WAITING:  # the webhook was ended meanwhile
        return True
    delivery.attempts += 1
    delivery.attempted_at, delivery.took_ms = at, outcome.took_ms
    delivery.last_status, delivery.note = outcome.status, outcome.note
    why = "" if outcome.is_taken else _failed(delivery, outcome, at)
    if outcome.is_taken:
        _end(delivery, DeliveryState.SENT, at)
    delivery.save()
    if why and endpoint.state == EndpointState.ON:
        _disable(endpoint, delivery, why, at)
    return True


def _failed(delivery: Delivery, outcome: Outcome, at: datetime) -> str:
    """Say when it is tried again, or end it; return why the endpoint is to be disabled, if it is."""
    if outcome.status == 410:
        _end(delivery, DeliveryState.FAILED, at)
        return "It answered 410: it is gone for good."
    if delivery.lane == Lane.HAND:
        _end(delivery, DeliveryState.FAILED, at)
        return ""
    if delivery.attempts >= len(PAUSES):
        _end(delivery, DeliveryState.FAILED, at)
        last = f"answered {outcome.status}" if outcome.status else outcome.note
        return f"{delivery.attempts} attempts failed, the last one: {last}"[:300]
    delivery.next_attempt_at = at + pause_before(delivery.attempts, outcome)
    return ""


def pause_before(attempts: int, outcome: Outcome) -> timedelta:
    """How long to wait after so many attempts: by the table, give or take a fifth, and as long as asked."""
    pause = PAUSES[attempts] * _random.uniform(1 - JITTER, 1 + JITTER)
    if outcome.status in THROTTLED:
        pause = max(pause, THROTTLED_PAUSE)
    if outcome.retry_after is not None:
        pause = max(pause, min(timedelta(seconds=outcome.retry_after), LONGEST_PAUSE))
    return pause


def _end(delivery: Delivery, state: DeliveryState, at: datetime) -> None:
    delivery.state, delivery.next_attempt_at, delivery.ended_at = state.value, None, at


def _disable(endpoint: WebhookEndpoint, delivery: Delivery, why: str, at: datetime) -> None:
    endpoint.state, endpoint.reason = EndpointState.DISABLED.value, why
    endpoint.save(update_fields=["state", "reason"])
    append_event(
        scope_id=endpoint.scope_id, action="webhook.disabled", subject="webhook",
        subject_id=endpoint.pk, by=None, at=at, data={"reason": why, "delivery": delivery.number},
    )  # fmt: skip
