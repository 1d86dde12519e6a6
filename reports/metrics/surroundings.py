"""What a backlog is to be read with: how far we look, which risks are carried, what was certified.

Coverage and carried risks are told as of now; they have no past here.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery

from findings.models import Finding, RiskAcceptance
from findings.statuses import Status
from remediations.models import Waiver
from reports.metrics.frame import Frame
from reports.metrics.sizes import Share, Spread
from scans.history import HistoricClosure
from scans.models import Clearance
from scans.services.coverage import Coverage, Why, coverage_of
from scopes.models import Asset, LineKind, Scope

SOON = timedelta(days=30)
PART = 1_000  # assets that are looked at together
MOST_LISTED = 50


def coverage(frame: Frame, at: datetime) -> dict[str, Any]:
    """Of the looks that are expected (an asset, a class of tools): how many are there, and fresh."""
    assets = Asset.objects.filter(scope__in=frame.scopes).select_related("scope").order_by("pk")
    found: Counter[str] = Counter()
    ages: list[float] = []
    last = 0
    while part := list(assets.filter(pk__gt=last)[:PART]):
        last = part[-1].pk
        for row in coverage_of(part, at=at):
            _count(row, found, ages, at)
    expected = found["expected"]
    gaps = {why.value: found[why.value] for why in Why}
    return {
        "assets": found["assets"],
        "fresh": Share(expected - found["missing"], expected).to_dict(),
        "gaps": gaps,
        "age_of_looks": Spread.of(ages).to_dict(),
    }


def _count(row: Coverage, found: Counter[str], ages: list[float], at: datetime) -> None:
    found["assets"] += 1
    found["expected"] += len(row.expected)
    found["missing"] += len({gap.tool_class for gap in row.gaps} & set(row.expected))
    found.update(gap.why.value for gap in row.gaps)
    newest: dict[str, datetime] = {}
    for look in row.looks:
        if look.line.kind == LineKind.DEFAULT and look.tool_class in row.expected:
            newest[look.tool_class] = max(look.at, newest.get(look.tool_class, look.at))
    ages += [(at - seen) / timedelta(days=1) for seen in newest.values()]


def exceptions(frame: Frame, at: datetime) -> dict[str, Any]:
    """Risks that are carried now, which end first; what was decided in the frame's time."""
    within = Q(approved_at__gt=frame.since, approved_at__lte=frame.until)
    decided = RiskAcceptance.objects.filter(within, finding__scope__in=frame.scopes)
    newest = RiskAcceptance.objects.filter(finding=OuterRef("pk"), approved_at__isnull=False)
    carried = Finding.objects.filter(scope__in=frame.scopes, status=Status.RISK_ACCEPTED).annotate(
        carried_until=Subquery(newest.order_by("-approved_at", "-pk").values("until")[:1])
    )
    numbers = carried.aggregate(
        n=Count("pk"),
        soon=Count("pk", filter=Q(carried_until__lte=(at + SOON).date())),
        untold=Count("pk", filter=Q(carried_until__isnull=True)),
    )
    first = carried.filter(carried_until__isnull=False).order_by("carried_until", "pk")
    waivers = Waiver.objects.filter(scope__in=frame.scopes, at__gt=frame.since, at__lte=frame.until)
    return {
        "carried": numbers["n"],
        "ending_within_30_days": numbers["soon"],
        "without_an_end": numbers["untold"],
        "decided": decided.count(),
        "decided_alone": decided.filter(alone=True).count(),
        "waivers": waivers.count(),
        "first_to_end": [
            {"finding": pk, "title": title, "severity": severity, "until": until.isoformat()}
            for pk, title, severity, until in first.values_list(
                "pk", "title", "severity", "carried_until"
            )[:MOST_LISTED]
        ],
    }


def certificates(frame: Frame) -> dict[str, int]:
    """Certificates that were issued, and revoked, in the frame's time."""
    rows = Clearance.objects.filter(scope__in=frame.scopes)
    return {
        "issued": rows.filter(issued_at__gt=frame.since, issued_at__lte=frame.until).count(),
        "revoked": rows.filter(revoked_at__gt=frame.since, revoked_at__lte=frame.until).count(),
    }


def told_elsewhere(frame: Frame) -> dict[str, int]:
    """Closures of the frame's time that another place told, and those of them before we began to count."""
    rows = HistoricClosure.objects.filter(
        scope__in=frame.scopes, closed_at__gt=frame.since, closed_at__lte=frame.until
    )
    days = dict(Scope.objects.filter(pk__in=frame.scopes).values_list("pk", "adopted_on"))
    told = rows.values_list("scope_id", "closed_at")
    early = sum(at.date() < days[scope] for scope, at in told.iterator(chunk_size=10_000))
    return {"closures": rows.count(), "before_adoption": early}
