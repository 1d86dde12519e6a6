"""The archive of reports, making one, one of them, the findings behind it, its files."""

from collections.abc import Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from core.errors import Refused
from core.listing import listing
from core.views import person, refuse_form
from reports.drawing import Link
from reports.filters import ReportFilter
from reports.forms import FrameForm
from reports.handing import hand_out
from reports.metrics.behind import CLAIMED, COLUMNS
from reports.models import Report
from reports.renderers.forms import FORMS
from reports.services.behind import CLOSING, OPENING
from reports.services.reports import order_report, scopes_for
from reports.services.snapshots import read_rows, read_snapshot
from reports.statuses import IS_OPEN, Bar
from reports.views.frames import drawn
from reports.views.overview import NAMES
from scopes.models import Scope

PAGE = 50
MOST_PAGES = 2_000


def _visible(request: HttpRequest) -> QuerySet[Report]:
    rows = Report.objects.visible_to(request.user).select_related("ordered_by", "job")
    return rows.prefetch_related("parts__scope")


@require_http_methods(["GET", "POST"])
def reports(request: HttpRequest) -> HttpResponse:
    scopes = scopes_for(person(request))
    if request.method == "POST":
        return _make(request, scopes)
    context = {
        "listed": listing(request, ReportFilter, _visible(request).order_by("-until", "-id")),
        "form": FrameForm(scopes=scopes) if scopes else None,
    }
    return render(request, "reports/list.html", context)


def _make(request: HttpRequest, scopes: Sequence[Scope]) -> HttpResponse:
    at = timezone.now()
    form = FrameForm(request.POST, scopes=scopes)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("reports"))
    wanted = form.cleaned_data["scope"]
    chosen = [scope for scope in scopes if wanted is None or scope.pk == wanted]
    try:
        report = order_report(scopes=chosen, by=person(request), at=at, **form.bounds(at))
    except Refused as error:
        messages.error(request, str(error))
        return redirect("reports")
    messages.success(request, "The report is being made.")
    return redirect(report)


@require_GET
def report(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_visible(request), pk=pk)
    context: dict[str, Any] = {"report": row, "forms": FORMS}
    if row.snapshot_id is not None:
        snapshot = read_snapshot(row.snapshot_id)
        context |= {"snapshot": snapshot, "definitions": snapshot["definitions"]}
        context |= drawn(snapshot["figures"], _link(row))
    return render(request, "reports/detail.html", context)


def _link(report: Report) -> Link:
    address = reverse("period-report-findings", args=[report.pk])

    def link(what: str, value: str = "") -> str:
        return f"{address}?{urlencode({what: value} if value else {'bar': what})}"

    return link


@require_GET
def findings(request: HttpRequest, pk: int) -> HttpResponse:
    """The frozen rows, narrowed to one cause (as often as it moved so) or stage."""
    row = get_object_or_404(_visible(request), pk=pk)
    what, stage = request.GET.get("bar", ""), request.GET.get("stage", "")
    number = _page(request.GET.get("page", ""))
    rows: list[dict[str, Any]] = []
    if row.rows_id is not None:
        found = (told for told in read_rows(row.rows_id) for _ in range(_times(told, what, stage)))
        rows = list(islice(found, (number - 1) * PAGE, number * PAGE + 1))
    query = {name: value for name, value in (("bar", what), ("stage", stage)) if value}
    context = {
        "report": row,
        "rows": rows[:PAGE],
        "name": NAMES.get(what, "Findings"),
        "stage": stage,
        "columns": COLUMNS,
        "number": number,
        "previous": urlencode({**query, "page": number - 1}) if number > 1 else "",
        "next": urlencode({**query, "page": number + 1}) if len(rows) > PAGE else "",
    }
    return render(request, "reports/findings.html", context)


def _page(text: str) -> int:
    if not text:
        return 1
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_PAGES:
        raise Http404
    return int(text[:9])


def _times(row: dict[str, str], what: str, stage: str) -> int:
    """How often a row counts for what is asked."""
    if stage:
        return int(row["status_at_end"] == stage)
    if what == OPENING:
        return int(row["open_before"] == "yes")
    if what == CLOSING:
        return int(row["status_at_end"] in IS_OPEN)
    if what == CLAIMED:
        return int(row["claimed"])
    if what in {bar.value for bar in Bar}:
        return row["causes"].split().count(what)
    return 1


@require_GET
def file(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    if form not in FORMS:
        raise Http404
    return hand_out(get_object_or_404(_visible(request), pk=pk), form)
