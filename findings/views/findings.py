"""What people do with a finding beside its transitions: comment, assign, ask for a decision.

The finding's page needs judgements and lives above, in scans/views.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.views import attempt, person, refuse_form
from findings.forms import AcceptanceForm, AssignForm, CommentForm, ReasonForm
from findings.models import Finding
from findings.services import (
    add_comment,
    assign,
    change_comment,
    remove_comment,
    request_dismissal,
    request_risk_acceptance,
)
from scopes.access import with_role


def visible_finding(request: HttpRequest, pk: int) -> Finding:
    """Return a finding that the signed-in person may see, with its surroundings; else 404."""
    rows = Finding.objects.visible_to(request.user).select_related(
        "scope",
        "asset",
        "line",
        "series",
        "described_by",
        "assigned_to",
        "claimed_by",
        "duplicate_of",
        "priority",
    )
    return get_object_or_404(with_role(rows, person(request)), pk=pk)


@require_POST
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = CommentForm(request.POST)
    back = f"{finding.get_absolute_url()}#comments"
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    return attempt(
        request,
        lambda: add_comment(finding=finding, **form.cleaned_data, **_by_now(request)),
        done="The comment is there.",
        back=back,
    )


@require_POST
def comment_change(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Put one's own comment into other words."""
    finding = visible_finding(request, pk)
    row = get_object_or_404(finding.comments, pk=number)
    form = CommentForm(request.POST)
    back = f"{finding.get_absolute_url()}#comment-{number}"
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    return attempt(
        request,
        lambda: change_comment(comment=row, **form.cleaned_data, **_by_now(request)),
        done="The comment is changed.",
        back=back,
    )


@require_POST
def comment_remove(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Remove the words of a comment."""
    finding = visible_finding(request, pk)
    row = get_object_or_404(finding.comments, pk=number)
    return attempt(
        request,
        lambda: remove_comment(comment=row, **_by_now(request)),
        done="The comment is removed.",
        back=f"{finding.get_absolute_url()}#comments",
    )


@require_POST
def set_assignee(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = AssignForm(request.POST, finding=finding)
    if not form.is_valid():
        return refuse_form(request, form, back=finding.get_absolute_url())
    to = form.cleaned_data["to"]
    return attempt(
        request,
        lambda: assign(finding=finding, to=to, **_by_now(request)),
        done=f"{finding} is assigned to {to.display}."
        if to
        else f"{finding} is assigned to nobody.",
        back=finding.get_absolute_url(),
    )


@require_POST
def ask_acceptance(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = AcceptanceForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=finding.get_absolute_url())
    return attempt(
        request,
        lambda: request_risk_acceptance(finding=finding, **form.cleaned_data, **_by_now(request)),
        done="Asked. An approver has to accept the risk: somebody else, unless the scope lets one decide.",
        back=finding.get_absolute_url(),
    )


@require_POST
def ask_dismissal(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=finding.get_absolute_url())
    return attempt(
        request,
        lambda: request_dismissal(finding=finding, **form.cleaned_data, **_by_now(request)),
        done="Asked. An approver has to confirm it: somebody else, unless the scope lets one decide.",
        back=finding.get_absolute_url(),
    )


def _by_now(request: HttpRequest) -> dict[str, Any]:
    return {"by": person(request), "at": timezone.now()}
