"""What is being done about one finding: attempts, proposed fixes, groups, campaigns, what goes with it.

A page of its own, and a part of the finding's page that is fetched once that is there.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from core.permissions import Permission
from core.views import person
from findings.mobilizing_forms import TeamForm
from findings.models import Finding
from findings.statuses import OPEN
from findings.suggesting import suggest_for_finding
from findings.views.findings import visible_finding
from findings.views.mobilizing import shown_of
from remediations.models import ProposalFinding
from remediations.proposal_forms import UploadForm
from scans.attempts import attempts_on
from scopes.access import can

MOST = 20  # rows of each that the page lists


@require_GET
def mobilizing(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    user = person(request)
    may_triage = can(user, Permission.TRIAGE, finding.scope_id)
    may_propose = can(user, Permission.PROPOSE_FIX, finding.scope_id)
    is_open = finding.status in OPEN
    suggested = suggest_for_finding(finding)
    offers = ProposalFinding.objects.filter(finding=finding).select_related("proposal")
    context = {
        "finding": finding,
        "attempts": attempts_on(finding),
        "offers": list(offers.defer("proposal__description").order_by("-pk")[:MOST]),
        "one_fix": shown_of(suggested, suggested.one_fix),
        "same": shown_of(suggested, suggested.same),
        "members": list(_beside(finding)) if finding.group_id else [],
        "campaigns": list(finding.campaigns.order_by("-started_at")[:MOST]),
        "may_triage": may_triage,
        "team_form": TeamForm(scope=finding.scope, initial={"team": finding.team_id})
        if may_triage
        else None,
        "upload_form": UploadForm() if may_propose and is_open else None,
        "may_link": may_propose and is_open,
    }
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    return render(request, f"mobilizing/{'_panels' if partial else 'finding'}.html", context)


def _beside(finding: Finding) -> Any:
    """The other findings of a finding's group."""
    rows = Finding.objects.filter(group=finding.group_id).exclude(pk=finding.pk)
    return rows.select_related("line").defer("original", "current").order_by("pk")
