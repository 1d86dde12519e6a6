"""A thread for each endpoint, tracker, and person and channel that has something due; nobody waits for a slow one.

The threads outlive the task that began them, so that a receiver who takes twenty seconds holds up
neither the others nor the worker. If the process ends, its leases run out.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from django.db import connection
from django.utils import timezone

from core.log_context import about
from tickets.services.notice_relay import relay_notices
from tickets.services.notice_sending import due_boxes, send_notices
from tickets.services.tracker_relay import relay_tracker, relay_trackers
from tickets.services.tracker_rounds import LostLease, due_trackers, serve
from tickets.services.webhook_relay import relay
from tickets.services.webhook_sending import due_endpoints, send_due

MOST_THREADS = 16  # of one process
log = logging.getLogger(__name__)
_free = threading.BoundedSemaphore(MOST_THREADS)


def deliver(*, at: datetime) -> list[threading.Thread]:
    """Make the deliveries of what happened, and begin to send what is due; return the threads that do."""
    relay(at=at)
    return _begin_all((f"webhook-{pk}", partial(_send, pk)) for pk in due_endpoints(at))


def tell_people(*, at: datetime) -> list[threading.Thread]:
    """Make the notices of what happened, and begin to send what is due; return the threads that do."""
    relay_notices(at=at)
    return _begin_all(
        (f"notices-{user_id}-{channel}", partial(send_notices, user_id, channel))
        for user_id, channel in due_boxes(at)
    )


def follow_trackers(*, at: datetime) -> list[threading.Thread]:
    """Write down what is to be done in trackers, and begin a round with each that has something due."""
    relay_trackers(at=at)
    return _begin_all((f"tracker-{pk}", partial(_serve, pk)) for pk in due_trackers(at))


def _begin_all(rounds: Iterable[tuple[str, Callable[[], object]]]) -> list[threading.Thread]:
    begun = []
    for name, send in rounds:
        thread = begin(name, send)
        if thread is None:
            break
        begun.append(thread)
    return begun


def begin(name: str, send: Callable[[], object]) -> threading.Thread | None:
    """Begin to send in a thread of its own; None where all are taken: the rest waits."""
    if not _free.acquire(blocking=False):
        log.warning("all %s threads for sending are taken; the rest waits", MOST_THREADS)
        return None
    thread = threading.Thread(target=_run, args=(name, send), daemon=True, name=name)
    thread.start()
    return thread


def _send(endpoint_id: int) -> None:
    with about(webhook_id=endpoint_id):
        send_due(endpoint_id)


def _serve(tracker_id: int) -> None:
    with about(tracker_id=tracker_id):
        try:
            serve(tracker_id)
            if relay_tracker(tracker_id, at=timezone.now()):  # what was read is answered at once
                serve(tracker_id)
        except LostLease:
            log.warning("the lease of tracker %s was lost", tracker_id)


def _run(name: str, send: Callable[[], object]) -> None:
    """Send; the end of the thread is the edge where errors are logged."""
    try:
        send()
    except Exception:
        log.exception("sending (%s) failed; its lease runs out", name)
    finally:
        connection.close()
        _free.release()
