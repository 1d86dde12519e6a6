"""Leases on job rows. A killed worker loses nothing: its lease runs out and the sweeper hands the row on.

``attempts`` is the fencing token: a worker that lost its lease cannot finish the job any more.
"""

import logging
from datetime import datetime, timedelta

from celery import current_app
from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from kombu.exceptions import OperationalError

from core.models import Job, JobState

log = logging.getLogger(__name__)


def enqueue(*, kind: str, subject_id: int, at: datetime, key: str = "") -> Job:
    """Store a job to be done now, and ring once it is committed; the same ``key`` twice is one job."""
    key = key or f"{kind}:{subject_id}"
    Job.objects.bulk_create(
        [Job(kind=kind, subject_id=subject_id, key=key, created_at=at, next_attempt_at=at)],
        ignore_conflicts=True,
    )
    job = Job.objects.get(key=key)
    log.info("job %s (%s %s) is to be done", job.pk, kind, subject_id)
    transaction.on_commit(lambda: ring(job.pk))
    return job


def ring(job_id: int) -> None:
    """Tell a worker that a job is due. A broker that is down costs one sweep, never the job."""
    try:
        current_app.send_task("ctem.run_job", kwargs={"job_id": job_id})
    except (OperationalError, OSError) as error:
        log.warning("no worker could be told of job %s, the sweeper will: %s", job_id, error)


def due(at: datetime) -> models.QuerySet[Job]:
    """Jobs that nobody holds: waiting for their time, or running on a lease that ran out."""
    return Job.objects.filter(
        Q(state=JobState.QUEUED, next_attempt_at__lte=at)
        | Q(state=JobState.RUNNING, lease_until__lt=at)
    )


def claim(job_id: int, at: datetime) -> Job | None:
    """Take the lease of a due job and return it; None when another worker has it or it is over."""
    taken = (
        due(at)
        .filter(pk=job_id, attempts__lt=settings.JOB_MAX_ATTEMPTS + F("postponed"))
        .update(
            state=JobState.RUNNING,
            attempts=F("attempts") + 1,
            lease_until=at + timedelta(seconds=settings.JOB_LEASE_SECONDS),
        )
    )
    return Job.objects.get(pk=job_id) if taken else None


def quarantine_exhausted(at: datetime) -> list[Job]:
    """Set aside jobs that used up their attempts without an end; return them with the reason."""
    aside = []
    for job in due(at).filter(attempts__gte=settings.JOB_MAX_ATTEMPTS + F("postponed")):
        why = job.error or "the worker died"
        job.error = f"given up after {job.attempts} attempts, it failed in every attempt: {why}"[
            :2000
        ]
        job.state, job.lease_until, job.finished_at = JobState.QUARANTINED, None, at
        still_due = due(at).filter(pk=job.pk)  # a late worker may have finished it meanwhile
        if still_due.update(state=job.state, lease_until=None, finished_at=at, error=job.error):
            aside.append(job)
    return aside


def held(job: Job) -> models.QuerySet[Job]:
    """The row, as long as this lease is the current one; lock and test it inside the last transaction."""
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts)


def renew(job: Job, at: datetime) -> bool:
    """Extend the lease; False when it was lost."""
    until = at + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    return held(job).update(lease_until=until) == 1


def finish(job: Job, at: datetime, *, state: JobState = JobState.DONE, error: str = "") -> bool:
    """End the job; False when the lease was lost meanwhile (then nothing is written)."""
    ended = held(job).update(state=state, lease_until=None, finished_at=at, error=error[:2000])
    return ended == 1


def postpone(job: Job, until: datetime, error: str) -> None:
    """Give the job back until somebody else is ready again; the attempt does not count as failed."""
    held(job).update(
        state=JobState.QUEUED, lease_until=None, next_attempt_at=until, error=error[:2000],
        postponed=F("postponed") + 1,
    )  # fmt: skip


def withdraw(*, kind: str, subject_id: int, at: datetime, error: str) -> bool:
    """End a job that is not over, whoever holds it; that worker has lost its lease. False: it is over."""
    waiting = Job.objects.filter(kind=kind, subject_id=subject_id)
    ended = waiting.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).update(
        state=JobState.FAILED, lease_until=None, finished_at=at, error=error[:2000]
    )
    return ended > 0


def retry_later(job: Job, at: datetime, error: str) -> None:
    """Give the job back after an unexpected error, with growing distance."""
    pause = timedelta(seconds=2 ** (2 * job.attempts))
    held(job).update(
        state=JobState.QUEUED, lease_until=None, next_attempt_at=at + pause, error=error[:2000]
    )
