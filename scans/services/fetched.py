"""Taking in what a code host keeps: reports, and which scans contain a fix's merge. No network here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from core import blobs
from core.errors import BadInput, TooLarge
from core.events import append_event
from core.models import User
from core.permissions import Permission
from gate import facts as gate_facts
from gate.errors import InputError
from remediations.models import Remediation
from remediations.services import check_diff, check_git_id, locked
from remediations.statuses import RemediationState
from scans.models import Scan, ScanDescent
from scans.services.clearances import reopen_seen
from scans.services.uploads import store_scan, target_of, upload_key
from scans.services.verification import judge_remediation
from scans.statuses import FactSource, Relation
from scopes.access import check_may
from scopes.models import Asset, Line


def take_fetched_scan(
    *,
    asset: Asset,
    data: bytes,
    facts: Mapping[str, Any],
    by: User,
    at: datetime,
    line: Line | None = None,
    remediation: Remediation | None = None,
    control: bool = False,
) -> tuple[Scan, bool]:
    """Store a report as a code host keeps it, with a job to read it; return it and whether it is new.

    ``facts``: members of gate.evidence.ScanFacts by the host's word, ``uploader`` and
    ``uploader_kind`` where the host vouches for who made it. As uploads, it is stored once.
    """
    check_may(by, Permission.UPLOAD_SCAN, asset.scope_id)
    purpose, line, remediation = target_of(asset, line, remediation, control)
    if len(data) > settings.MAX_REPORT_BYTES:
        raise TooLarge(
            "report", f"larger than allowed ({len(data)} > {settings.MAX_REPORT_BYTES} bytes)"
        )
    known = {**facts, "source": FactSource.FETCHED.value}
    try:
        gate_facts.read({"after": known}, "facts")
    except InputError as error:
        raise BadInput(error.where, error.what) from error
    blob = blobs.store(data, at=at)
    scan = Scan(raw=blob, facts=known, source=FactSource.FETCHED)
    target = remediation.pk if remediation else line.pk if line else 0
    key = upload_key(purpose, target, blob.sha256, known)
    return store_scan(scan, "ingest", key, asset, purpose, line, remediation, by, at)


@transaction.atomic
def record_descent(
    *,
    scan: Scan,
    remediation: Remediation,
    relation: Relation,
    blobs: Mapping[str, str],
    merge_blobs: Mapping[str, str],
    base_blobs: Mapping[str, str],
    by: User,
    at: datetime,
    diff_to_base: str = "",
) -> ScanDescent:
    """Record how a scan's commit lies to a fix's merge, and judge the fix if the scan is read.

    ``blobs``, ``merge_blobs``, ``base_blobs``: path → blob id at the scanned commit, at the merge and
    at the fix's base, of the files that matter to the fix; ``diff_to_base``: of those, from a commit
    that precedes the fix to its base. The same again is the first row. Raises BadInput.
    """
    check_may(by, Permission.UPLOAD_SCAN, scan.scope_id)
    remediation = locked(remediation.pk)
    if remediation.state != RemediationState.MERGED or remediation.asset_id != scan.asset_id:
        raise BadInput("remediation", "is not merged, or of another asset than the scan")
    for blob in (*blobs.values(), *merge_blobs.values(), *base_blobs.values()):
        check_git_id("blobs", blob)
    if diff_to_base:
        check_diff("diff_to_base", diff_to_base.encode())
    row, is_new = ScanDescent.objects.get_or_create(
        scan=scan, remediation=remediation,
        defaults={
            "scope_id": scan.scope_id, "relation": relation, "merge_commit": remediation.merge_commit,
            "blobs": dict(blobs), "merge_blobs": dict(merge_blobs),
            "base_blobs": dict(base_blobs), "diff_to_base": diff_to_base, "source": FactSource.FETCHED, "at": at,
        },
    )  # fmt: skip
    if is_new:
        append_event(
            scope_id=scan.scope_id, action="scan.related", subject="scan", subject_id=scan.pk,
            by=by, at=at,
            data={"remediation": remediation.pk, "merge": remediation.merge_commit,
                  "relation": relation},
        )  # fmt: skip
        if scan.is_over and relation == Relation.REWRITES:
            reopen_seen(scan=scan, remediation=remediation, at=at)
        elif scan.is_over and relation != Relation.LACKS:
            judge_remediation(remediation.pk, at=at)
    return row
