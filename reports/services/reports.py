"""The verbs of reports: ordering one, and making it once."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from core import jobs
from core.errors import BadInput
from core.events import append_event
from core.models import Job, User
from core.permissions import Permission
from reports.metrics.frame import Frame, bounds_of
from reports.models import Report, ReportScope
from reports.services.moves import catch_up, place_untold
from reports.services.snapshots import freeze
from reports.statuses import Period, ReportState
from scopes.access import check_may
from scopes.models import Scope

MAKE = "report"  # the kind of the job
MAY = Permission.TRIAGE  # make a report; whoever reads all of its scopes reads it


def scopes_for(user: User) -> list[Scope]:
    """The scopes that “all” stands for: those in which ``user`` may make reports."""
    return list(Scope.objects.permitting(user, MAY).order_by("pk"))


@transaction.atomic
def order_report(
    *, scopes: Sequence[Scope], period: Period, by: User, at: datetime,
    since: datetime | None = None, until: datetime | None = None,
) -> Report:  # fmt: skip
    """Have a report on ``scopes`` made by a job; return it as it waits.

    ``since`` is for the custom period alone; ``until`` is now where nobody says. Raises NotAllowed, and
    BadInput where there is no scope or the period does not fit.
    """
    if not scopes:
        raise BadInput("scope", "there is none in which you may make reports")
    for scope in scopes:
        check_may(by, MAY, scope.pk)
    first, last = bounds_of(period, since=since, until=until, at=at)
    report = Report.objects.create(
        period=period.value, since=first, until=last, ordered_at=at, ordered_by=by
    )
    ReportScope.objects.bulk_create(
        ReportScope(report=report, scope=scope) for scope in sorted(scopes, key=lambda s: s.pk)
    )
    report.job = jobs.enqueue(kind=MAKE, subject_id=report.pk, at=at)
    report.save(update_fields=["job"])
    _tell(report, "ordered", by, at)
    return report


def make_report(job: Job) -> None:
    """The job of one report: count, freeze, tell its digest. A killed worker leaves an unused file at most."""
    report = Report.objects.select_related("ordered_by").get(pk=job.subject_id)
    scopes = list(report.scopes.select_related("policy", "priority_policy").order_by("pk"))
    ids = [scope.pk for scope in scopes]
    if report.state == ReportState.ORDERED:
        catch_up(ids)
        place_untold(ids)
        frame = Frame(tuple(ids), report.since, report.until)
        at = timezone.now()
        snapshot, rows = freeze(
            scopes, frame, period=report.period, ordered_by=report.ordered_by, at=at
        )
    with transaction.atomic():
        if not jobs.finish(job, timezone.now()) or report.state != ReportState.ORDERED:
            return
        report.state, report.made_at = ReportState.MADE.value, at
        report.snapshot_id, report.rows_id = snapshot, rows
        report.save(update_fields=["state", "made_at", "snapshot", "rows"])
        _tell(report, "made", None, at, snapshot_sha256=snapshot, rows_sha256=rows)


def _tell(report: Report, what: str, by: User | None, at: datetime, **more: str) -> None:
    """One event: on the scope's chain, or on the system's where the report is of several."""
    ids = list(report.parts.order_by("scope_id").values_list("scope_id", flat=True))
    append_event(
        scope_id=ids[0] if len(ids) == 1 else None, action=f"report.{what}", subject="report",
        subject_id=report.pk, by=by, at=at,
        data={"scopes": ids, "period": report.period, "since": report.since.isoformat(),
              "until": report.until.isoformat(), **more},
    )  # fmt: skip
