"""Reports of assets that nobody has told us of: kept whole, then placed onto an asset or rejected.

What is placed is an upload like any other, by who brought it; nothing is lost on the way.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from core import blobs
from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scans.inbox import InboxReport, InboxState
from scans.models import Scan
from scans.services.attested import check_may_upload
from scans.services.uploads import bounded, checked_facts, store_scan, upload_key
from scans.statuses import FactSource, Purpose
from scopes.access import check_may
from scopes.models import Asset, Line, LineKind, Scope
from scopes.services import create_asset
from scopes.services.links import remember_alias
from scopes.workloads import workload_of

MOST_PLACED = 200  # reports of one name that are placed together


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of the reports of one name. ``left``: those that still wait, and why they do."""

    asset: Asset
    scans: list[Scan]
    left: int
    why_left: str = ""

    @property
    def scan_ids(self) -> list[int]:
        return [scan.pk for scan in self.scans]


def keep_report(
    *,
    scope: Scope,
    data: bytes | Iterable[bytes],
    facts: Mapping[str, Any],
    by: User,
    at: datetime,
    asset_name: str = "",
    repository: str = "",
    line: str = "",
) -> tuple[InboxReport, bool]:
    """Keep a report of an asset that is not there; return its entry and whether it is new.

    As ``upload_scan``; the same bytes, facts and names again are the first entry, whatever became of
    it. Who came as a run of a pipeline has one asset, so nothing of others is kept.
    """
    check_may(by, Permission.UPLOAD_SCAN, scope.pk)
    if workload_of(by) is not None:
        raise NotAllowed("This pipeline uploads for one asset: give its id.")
    if not asset_name and not repository:
        raise BadInput("asset_name", "is missing, and so are asset and repository")
    known = checked_facts(facts, by)
    blocks = [data] if isinstance(data, bytes) else data
    blob = blobs.store_stream(bounded(blocks, settings.MAX_REPORT_BYTES), at=at)
    report = InboxReport(
        scope=scope, asset_name=asset_name, repository=repository, line=line, raw=blob,
        facts=known, created_at=at, created_by=by,
    )  # fmt: skip
    report.upload_key = _key(report)
    return _stored(report, by, at)


def _key(report: InboxReport) -> str:
    told = [report.asset_name, report.repository, report.line, report.raw_id, report.facts]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@transaction.atomic
def _stored(report: InboxReport, by: User, at: datetime) -> tuple[InboxReport, bool]:
    try:
        with transaction.atomic():
            report.save(force_insert=True)
    except IntegrityError:
        rows = InboxReport.objects.filter(scope=report.scope_id, upload_key=report.upload_key)
        first = rows.first()
        if first is None:
            raise
        return first, False
    append_event(
        scope_id=report.scope_id, action="inbox.received", subject="inbox", subject_id=report.pk,
        by=by, at=at,
        data={"name": str(report), "sha256": report.raw_id,
              "commit": str(report.facts.get("commit", ""))},
    )  # fmt: skip
    return report, True


@transaction.atomic
def place_report(
    *, report: InboxReport, asset: Asset, by: User, at: datetime, line: str = ""
) -> Placed:
    """Place a report onto an asset: it becomes an upload of it, and the name is remembered.

    With it all that wait under the same name, the oldest first, so that each is compared with the one
    before it. ``line``: onto which line, else the one that each names, else the default one. Raises
    WrongState when somebody else was faster, BadInput for another scope's asset or a line that is not
    there.
    """
    check_may(by, Permission.UPLOAD_SCAN, report.scope_id)
    if asset.scope_id != report.scope_id:
        raise BadInput("asset", "is of another scope")
    check_may_upload(by, asset)
    waiting = _of_its_name(report)
    lines = {row.name: row for row in asset.lines.all()}
    _check_waits(report, waiting, line or report.line, lines)
    default = next(row for row in lines.values() if row.kind == LineKind.DEFAULT)
    scans = []
    for one in waiting[:MOST_PLACED]:
        name = line or one.line
        if not name or name in lines:
            scans.append(_become_scan(one, asset, lines.get(name, default), by, at))
    for name in {report.asset_name, report.repository} - {"", asset.name, asset.repository}:
        remember_alias(asset=asset, name=name, by=by, at=at)
    left = len(waiting) - len(scans)
    append_event(
        scope_id=report.scope_id, action="inbox.placed", subject="inbox", subject_id=report.pk,
        by=by, at=at,
        data={"name": str(report), "asset": asset.pk, "scans": [scan.pk for scan in scans],
              "left": left},
    )  # fmt: skip
    return Placed(asset, scans, left, _why_left(waiting, lines) if left else "")


@transaction.atomic
def place_on_new_asset(
    *,
    report: InboxReport,
    by: User,
    at: datetime,
    name: str = "",
    kind: str = "repository",
    default_line: str = "",
) -> Placed:
    """Create the asset that a report is of, and place it there. For administrators.

    ``name`` left out: as the report says. Raises WrongState when there is an asset of this name.
    """
    check_may(by, Permission.ADMINISTER, report.scope_id)
    _check_undecided(
        InboxReport.objects.select_for_update(of=("self",), no_key=True).get(pk=report.pk)
    )
    asset = create_asset(
        scope=report.scope, name=name or report.asset_name or name_of(report.repository),
        repository=report.repository, kind=kind, default_line=default_line or report.line or "main",
        by=by, at=at,
    )  # fmt: skip
    return place_report(report=report, asset=asset, by=by, at=at)


@transaction.atomic
def reject_report(*, report: InboxReport, reason: str, by: User, at: datetime) -> InboxReport:
    """Turn a report away for a reason. It is kept, and listed under rejected. For administrators."""
    check_may(by, Permission.ADMINISTER, report.scope_id)
    if not reason.strip():
        raise BadInput("reason", "must not be empty")
    report = InboxReport.objects.select_for_update(of=("self",), no_key=True).get(pk=report.pk)
    _check_undecided(report)
    report.state, report.reason = InboxState.REJECTED.value, reason
    report.decided_at, report.decided_by = at, by
    report.save()
    append_event(
        scope_id=report.scope_id, action="inbox.rejected", subject="inbox", subject_id=report.pk,
        by=by, at=at, data={"name": str(report), "reason": reason},
    )  # fmt: skip
    return report


def name_of(repository: str) -> str:
    """What an asset at this address may be called: the end of it."""
    return repository.rstrip("/").removesuffix(".git").rpartition("/")[2][:200] or repository[:200]


def _of_its_name(report: InboxReport) -> list[InboxReport]:
    """What waits under the name of a report, locked in the order of arrival."""
    rows = InboxReport.objects.waiting().filter(
        scope=report.scope_id, asset_name=report.asset_name, repository=report.repository
    )
    return list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _check_waits(
    report: InboxReport, waiting: list[InboxReport], line: str, lines: Mapping[str, Line]
) -> None:
    if report.pk not in {one.pk for one in waiting}:
        _check_undecided(InboxReport.objects.get(pk=report.pk))
    if line and line not in lines:
        raise BadInput("line", f"{line[:80]!r} is no line of the asset: {', '.join(sorted(lines))}")


def _check_undecided(report: InboxReport) -> None:
    if report.state != InboxState.WAITING:
        raise WrongState(f"The report was {report.state} meanwhile, by {report.decided_by}.")


def _become_scan(report: InboxReport, asset: Asset, line: Line, by: User, at: datetime) -> Scan:
    """The upload that a report would have been, had its asset been there; by who brought it."""
    scan = Scan(raw_id=report.raw_id, facts=report.facts, source=FactSource(report.facts["source"]))
    key = upload_key(Purpose.LINE, line.pk, report.raw_id, report.facts)
    scan, _ = store_scan(
        scan, "ingest", key, asset, Purpose.LINE, line, None, report.created_by, at
    )
    report.state, report.asset, report.scan_id = InboxState.PLACED.value, asset, scan.pk
    report.decided_at, report.decided_by = at, by
    report.save()
    return scan


def _why_left(waiting: list[InboxReport], lines: Mapping[str, Line]) -> str:
    others = sorted({one.line for one in waiting if one.line and one.line not in lines})
    if others:
        return f"no line of the asset: {', '.join(others[:5])}"
    return f"at most {MOST_PLACED} are placed at once"
