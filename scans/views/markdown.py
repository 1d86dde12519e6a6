"""What pages show, as Markdown to be copied: plain text, which no browser takes for a page."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from core.errors import BadInput
from core.listing import listing
from core.views import person
from findings.filters import QueueFilter
from findings.models import Finding
from findings.saved import asked
from findings.views.findings import visible_finding
from remediations.statuses import RemediationState
from scans.models import Verification
from scans.views.current import finding_rows, standing
from scans.views.in_markdown import of_finding, of_fix, of_list
from scans.views.judgements import lamps
from scans.views.listed import with_columns
from scans.views.next_step import next_step
from scans.views.remediations import visible_fix


def _answer(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@require_GET
def findings(request: HttpRequest) -> HttpResponse:
    """The page of the list that the address means."""
    told = asked(request, person(request))
    rows = with_columns(Finding.objects.visible_to(request.user), told.columns)
    listed = listing(
        request, QueueFilter, rows.order_by("-priority_score", "-id"), query=told.query,
        error=told.error,
    )  # fmt: skip
    if listed.errors:
        raise BadInput("filter", listed.errors[0])
    here = f"{reverse('findings')}?{request.GET.urlencode()}"
    found = finding_rows(listed.page.rows)
    return _answer(of_list(found, request.build_absolute_uri, here, bool(listed.page.next)))


@require_GET
def finding(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_finding(request, pk)
    best = standing().filter(finding=shown).select_related("remediation").first()
    fix = best.remediation if best else None
    if fix is None:
        open_fixes = shown.remediations.exclude(state=RemediationState.WITHDRAWN)
        fix = open_fixes.order_by("-pk").first()
    return _answer(of_finding(shown, best, next_step(shown, best, fix), request.build_absolute_uri))


@require_GET
def remediation(request: HttpRequest, pk: int) -> HttpResponse:
    fix = visible_fix(request, pk)
    rows = Verification.objects.current().filter(remediation=fix).select_related("finding")
    current = list(rows.defer("inputs").order_by("finding_id"))
    shown = lamps(current, name_finding=len(current) > 1)
    found = Finding.objects.filter(remediations=fix).defer("original", "current").order_by("pk")
    return _answer(of_fix(fix, found[:50], shown, request.build_absolute_uri))
