"""Scans by the clock: does a line still hold? One a day for each schedule, at the newest commit."""

import logging
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from core import jobs
from core.errors import BadInput, Refused, WrongState
from core.events import append_event
from core.models import Job, JobState, User
from core.permissions import Permission
from scans.models import Scan, ScanSchedule
from scans.runners.checkout import allowed_repository, newest_commit
from scans.services.recipes import find_recipe
from scans.services.uploads import order_scan
from scopes.access import check_may
from scopes.models import Line

JOB = "scheduled"
log = logging.getLogger(__name__)


def set_schedule(*, line: Line, recipe: str, hour: int, by: User, at: datetime) -> ScanSchedule:
    """Have a line scanned by a recipe each day from ``hour`` (0 to 23, UTC) on; set again, it moves.

    The first time is the next such hour. For administrators of the scope. Raises BadInput.
    """
    check_may(by, Permission.ADMINISTER, line.scope_id)
    if not 0 <= hour <= 23:
        raise BadInput("hour", "must be 0 to 23, UTC")
    if not line.asset.repository:
        raise BadInput("asset", "has no repository that the runner may read")
    chosen = find_recipe(line.scope_id, recipe)
    now = at.astimezone(UTC)
    last_on = now.date() if hour <= now.hour else None
    try:
        return _set(line, chosen.name, hour, last_on, by, at)
    except IntegrityError as error:
        raise WrongState("Somebody else set this schedule meanwhile. Look at it first.") from error


@transaction.atomic
def _set(
    line: Line, recipe: str, hour: int, last_on: date | None, by: User, at: datetime
) -> ScanSchedule:
    row, _ = ScanSchedule.objects.update_or_create(
        line=line, recipe=recipe,
        defaults={"hour": hour, "error": ""},
        create_defaults={"scope_id": line.scope_id, "asset_id": line.asset_id, "hour": hour,
                         "last_on": last_on, "created_at": at, "created_by": by},
    )  # fmt: skip
    append_event(
        scope_id=line.scope_id, action="schedule.set", subject="schedule", subject_id=row.pk,
        by=by, at=at, data={"asset": line.asset_id, "line": line.name, "recipe": recipe, "hour": hour},
    )  # fmt: skip
    return row


@transaction.atomic
def end_schedule(*, schedule: ScanSchedule, by: User, at: datetime) -> None:
    """Scan the line by itself no more."""
    check_may(by, Permission.ADMINISTER, schedule.scope_id)
    pk, scope_id = schedule.pk, schedule.scope_id
    told = {"asset": schedule.asset_id, "line": schedule.line_id, "recipe": schedule.recipe}
    if not ScanSchedule.objects.filter(pk=pk).delete()[0]:
        raise WrongState("Somebody else ended this schedule meanwhile.")
    append_event(
        scope_id=scope_id, action="schedule.ended", subject="schedule", subject_id=pk,
        by=by, at=at, data=told,
    )  # fmt: skip


def order_due_scans(*, at: datetime) -> int:
    """Make a job for each schedule whose hour of today has come; return how many.

    Never two for one day, however often and from however many places it is called.
    """
    now = at.astimezone(UTC)
    due = ScanSchedule.objects.filter(Q(last_on__lt=now.date()) | Q(last_on__isnull=True))
    made = 0
    for pk in due.filter(hour__lte=now.hour).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            if due.filter(pk=pk).update(last_on=now.date()):
                key = f"{JOB}:{pk}:{now.date().isoformat()}"
                jobs.enqueue(kind=JOB, subject_id=pk, at=at, key=key)
                made += 1
    return made


def order_scheduled(job: Job) -> None:
    """Ask where the line stands and order its scan. What keeps it from that stands on the schedule."""
    rows = ScanSchedule.objects.select_related("scope", "asset", "line")
    schedule = rows.filter(pk=job.subject_id).first()
    if schedule is None:  # ended meanwhile
        jobs.finish(job, timezone.now())
        return
    try:
        source = allowed_repository(schedule.asset.repository, settings.RUNNER_REPOSITORIES)
        with tempfile.TemporaryDirectory(prefix="ctem-ask-") as folder:
            commit = newest_commit(source, schedule.line.name, Path(folder))
        _order(schedule, commit, job)
    except Refused as error:
        _tell(schedule, job, str(error))


@transaction.atomic
def _order(schedule: ScanSchedule, commit: str, job: Job) -> Scan | None:
    at = timezone.now()
    if not jobs.finish(job, at):
        return None
    scan, _ = order_scan(
        asset=schedule.asset, line=schedule.line, recipe=schedule.recipe, commit=commit,
        by=None, at=at,
    )  # fmt: skip
    ScanSchedule.objects.filter(pk=schedule.pk).update(error="")
    return scan


@transaction.atomic
def _tell(schedule: ScanSchedule, job: Job, error: str) -> None:
    at = timezone.now()
    if not jobs.finish(job, at, state=JobState.FAILED, error=error):
        return
    log.warning("%s could not be ordered: %s", schedule, error)
    ScanSchedule.objects.filter(pk=schedule.pk).update(error=error[:2000])
    append_event(
        scope_id=schedule.scope_id, action="schedule.failed", subject="schedule",
        subject_id=schedule.pk, by=None, at=at, data={"error": error[:1000]},
    )  # fmt: skip
