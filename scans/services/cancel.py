"""Taking a scan back, whether it waits, runs or is read."""

from datetime import datetime

from django.db import transaction

from core import jobs
from core.errors import WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scans.models import Scan
from scans.services.attested import check_may_upload
from scans.statuses import ENDED, ScanState
from scopes.access import can


def why_not_cancel(scan: Scan, user: User) -> str:
    """Say why ``user`` cannot cancel the scan; empty: they can."""
    if scan.is_over:
        return "The scan is over."
    if not can(user, Permission.UPLOAD_SCAN, scan.scope_id):
        return "Your role in this scope does not allow you to order or cancel scans."
    return ""


@transaction.atomic
def cancel_scan(*, scan: Scan, by: User, at: datetime) -> Scan:
    """End a scan: one that waits at once, one that runs or is read within seconds.

    Its worker sees each second that it lost the job and writes nothing. The same report may be sent
    again and is then another scan. Raises WrongState when the scan is over.
    """
    check_may_upload(by, scan.asset)
    if refusal := why_not_cancel(scan, by):
        raise WrongState(refusal)
    error = f"cancelled by {by.username}"
    kind = "run" if scan.recipe else "ingest"
    if not jobs.withdraw(kind=kind, subject_id=scan.pk, at=at, error=error):
        raise WrongState("The scan is over.")
    open_scan = Scan.objects.filter(pk=scan.pk).exclude(state__in=ENDED)
    open_scan.update(
        state=ScanState.CANCELLED, error=error, finished_at=at, upload_key=f"cancelled {scan.pk}"
    )
    scan.refresh_from_db()
    append_event(
        scope_id=scan.scope_id, action="scan.cancelled", subject="scan", subject_id=scan.pk,
        by=by, at=at, data={"recipe": scan.recipe.get("name", "")},
    )  # fmt: skip
    return scan
