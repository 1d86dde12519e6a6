"""The page of one proposed fix, its patch as a file, and what people do with it."""

import json
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core import blobs
from core.api import download
from core.errors import Refused
from core.history import tell
from core.models import Event
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.views.findings import visible_finding
from gate import diff as gate_diff
from gate.errors import InputError
from remediations.models import Proposal
from remediations.proposal_forms import DeclineForm, TakeForm, UploadForm
from remediations.proposing import Taken, decline_proposal, patch_file, take_in_proposals
from remediations.statuses import ProposalState
from scans.services.proposals import take_proposal
from scans.views.diffs import Marks, ShownDiff, draw
from scopes.access import can

MOST_REPLACEMENTS = 100  # that the page shows


def visible_proposal(request: HttpRequest, pk: int) -> Proposal:
    rows = Proposal.objects.visible_to(request.user).select_related(
        "scope", "asset", "line", "remediation", "created_by", "decided_by"
    )
    return get_object_or_404(rows, pk=pk)


@require_GET
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a proposed fix: what it is for, how surely, who made it, and its change."""
    shown = visible_proposal(request, pk)
    may = can(person(request), Permission.PROPOSE_FIX, shown.scope_id)
    is_offered = shown.state == ProposalState.OFFERED
    events = Event.objects.about("proposal", pk).select_related("actor").order_by("-pk")
    context = {
        "proposal": shown,
        "named": list(shown.named.select_related("finding__line").order_by("pk")[:200]),
        "diff": _diff(shown),
        "replacements": _replacements(shown),
        "history": tell(events[:50]),
        "is_offered": is_offered,
        "take_form": TakeForm(initial={"base_commit": shown.base_commit}, auto_id="id_take_%s")
        if may and is_offered
        else None,
        "decline_form": DeclineForm(auto_id="id_decline_%s") if may and is_offered else None,
    }
    return render(request, "proposals/detail.html", context)


def _diff(shown: Proposal) -> ShownDiff | None:
    if shown.diff_id is None:
        return None
    try:
        return draw(gate_diff.parse(blobs.load(shown.diff_id), "diff"), Marks())
    except (OSError, InputError):
        return None


def _replacements(shown: Proposal) -> list[dict[str, Any]]:
    if shown.replacements_id is None:
        return []
    try:
        told: list[dict[str, Any]] = json.loads(blobs.load(shown.replacements_id))
    except OSError:
        return []
    return told[:MOST_REPLACEMENTS]


@require_GET
def patch(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out the change as a file, to be looked at and applied by who takes it."""
    return download(*patch_file(visible_proposal(request, pk)))


@require_POST
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_proposal(request, pk)
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(
        decline_proposal, proposal=shown, by=person(request), at=timezone.now(), **form.cleaned_data
    )
    return attempt(request, verb, done="The proposal is declined.", back=shown.get_absolute_url())


@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_proposal(request, pk)
    form = TakeForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(
        take_proposal, proposal=shown, by=person(request), at=timezone.now(), **form.cleaned_data
    )
    return attempt(request, verb, done="It is a fix now.", back=shown.get_absolute_url())


@require_POST
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Take in a file of proposed fixes, which who brings it says are for this finding."""
    finding = visible_finding(request, pk)
    form = UploadForm(request.POST, request.FILES)
    back = reverse("finding-mobilizing", args=[pk])
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    try:
        taken = take_in_proposals(
            asset=finding.asset, line=finding.line, data=form.cleaned_data["file"],
            findings=[finding], by=person(request), at=timezone.now(),
        )  # fmt: skip
    except Refused as error:
        messages.error(request, str(error))
    else:
        level = messages.SUCCESS if taken.proposals else messages.ERROR
        messages.add_message(request, level, _outcome(taken))
    return redirect(back)


def _outcome(taken: Taken) -> str:
    """What became of a file, with the first reason where nothing of it is kept."""
    if taken.proposals:
        known = len(taken.proposals) - taken.new
        left = f", {len(taken.left)} left out" if taken.left else ""
        return f"Proposed fixes: {taken.new} new, {known} known already{left}."
    if not taken.left:
        return "The file proposes no fix."
    where, why = taken.left[0]
    return f"The file proposes no fix that can be kept; {where}: {why}."
