"""Running jobs: which service does which kind, the heartbeat of a lease, the sweeper. Wiring only."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone

from core import jobs
from core.errors import Unavailable
from core.log_context import about
from core.models import Job
from findings.services.clocks import RECOMPUTE, recompute_due
from findings.services.feeds import FETCH, fetch_feed
from findings.services.owning import OWN_ASSET, OWN_SCOPE, own_asset, own_scope
from findings.services.rescoring import RESCORE, rescore_job, rescore_scope
from findings.services.rules import APPLY, apply_rule_job
from findings.services.taking_back import TAKE_BACK, take_back_job
from forges.services.looks import look_at_connection, look_at_repository
from forges.services.pulls import follow_pull
from forges.services.showing import show_group, show_pull
from people.mails import send_invitation
from reports.services.reports import MAKE, make_report
from scans.models import Scan
from scans.runners.run import run_scan
from scans.services.ingest import ingest_scan
from scans.services.schedules import order_scheduled
from scans.services.vanishing import look_for_vanished
from scans.statuses import ScanState
from scopes.services.invitations import SEND
from scopes.services.settings import WEIGHS_OTHERWISE

OF_SCANS: dict[str, Callable[[Job], None]] = {"ingest": ingest_scan, "run": run_scan}
HANDLERS: dict[str, Callable[[Job], None]] = {
    **OF_SCANS,
    RECOMPUTE: recompute_due,
    FETCH: fetch_feed,
    OWN_ASSET: own_asset,
    OWN_SCOPE: own_scope,
    RESCORE: rescore_job,
    WEIGHS_OTHERWISE: rescore_scope,
    TAKE_BACK: take_back_job,
    APPLY: apply_rule_job,
    "scheduled": order_scheduled,
    "vanished": look_for_vanished,
    "forge_connection": look_at_connection,
    "forge_repository": look_at_repository,
    "forge_pull": follow_pull,
    "forge_show": show_pull,
    "forge_group": show_group,
    SEND: send_invitation,
    MAKE: make_report,
}
UNTIL_AVAILABLE = timedelta(minutes=1)
log = logging.getLogger(__name__)


def run(job_id: int) -> bool:
    """Do one job if it is due and free; return whether this process did it.

    An unexpected error gives the job back for a later attempt; a killed process loses its lease.
    """
    job = jobs.claim(job_id, timezone.now())
    if job is None:
        return False
    with about(job_id=job.pk, job_kind=job.kind), _heartbeat(job):
        began = time.monotonic()
        try:
            HANDLERS[job.kind](job)
        except Unavailable as error:  # a fault of nobody who is in the job: no attempt of it
            log.warning("job %s (%s %s) waits: %s", job.pk, job.kind, job.subject_id, error)
            jobs.postpone(job, timezone.now() + UNTIL_AVAILABLE, str(error))
        except Exception as error:
            log.exception("job %s (%s %s) failed", job.pk, job.kind, job.subject_id)
            jobs.retry_later(job, timezone.now(), f"{type(error).__name__}: {error}")
        took = time.monotonic() - began
        log.info("job %s (%s %s): %.2f s", job.pk, job.kind, job.subject_id, took)
    return True


def sweep() -> None:
    """Set exhausted jobs aside and ring for each that is due and that no live worker holds."""
    now = timezone.now()
    for job in jobs.quarantine_exhausted(now):
        if job.kind in OF_SCANS:
            Scan.objects.filter(pk=job.subject_id).exclude(state=ScanState.DONE).update(
                state=ScanState.QUARANTINED, error=job.error, finished_at=now
            )
        log.error("job %s (%s %s) quarantined: %s", job.pk, job.kind, job.subject_id, job.error)
    for job_id in jobs.due(now).order_by("next_attempt_at").values_list("pk", flat=True)[:1000]:
        jobs.ring(job_id)
    _sweep_mark().touch(mode=0o600)


def _sweep_mark() -> Path:
    return Path(settings.DATA_DIR) / "last-sweep"


def last_sweep() -> datetime | None:
    """When a worker last swept, which takes beat and broker too; None: never."""
    mark = _sweep_mark()
    return datetime.fromtimestamp(mark.stat().st_mtime, UTC) if mark.exists() else None


@contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    """Renew the lease from a thread of its own while the block runs."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(settings.JOB_LEASE_SECONDS / 3):
            close_old_connections()
            try:
                if not jobs.renew(job, timezone.now()):
                    break
            except OperationalError as error:
                # The applying transaction holds the row; it ends the job, or the next beat renews.
                log.warning("the lease of job %s could not be renewed: %s", job.pk, error)
        connection.close()

    thread = threading.Thread(target=beat, daemon=True, name=f"lease-{job.pk}")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
