"""Messages from trackers: who signed one may ring, and no more. What is true is read from the tracker.

A message that is lost, late, doubled or out of order does no harm. Of it only ids are kept.
"""

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from tickets.models import TrackerConnection, TrackerMessage
from tickets.services.tracker_opening import READERS, webhook_secrets
from tickets.services.tracker_readings import ring_ticket
from tickets.statuses import RungState, TrackerKind
from tickets.trackers.base import Message

MAX_BYTES = 5 * 1024 * 1024
_DECOY = secrets.token_urlsafe(32)  # nobody has it
log = logging.getLogger(__name__)


def live_tracker(hook: str) -> TrackerConnection | None:
    """The connection that a webhook's address is of, unless it has ended."""
    return TrackerConnection.objects.live().filter(hook=hook).first()


def is_signed_by_nobody(headers: Mapping[str, str], body: bytes) -> None:
    """Do for an address that is not there the work that one that is there would make."""
    READERS[TrackerKind.JIRA](headers, body, [_DECOY])


def receive(
    *, tracker: TrackerConnection, headers: Mapping[str, str], body: bytes, at: datetime
) -> tuple[TrackerMessage, bool] | None:
    """Take one message in and ring for its ticket; return the row and whether it is new.

    None: nobody signed it who may. ``headers`` by names in small letters. Raises BadInput for a signed
    one that cannot be read.
    """
    try:
        known = webhook_secrets(tracker, at)
    except ValueError as error:  # the server's own secret was changed
        log.error("the webhook secret of tracker %s: %s", tracker.pk, error)
        known = [_DECOY]
    message = READERS[TrackerKind(tracker.kind)](headers, body, known)
    return None if message is None else _record(tracker, message, at)


@transaction.atomic
def _record(
    tracker: TrackerConnection, message: Message, at: datetime
) -> tuple[TrackerMessage, bool]:
    row, is_new = TrackerMessage.objects.get_or_create(
        connection=tracker, delivery=message.delivery,
        defaults={"event": message.event, "external_id": message.ticket,
                  "state": RungState.IGNORED.value, "received_at": at},
    )  # fmt: skip
    if not is_new:
        return row, False
    TrackerConnection.objects.filter(pk=tracker.pk).update(message_at=at)
    if ring_ticket(tracker.pk, message.ticket, at):
        row.state = RungState.RANG.value
        row.save(update_fields=["state"])
    return row, True
