"""Appending to the event log and checking it. The only writer of Event and ChainHead."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from core.log_context import tell
from core.models import ChainHead, Event, User
from core.text import clean_json

SYSTEM_CHAIN = "system"


def chain_of(scope_id: int | None) -> str:
    """Return the name of the chain that a scope's events are on; None is the system's."""
    return SYSTEM_CHAIN if scope_id is None else f"scope:{scope_id}"


def event_hash(event: Event) -> str:
    """Return the SHA-256 (hex) over the canonical JSON of an event and its predecessor's hash."""
    body = {
        "chain": event.chain,
        "seq": event.seq,
        "prev": event.prev_hash or "",
        "scope": event.scope_id,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor_id,
        "action": event.action,
        "subject": event.subject,
        "subject_id": event.subject_id,
        "data": event.data,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def append_event(
    *,
    scope_id: int | None,
    action: str,
    subject: str,
    subject_id: int,
    by: User | None,
    at: datetime,
    data: dict[str, Any] | None = None,
) -> Event:
    """Append one event to the chain of ``scope_id``; ``by`` None is the system.

    Call it last in a transaction: the head of the chain stays locked until the commit.
    ``data`` must be JSON as the standard library writes it; what no database can hold is replaced.
    """
    tell(scope_id=scope_id)
    chain = chain_of(scope_id)
    ChainHead.objects.bulk_create([ChainHead(chain=chain)], ignore_conflicts=True)
    head = ChainHead.objects.select_for_update().get(pk=chain)
    event = Event(
        chain=chain,
        seq=head.seq + 1,
        prev_seq=head.seq or None,
        prev_hash=head.hash or None,
        scope_id=scope_id,
        at=at,
        actor=by,
        action=action,
        subject=subject,
        subject_id=subject_id,
        data=clean_json(json.loads(json.dumps(data or {}))),
    )
    event.hash = event_hash(event)
    event.save(force_insert=True)
    ChainHead.objects.filter(pk=chain).update(seq=event.seq, hash=event.hash)
    return event


def broken_links() -> Iterator[str]:
    """Yield a sentence for each place where a chain does not hold: gap, wrong hash, lost tail."""
    for head in ChainHead.objects.order_by("chain"):
        previous_hash, seq = "", 0
        for event in Event.objects.filter(chain=head.chain).order_by("seq").iterator():
            seq += 1
            if event.seq != seq:
                yield f"{head.chain}: event {seq} is missing, {event.seq} follows"
                seq = event.seq
            if (event.prev_hash or "") != previous_hash:
                yield f"{head.chain}: event {event.seq} does not seal its predecessor"
            if event_hash(event) != event.hash:
                yield f"{head.chain}: event {event.seq} was changed after it was written"
            previous_hash = event.hash
        if (head.seq, head.hash) != (seq, previous_hash):
            yield f"{head.chain}: the head says {head.seq} events, {seq} are there"
    heads = ChainHead.objects.values("chain")
    for chain in Event.objects.exclude(chain__in=heads).values_list("chain", flat=True).distinct():
        yield f"{chain}: has events but no head"
