"""Linking a pull request to a finding by its number, from the finding's page, and what became of it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.views import attempt, person, refuse_form
from findings.views.findings import visible_finding
from forges.forms import PullForm
from forges.models import PullRequest
from forges.services.asking import link_pull, repository_of

MOST = 20  # pull requests that a page lists


@require_GET
def linked(request: HttpRequest, pk: int) -> HttpResponse:
    """The pull requests that people linked to a finding, each with why it is no fix of it: a part of its page."""
    finding = visible_finding(request, pk)
    rows = PullRequest.objects.filter(asked__finding=finding).select_related(
        "repository", "remediation"
    )
    pulls = list(rows.defer("remediation__commits", "shown").order_by("-pk")[:MOST])
    return render(request, "mobilizing/_pulls.html", {"pulls": pulls})


@require_POST
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Order a look at a pull request of the repository that stands for the finding's asset."""
    finding = visible_finding(request, pk)
    form = PullForm(request.POST)
    back = f"{finding.get_absolute_url()}#fixes"
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    number = form.cleaned_data["number"]

    def verb() -> Any:
        return link_pull(
            repository=repository_of(finding.asset), number=number, findings=[finding],
            by=person(request), at=timezone.now(),
        )  # fmt: skip

    return attempt(
        request,
        verb,
        done=f"Pull request {number} is looked at now; it shows here once it was found.",
        back=back,
    )
