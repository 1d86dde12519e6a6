"""Linking a pull request to a finding by its number, from the finding's page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.views import attempt, person, refuse_form
from findings.views.findings import visible_finding
from forges.forms import PullForm
from forges.services.asking import link_pull, repository_of


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
