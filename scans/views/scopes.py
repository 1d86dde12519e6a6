"""Scopes and one scope: who owns it, how it is judged, what is watched, who may."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.history import tell
from core.listing import listing
from core.models import ChainHead, Event
from core.permissions import ROLE_PERMISSIONS, Permission, Role
from core.views import person
from findings.models import Finding, Tally
from findings.statuses import OPEN, Severity, Status
from scans.inbox import InboxReport
from scans.models import ScanSchedule
from scans.services.coverage import Coverage, assets_with_gaps, coverage_of
from scopes.access import can
from scopes.filters import ScopeFilter
from scopes.models import Asset, Line, Scope, Team
from scopes.regulations import BY_CODE
from scopes.scoping_forms import TeamForm

MOST_ASSETS = 100
MOST_TEAMS = 100


@require_GET
def scopes(request: HttpRequest) -> HttpResponse:
    rows = Scope.objects.visible_to(request.user).select_related("policy").order_by("name", "id")
    listed = listing(request, ScopeFilter, rows)
    ids = [scope.pk for scope in listed.page.rows]
    counts = _counts(ids)
    context = {
        "listed": listed,
        "rows": [{"scope": s, "counts": counts[s.pk]} for s in listed.page.rows],
    }
    return render(request, "scopes/list.html", context)


def _counts(scope_ids: list[int]) -> dict[int, dict[str, int]]:
    rows = Tally.objects.filter(scope__in=scope_ids).order_by().values("scope_id")
    told = rows.annotate(
        open=Sum("n", filter=Q(status__in=OPEN, set_aside=""), default=0),
        awaiting=Sum("n", filter=Q(status=Status.AWAITING_VERIFICATION, set_aside=""), default=0),
        aside=Sum("n", filter=Q(status__in=OPEN) & ~Q(set_aside=""), default=0),
        complete=Sum("n", filter=Q(status=Status.MOBILIZATION_COMPLETE), default=0),
    )
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for row in told:
        counts[row["scope_id"]] = {
            name: row[name] for name in ("open", "awaiting", "aside", "complete")
        }
    return counts


@require_GET
def scope(request: HttpRequest, slug: str) -> HttpResponse:
    rows = Scope.objects.visible_to(request.user).select_related(
        "policy", "priority_policy", "owner_team"
    )
    shown = get_object_or_404(rows, slug=slug)
    assets = list(Asset.objects.filter(scope=shown).order_by("name")[:MOST_ASSETS])
    for asset in assets:
        asset.scope = shown
    now = timezone.now()
    context = {
        "scope": shown,
        "counts": _counts([shown.pk])[shown.pk],
        "sla": [(s.value, shown.sla_days.get(s.value)) for s in Severity],
        "assets": _assets(coverage_of(assets, at=now)),
        "with_gaps": assets_with_gaps(request.user, at=now, scope=shown).count(),
        "waiting": InboxReport.objects.waiting().filter(scope=shown).count(),
        "regulations": [BY_CODE[code] for code in shown.regulations if code in BY_CODE],
        "teams": _teams(shown),
        "team_form": TeamForm(auto_id="team-%s"),
        "may_change": can(person(request), Permission.ADMINISTER, shown.pk),
        "members": _members(shown),
        "head": ChainHead.objects.filter(pk=f"scope:{shown.pk}").first(),
        "history": tell(
            Event.objects.filter(scope_id=shown.pk).select_related("actor").order_by("-id")[:20]
        ),
    }
    return render(request, "scopes/detail.html", context)


def _assets(told: Sequence[Coverage]) -> list[dict[str, Any]]:
    """Assets with their gaps and lines, each with its last scan and its open findings. Three queries."""
    lines = [line for row in told for line in row.lines]
    daily: dict[int, list[ScanSchedule]] = defaultdict(list)
    of_lines = ScanSchedule.objects.filter(line__in=[line.pk for line in lines])
    for schedule in of_lines.order_by("recipe"):
        daily[schedule.line_id].append(schedule)
    open_by_line = _open(lines)
    return [
        {
            "asset": row.asset,
            "gaps": row.gaps,
            "lines": [
                {"line": line, "scan": row.last.get(line.pk), "daily": daily[line.pk],
                 "open": open_by_line.get(line.pk, 0)}
                for line in row.lines
            ],
        }
        for row in told
    ]  # fmt: skip


def _open(lines: list[Line]) -> dict[int, int]:
    """Line → its open findings. What is the only line of its asset has all of the asset's."""
    beside = Counter(line.asset_id for line in lines)
    several = [line.pk for line in lines if beside[line.asset_id] > 1]
    counted = Finding.objects.open().filter(line__in=several).order_by().values_list("line_id")
    by_line = dict(counted.annotate(n=Count("pk"))) if several else {}
    tallied = Tally.objects.open().filter(asset__in=beside).order_by().values_list("asset_id")
    by_asset = dict(tallied.annotate(total=Sum("n")))
    alone = {
        line.pk: by_asset.get(line.asset_id, 0) for line in lines if line.pk not in set(several)
    }
    return {**by_line, **alone}


def _teams(shown: Scope) -> list[dict[str, Any]]:
    """Teams with who is on them. Two statements."""
    rows = Team.objects.filter(scope=shown).prefetch_related("members").order_by("name")
    return [{"team": team, "members": list(team.members.all())} for team in rows[:MOST_TEAMS]]


def _members(shown: Scope) -> list[dict[str, Any]]:
    rows = shown.memberships.select_related("user").order_by("role", "user__username")[:200]
    return [
        {
            "user": row.user,
            "role": row.role,
            "may": sorted(p.value.replace("_", " ") for p in ROLE_PERMISSIONS[Role(row.role)]),
        }
        for row in rows
    ]
