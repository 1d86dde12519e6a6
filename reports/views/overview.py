"""How we are doing, and the findings behind each number of it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.listing import listing
from findings.models import Finding
from reports.filters import BehindFilter
from reports.metrics.definitions import DEFINITIONS
from reports.services.asking import ask_figures
from reports.services.behind import CLAIMED, CLOSING, OPENING
from reports.statuses import Bar
from reports.views.frames import asked, drawn, link_to_now
from scans.services.audit import answer_last_closed
from scopes.models import Scope

LAST = 10
NAMES = {OPENING: "Open before", CLOSING: "Open at the end", CLAIMED: "Claimed"} | {
    bar.value: bar.label for bar in Bar
}


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    at, scopes = timezone.now(), list(Scope.objects.visible_to(request.user).order_by("name"))
    told = asked(request, scopes, at)
    context: dict[str, Any] = {"asked": told, "frame": told.frame, "definitions": DEFINITIONS}
    if told.frame is not None and scopes:
        figures = ask_figures(told.frame, at=at)
        last = answer_last_closed(request.user, n=LAST, origin="ai", scopes=told.frame.scopes)
        context |= drawn(figures, link_to_now(told.frame, told.scope))
        context |= {
            "last": last.rows,
            "last_yes": last.counts["yes"],
            "last_none": range(LAST - len(last.rows)),
        }
    return render(request, "reports/overview.html", context, status=200 if told.frame else 400)


@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    rows = Finding.objects.visible_to(request.user).select_related("scope", "asset")
    listed = listing(request, BehindFilter, rows.order_by("-priority_score", "-id"))
    what = request.GET.get("bar", "")
    context = {
        "listed": listed,
        "name": NAMES.get(what, "Findings behind a figure"),
        "definition": DEFINITIONS.get(what),
    }
    return render(request, "reports/changes.html", context)
