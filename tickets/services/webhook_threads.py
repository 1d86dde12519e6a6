"""A round of sending: a thread for each endpoint that has something due, and nobody waits for a slow one.

The threads outlive the task that began them, so that a receiver who takes twenty seconds holds up
neither the others nor the worker. If the process ends, the leases of its endpoints run out.
"""

import logging
import threading
from datetime import datetime

from django.db import connection

from core.log_context import about
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
        if not _free.acquire(blocking=False):
            log.warning("all %s threads for webhooks are taken; the rest waits", MOST_THREADS)
            break
        thread = threading.Thread(
            target=_send, args=(endpoint_id,), daemon=True, name=f"webhook-{endpoint_id}"
        )
        thread.start()
        begun.append(thread)
    return begun


def _send(endpoint_id: int) -> None:
    """Send to one endpoint; the end of the thread is the edge where errors are logged."""
    try:
        with about(webhook_id=endpoint_id):
            send_due(endpoint_id)
    except Exception:
        log.exception("sending to webhook %s failed; its lease runs out", endpoint_id)
    finally:
        connection.close()
        _free.release()
