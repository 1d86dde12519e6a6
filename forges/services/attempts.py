"""What becomes of a job when a code host says no: wait, try again, or end with the reason shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from core import jobs
from core.errors import Refused
from core.models import Job, JobState
from core.outbound import HostError
from forges.models import Connection, PullRequest, Repository

MAX_WAIT = timedelta(hours=2)


@contextmanager
def host_errors(job: Job, row: Connection | Repository | PullRequest) -> Iterator[None]:
    """Run one look at a host; what it refuses is shown on ``row.problem``.

    Asked to wait, the job is postponed as long; refused for good, it ends as failed. Other troubles
    of the host are raised, so that the job is tried again later, and given up after some attempts.
    """
    try:
        yield
    except HostError as error:
        said = str(error)
        type(row).objects.filter(pk=row.pk).update(problem=said[:2000])
        if error.retry_after is not None:
            wait = min(timedelta(seconds=max(1.0, error.retry_after)), MAX_WAIT)
            jobs.postpone(job, timezone.now() + wait, said)
        elif error.final:
            jobs.finish(job, timezone.now(), state=JobState.FAILED, error=said)
        else:
            raise
    except Refused as refusal:  # what the host told cannot be recorded
        type(row).objects.filter(pk=row.pk).update(problem=str(refusal)[:2000])
        jobs.finish(job, timezone.now(), state=JobState.FAILED, error=str(refusal))
