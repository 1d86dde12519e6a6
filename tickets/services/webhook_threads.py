"""A round of sending: a thread for each endpoint, and each person and channel; nobody waits for a slow one.

The threads outlive the task that began them, so that a receiver who takes twenty seconds holds up
neither the others nor the worker. If the process ends, the leases of its endpoints run out.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import connection

from core.log_context import about
from tickets.services.notice_relay import relay_notices
from tickets.services.notice_sending import due_boxes, send_notices
from tickets.services.webhook_relay import relay
from tickets.services.webhook_sending import due_endpoints, send_due

MOST_THREADS = 16  # of one process
log = logging.getLogger(__name__)
_free = threading.BoundedSemaphore(MOST_THREADS)


def deliver(*, at: datetime) -> list[threading.Thread]:
    """Make the deliveries of what happened, and begin to send what is due; return the threads that do."""
    relay(at=at)
    begun = []
    for endpoint_id in due_endpoints(at):
        thread = begin(f"webhook-{endpoint_id}", partial(_send, endpoint_id))
        if thread is None:
            break
        begun.append(thread)
    return begun


def tell_people(*, at: datetime) -> list[threading.Thread]:
    """Make the notices of what happened, and begin to send what is due; return the threads that do."""
    relay_notices(at=at)
    begun = []
    for user_id, channel in due_boxes(at):
        thread = begin(f"notices-{user_id}-{channel}", partial(send_notices, user_id, channel))
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


def _run(name: str, send: Callable[[], object]) -> None:
    """Send; the end of the thread is the edge where errors are logged."""
    try:
        send()
    except Exception:
        log.exception("sending (%s) failed; its lease runs out", name)
    finally:
        connection.close()
        _free.release()
