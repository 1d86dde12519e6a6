"""Reports of assets that nobody has told us of: kept whole, then placed onto an asset or rejected.

What is placed is an upload like any other, by who brought it; nothing is lost on the way.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
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
from scans.inbox import InboxReport, InboxReportQuerySet, InboxState
from scans.models import Scan
from scans.services.attested import check_not_a_run
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

    With it those that wait under the same name and whose line is there, at most MOST_PLACED, the oldest
    first, so that each is compared with the one before it. ``line``: onto which line, else the one that
    each names, else the default one. Not for a run of a pipeline: it has no say over what others sent.
    Raises WrongState when somebody else was faster, BadInput for another scope's asset or a line that
    is not there.
    """
    check_may(by, Permission.UPLOAD_SCAN, report.scope_id)
    check_not_a_run(by, "Placing a report")
    if asset.scope_id != report.scope_id:
        raise BadInput("asset", "is of another scope")
    lines = [row.name for row in asset.lines.all()]
    return _place(report, _locked(report, line, lines), asset, line, by, at)


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
    line = default_line or report.line or "main"
    chosen = _locked(
        report, "", [line]
    )  # before the first event, as whoever places on what is there
    asset = create_asset(
        scope=report.scope, name=name or report.asset_name or name_of(report.repository),
        repository=report.repository, kind=kind, default_line=line, by=by, at=at,
    )  # fmt: skip
    return _place(report, chosen, asset, "", by, at)


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


def of_its_name(report: InboxReport) -> InboxReportQuerySet:
    """What waits under the name of a report."""
    return InboxReport.objects.waiting().filter(
        scope=report.scope_id, asset_name=report.asset_name, repository=report.repository
    )


def _fitting(report: InboxReport, line: str, lines: Sequence[str]) -> InboxReportQuerySet:
    """Those of them that an asset with these lines can take; all of them where the line is given."""
    waiting = of_its_name(report)
    return waiting if line else waiting.filter(line__in=["", *lines])


def _locked(report: InboxReport, line: str, lines: Sequence[str]) -> list[InboxReport]:
    """The reports to be placed, locked in the order of arrival. Raises WrongState and BadInput."""
    rows = _fitting(report, line, lines).select_for_update(of=("self",), no_key=True)
    chosen = list(rows.order_by("pk")[:MOST_PLACED])
    _check_undecided(InboxReport.objects.get(pk=report.pk))
    wanted = line or report.line
    if wanted and wanted not in lines:
        known = ", ".join(sorted(lines))
        raise BadInput("line", f"{wanted[:80]!r} is no line of the asset: {known}")
    return chosen


def _place(
    report: InboxReport, chosen: Sequence[InboxReport], asset: Asset, line: str, by: User,
    at: datetime,
) -> Placed:  # fmt: skip
    """Make uploads of the reports that were locked, and tell what still waits."""
    lines = {row.name: row for row in asset.lines.all()}
    default = next(row for row in lines.values() if row.kind == LineKind.DEFAULT)
    scans = [
        _become_scan(one, asset, lines.get(line or one.line, default), by, at) for one in chosen
    ]
    if report.asset_name or report.repository != asset.repository:
        # Of two names the first alone: what else is in the repository has names of its own.
        remember_alias(asset=asset, name=report.asset_name or report.repository, by=by, at=at)
    left = of_its_name(report).count()
    append_event(
        scope_id=report.scope_id, action="inbox.placed", subject="inbox", subject_id=report.pk,
        by=by, at=at,
        data={"name": str(report), "asset": asset.pk, "scans": [scan.pk for scan in scans],
              "left": left},
    )  # fmt: skip
    return Placed(asset, scans, left, _why_left(report, line, list(lines)) if left else "")


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


def _why_left(report: InboxReport, line: str, lines: Sequence[str]) -> str:
    if _fitting(report, line, lines).exists():
        return f"at most {MOST_PLACED} are placed at once"
    others = of_its_name(report).order_by("line").values_list("line", flat=True).distinct()
    return f"no line of the asset: {', '.join(others[:5])}"
