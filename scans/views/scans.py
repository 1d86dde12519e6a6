"""The list of scans, one scan with its progress, its raw file."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.listing import listing, toggled
from core.views import person
from findings.models import Sighting
from scans.filters import ScanFilter
from scans.models import Scan, VerificationScan
from scans.services.cancel import why_not_cancel
from scans.services.handouts import report_of
from scans.statuses import Purpose, ScanState

STEPS = {  # state → what a person reads while it lasts
    "received": "Waiting for a worker",
    "scanning": "The scanner is running",
    "parsing": "Reading the report",
    "applying": "Matching results with findings",
}
SHOWN_FACTS = (
    "commit", "tree", "scope", "tool_class", "category", "config_digest", "version", "command",
    "exit_code", "started_at", "finished_at", "vendor", "model", "agent_run", "uploader",
    "uploader_kind",
)  # fmt: skip
LONG_FACTS = ("attested_by", "files_scanned", "rules", "parents", "blobs")
COUNTS = ("results", "new", "unchanged", "moved", "absent", "unknown", "suppressed")
MOST = 50  # rows of a list inside a page


@require_GET
def scans(request: HttpRequest) -> HttpResponse:
    rows = Scan.objects.visible_to(request.user).select_related(
        "scope", "asset", "line", "remediation", "created_by"
    )
    rows = rows.defer("facts", "log", "recipe", "remediation__commits").order_by("-id")
    listed = listing(request, ScanFilter, rows)
    context = {
        "listed": listed,
        "purposes": _choices(listed.query, "purpose", Purpose),
        "states": _choices(listed.query, "state", ScanState),
    }
    return render(request, "scans/list.html", context)


def _choices(query: Any, name: str, values: Any) -> list[dict[str, Any]]:
    chosen = query.getlist(name)
    return [
        {
            "words": v.value.replace("_", " "),
            "url": toggled(query, name, v.value),
            "active": v.value in chosen,
        }
        for v in values
    ]


def _visible_scan(request: HttpRequest, pk: int) -> Scan:
    rows = Scan.objects.visible_to(request.user).select_related(
        "scope", "asset", "line", "remediation", "created_by", "raw"
    )
    return get_object_or_404(rows, pk=pk)


@require_GET
def scan(request: HttpRequest, pk: int) -> HttpResponse:
    shown = _visible_scan(request, pk)
    seen = Sighting.objects.filter(scan_id=shown.pk).select_related("finding")
    roles = VerificationScan.objects.filter(scan=shown).select_related(
        "verification__finding", "verification__remediation"
    )
    context = {
        "scan": shown,
        "step": STEPS.get(shown.state, ""),
        "recipe": shown.recipe.get("name", ""),
        "cancel_refusal": why_not_cancel(shown, person(request)),
        "counts": [(name, shown.counts[name]) for name in COUNTS if name in shown.counts],
        "facts": [(name, shown.facts[name]) for name in SHOWN_FACTS if name in shown.facts],
        "long_facts": [
            _long(name, shown.facts[name]) for name in LONG_FACTS if name in shown.facts
        ],
        "new": list(seen.filter(stage="").order_by("-finding__priority_score", "pk")[: MOST + 1]),
        "again": list(
            seen.exclude(stage="").order_by("-finding__priority_score", "pk")[: MOST + 1]
        ),
        "most": MOST,
        "roles": list(
            roles.defer("verification__judgement", "verification__inputs").order_by("-pk")[:MOST]
        ),
    }
    return render(request, "scans/detail.html", context)


def _long(name: str, value: Any) -> tuple[str, int, list[str]]:
    """A fact with many members: its name, how many, the first of them."""
    if name == "attested_by":
        value = [[told, value[told]] for told in value]
    members = list(value) if isinstance(value, list | dict) else [value]
    first = [" ".join(map(str, m)) if isinstance(m, list) else str(m) for m in members[:MOST]]
    return name, len(members), first


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of a scan's page that changes while it lasts; asked for again until it is over."""
    shown = _visible_scan(request, pk)
    response = render(
        request,
        "scans/_progress.html",
        {
            "scan": shown,
            "step": STEPS.get(shown.state, ""),
            "left": shown.seconds_left(timezone.now()),
        },
    )
    if shown.is_over:
        response["HX-Refresh"] = "true"
    return response


@require_GET
def raw(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out the report as it came, byte for byte."""
    shown = _visible_scan(request, pk)
    if shown.raw_id is None:
        raise Http404
    report = report_of(shown)
    response = HttpResponse(report.data, content_type=report.kind)
    response["Content-Disposition"] = f'attachment; filename="scan-{shown.pk}.{report.ending}"'
    return response
