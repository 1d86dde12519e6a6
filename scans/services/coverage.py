"""Which classes of tools looked at an asset, when and at what; and where a look is missing.

Read from what is there: the last scan of each series, and scans that ended without a result. A fixed
number of statements for any number of assets.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, DateTimeField, Exists, Max, OuterRef, Q, QuerySet, Value, When

from core import bulk
from core.models import User
from findings.models import Series
from scans.models import Scan
from scans.results import ScanResults
from scans.statuses import Purpose, ScanState
from scopes.expectations import BY_KIND, CLASSES, FITS, expected_of
from scopes.models import Asset, Line, LineKind, Scope

FAILED = (ScanState.FAILED.value, ScanState.QUARANTINED.value)
DIFF = "diff"  # a scan of a change alone is no look at the whole
_WHOLE = Q(facts__scope__isnull=True) | ~Q(facts__scope=DIFF)


class Why(StrEnum):
    """What is missing."""

    NEVER = "never"
    OLD = "old"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Look:
    """The last time that a class of tools looked at a line, and with what."""

    tool_class: str
    tool: str
    line: Line
    scan: Scan
    at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A look that is missing. ``tool_class`` is empty where a scan failed before anybody knew it."""

    asset: Asset
    tool_class: str
    why: Why
    last: Look | None = None
    scan: Scan | None = None  # that failed


@dataclass(slots=True)
class Coverage:
    """An asset with the looks at it, newest first, and what is missing.

    ``lines``: its lines, the default one first; ``last``: by line, the last scan that was read.
    """

    asset: Asset
    expected: tuple[str, ...]
    fresh_days: int
    lines: list[Line] = field(default_factory=list)
    last: dict[int, Scan] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def coverage_of(assets: Sequence[Asset], *, at: datetime) -> list[Coverage]:
    """The coverage of some assets, in their order; their scopes should have been read with them.

    What is missing is told of the default line. Five statements.
    """
    ids = [asset.pk for asset in assets]
    lines = Line.objects.filter(asset__in=bulk.listed(ids)).order_by("kind", "name").in_bulk()
    series = list(Series.objects.filter(asset__in=bulk.listed(ids), last_scan_id__isnull=False))
    scans = _scans(row.last_scan_id or 0 for row in series)
    looks, failed = _looks(series, scans, lines), _failed(ids)
    last = {scan.line_id: scan for _, scan in sorted(scans.items()) if scan.line_id}
    by_asset: dict[int, list[Line]] = defaultdict(list)
    for line in lines.values():
        by_asset[line.asset_id].append(line)
    told = []
    for asset in assets:
        scope = asset.scope
        row = Coverage(asset, expected_of(asset.kind, scope.expected_classes), scope.fresh_days)
        row.lines = by_asset[asset.pk]
        row.last = {line.pk: last[line.pk] for line in row.lines if line.pk in last}
        row.looks = sorted(looks[asset.pk], key=lambda look: look.at, reverse=True)
        row.gaps = list(_gaps(row, failed[asset.pk], at))
        told.append(row)
    return told


def _looks(
    series: Sequence[Series], scans: dict[int, Scan], lines: dict[int, Line]
) -> dict[int, list[Look]]:
    of_changes = [row.pk for row in series if _is_diff(scans.get(row.last_scan_id or 0))]
    whole = _whole(of_changes) if of_changes else {}
    looks: dict[int, list[Look]] = defaultdict(list)
    for row in series:
        scan = scans.get(row.last_scan_id or 0)
        if _is_diff(scan):
            scan = whole.get(row.pk)
        if scan is not None:
            at = scan.finished_at or row.last_at
            looks[row.asset_id].append(
                Look(scan.tool_class, row.tool, lines[row.line_id], scan, at)
            )
    return looks


def _scans(ids: Iterable[int]) -> dict[int, Scan]:
    rows = Scan.objects.filter(pk__in=bulk.listed(ids)).defer("log", "problems", "recipe")
    return rows.in_bulk()


def _is_diff(scan: Scan | None) -> bool:
    return scan is not None and scan.facts.get("scope") == DIFF


def _whole(series: Sequence[int]) -> dict[int, Scan]:
    """The newest scans of the whole, of series whose last is of a change. Two statements."""
    rows = ScanResults.objects.filter(series__in=bulk.listed(series)).filter(
        Q(scan__facts__scope__isnull=True) | ~Q(scan__facts__scope=DIFF)
    )
    newest = dict(rows.order_by().values_list("series").annotate(newest=Max("scan")))
    scans = _scans(newest.values())
    return {pk: scans[scan] for pk, scan in newest.items()}


def _failed(ids: Sequence[int]) -> dict[int, list[Scan]]:
    """The last scan of each class on default lines, where it has failed."""
    rows = without_result().filter(asset__in=bulk.listed(ids)).order_by()
    last = rows.values("asset", "tool_class").annotate(last=Max("pk")).values("last")
    told: dict[int, list[Scan]] = defaultdict(list)
    for scan in Scan.objects.filter(pk__in=last).order_by("-pk").defer("log", "problems", "facts"):
        told[scan.asset_id].append(scan)
    return told


def without_result() -> QuerySet[Scan]:
    """Scans of default lines that failed, and that no later one of their class came after."""
    done = Scan.objects.filter(
        line=OuterRef("line"), state=ScanState.DONE, pk__gt=OuterRef("pk"), purpose=Purpose.LINE
    )
    of_its_class = done.filter(tool_class=OuterRef("tool_class"))
    rows = Scan.objects.filter(
        state__in=FAILED, purpose=Purpose.LINE, line__kind=LineKind.DEFAULT
    )  # fmt: skip
    return rows.filter(Q(tool_class="") & ~Exists(done) | ~Q(tool_class="") & ~Exists(of_its_class))


def _gaps(row: Coverage, failed: Iterable[Scan], at: datetime) -> Iterable[Gap]:
    of_default = [look for look in row.looks if look.line.kind == LineKind.DEFAULT]
    newest = {look.tool_class: look for look in reversed(of_default)}
    by_class = {scan.tool_class: scan for scan in failed}
    since = at - timedelta(days=row.fresh_days)
    for name in row.expected:
        look, scan = newest.get(name), by_class.pop(name, None)
        if scan is not None:
            yield Gap(row.asset, name, Why.FAILED, look, scan)
        elif look is None:
            yield Gap(row.asset, name, Why.NEVER)
        elif look.at < since:
            yield Gap(row.asset, name, Why.OLD, look)
    for name, scan in by_class.items():  # of a class that nobody asks for, or that nobody knows
        yield Gap(row.asset, name, Why.FAILED, newest.get(name), scan)


# --- which assets have a gap ---------------------------------------------------------------------
def assets_with_gaps(
    user: User | AnonymousUser, *, at: datetime, scope: Scope | None = None
) -> QuerySet[Asset]:
    """Assets that ``user`` may see and where a look is missing, as ``coverage_of`` tells it.

    One statement before the one that the rows take.
    """
    scopes = Scope.objects.visible_to(user)
    if scope is not None:
        scopes = scopes.filter(pk=scope.pk)
    told = list(scopes.values_list("pk", "expected_classes", "fresh_days"))
    assets = Asset.objects.filter(scope__in=[pk for pk, _, _ in told])
    missing: Any = Q(pk__in=without_result().values("asset"))
    since = _since({days for _, _, days in told}, at)
    for name in CLASSES:
        expects = _expects(name, told)
        if expects is not None:
            missing |= expects & ~Exists(_fresh(name))
    return assets.annotate(_since=since).filter(missing) if told else assets.none()


def _since(days: Iterable[int], at: datetime) -> Case:
    """The moment from which on a look is fresh, by the days of the asset's scope."""
    return Case(
        *(When(scope__fresh_days=n, then=Value(at - timedelta(days=n))) for n in sorted(days)),
        default=Value(at),
        output_field=DateTimeField(),
    )


def _expects(name: str, told: Sequence[tuple[int, list[str], int]]) -> Q | None:
    """Which assets should be looked at by a class; None: none."""
    by_scope = [pk for pk, classes, _ in told if name in classes]
    by_kind = [pk for pk, classes, _ in told if not classes]
    default = [kind for kind, classes in BY_KIND.items() if name in classes]
    fits = [kind for kind, classes in FITS.items() if name in classes]
    asked = Q()
    if by_scope:
        asked |= Q(scope__in=by_scope, kind__in=fits)
    if by_kind and default:
        asked |= Q(scope__in=by_kind, kind__in=default)
    return asked or None


def _fresh(name: str) -> QuerySet[Any]:
    """Series of the default line that a class looked at lately: by their last scan, or the last whole one."""
    last = Scan.objects.filter(pk=OuterRef("last_scan_id"), tool_class=name)
    whole = Scan.objects.filter(
        _WHOLE, results__series=OuterRef("pk"), finished_at__gte=OuterRef(OuterRef("_since"))
    )
    of_a_change = Exists(last.filter(facts__scope=DIFF)) & Exists(whole)
    of_all = Exists(last.filter(_WHOLE, finished_at__gte=OuterRef(OuterRef("_since"))))
    return Series.objects.filter(
        of_all | of_a_change, asset=OuterRef("pk"), line__kind=LineKind.DEFAULT
    )
