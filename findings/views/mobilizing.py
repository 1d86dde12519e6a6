"""Who answers for findings, groups of them, and what is done with all that a list shows."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.history import tell
from core.listing import given, with_values
from core.models import Event
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.alike import Suggestion
from findings.choosing import filtered
from findings.mobilizing_forms import (
    JoinForm,
    MergeForm,
    OutForm,
    RenameForm,
    TeamForm,
    TogetherForm,
    chosen,
)
from findings.models import FindingGroup
from findings.services import (
    KEEP,
    MAX_ASSIGNED,
    Assigned,
    assign,
    assign_many,
    merge_findings,
    rename_group,
    split_group,
)
from findings.suggesting import MOST_OF_ASSET, Suggested, suggest_for_asset
from findings.views.findings import visible_finding
from scopes.access import can, check_may
from scopes.models import Asset, Scope

MOST_NAMED = 7  # findings of a suggestion that are named
MOST_SUGGESTED = 10  # suggestions of each kind that an asset shows
MOST_REFUSED = 20  # refusals that a preview spells out


def by_now(request: HttpRequest) -> dict[str, Any]:
    return {"by": person(request), "at": timezone.now()}


def visible_scope(request: HttpRequest, slug: str) -> Scope:
    return get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)


@require_POST
def set_team(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a team of the scope answer for a finding, or none."""
    finding = visible_finding(request, pk)
    form = TeamForm(request.POST, scope=finding.scope)
    back = reverse("finding-mobilizing", args=[pk])
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    team = form.cleaned_data["team"]
    return attempt(
        request,
        lambda: assign(finding=finding, team=team, **by_now(request)),
        done=f"{team or 'No team'} answers for {finding}.",
        back=back,
    )


@require_GET
def asset_suggestions(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what could be closed together on an asset; a page, or the part that its own page fetches."""
    rows = Asset.objects.visible_to(request.user).select_related("scope")
    asset = get_object_or_404(rows, pk=pk)
    told = suggest_for_asset(asset)
    context = {
        "asset": asset,
        "one_fix": shown_of(told, told.one_fix[:MOST_SUGGESTED]),
        "same": shown_of(told, told.same[:MOST_SUGGESTED]),
        "compared": MOST_OF_ASSET,
        "may_triage": can(person(request), Permission.TRIAGE, asset.scope_id),
    }
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    return render(request, f"mobilizing/{'_together' if partial else 'asset'}.html", context)


def shown_of(told: Suggested, suggestions: Iterable[Suggestion]) -> list[dict[str, Any]]:
    """Suggestions with the first findings that they name, as far as these are there still."""
    shown = []
    for one in suggestions:
        rows = [told.findings[pk] for pk in one.findings if pk in told.findings]
        more = max(0, len(rows) - MOST_NAMED)
        shown.append({"told": one, "rows": rows[:MOST_NAMED], "more": more})
    return shown


# --- groups --------------------------------------------------------------------------------------
@require_POST
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that a finding and others are one thing to fix."""
    finding = visible_finding(request, pk)
    form = MergeForm(request.POST)
    back = reverse("finding-mobilizing", args=[pk])
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    told = form.cleaned_data
    rows = chosen([*told["findings"], finding.pk], request.user)
    verb = partial(
        merge_findings, findings=rows, title=told["title"], reason=told["reason"], **by_now(request)
    )
    return attempt(request, verb, done="They are one group now.", back=back)


def visible_group(request: HttpRequest, pk: int) -> FindingGroup:
    rows = FindingGroup.objects.visible_to(request.user).select_related("scope", "created_by")
    return get_object_or_404(rows, pk=pk)


@require_GET
def group(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a group: its findings, each with its own status and proof, and its history."""
    shown = visible_group(request, pk)
    rows = shown.findings.select_related("asset", "line").defer("original", "current")
    events = Event.objects.about("group", pk).select_related("actor").order_by("-pk")
    context = {
        "group": shown,
        "members": list(rows.order_by("-priority_score", "-pk")),
        "history": tell(events[:100]),
        "may_triage": can(person(request), Permission.TRIAGE, shown.scope_id),
        "rename_form": RenameForm(initial={"title": shown.title}, auto_id="id_rename_%s"),
        "split_form": OutForm(auto_id="id_split_%s"),
    }
    return render(request, "groups/detail.html", context)


@require_POST
def split(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_group(request, pk)
    form = OutForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(split_group, group=shown, **form.cleaned_data, **by_now(request))
    return attempt(request, verb, done="They are apart now.", back=shown.get_absolute_url())


@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_group(request, pk)
    form = RenameForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(rename_group, group=shown, **form.cleaned_data, **by_now(request))
    return attempt(
        request, verb, done="The group has another title.", back=shown.get_absolute_url()
    )


# --- all that a list shows -----------------------------------------------------------------------
@require_GET
def together(request: HttpRequest) -> HttpResponse:
    """Show what can be done with all findings of a list, in one scope."""
    query = given(request)
    scopes = list(Scope.objects.visible_to(request.user).order_by("name")[:200])
    wanted = [s for s in scopes if str(s.pk) == query.get("scope")]
    if not wanted and len(scopes) == 1:
        wanted = scopes
    if not wanted:
        choices = [(s, with_values(query, {"scope": str(s.pk)})) for s in scopes]
        return render(request, "findings/together.html", {"choices": choices})
    return _together(request, wanted[0], query.urlencode(), TogetherForm(scope=wanted[0]))


def _together(
    request: HttpRequest, scope: Scope, words: str, form: TogetherForm, **more: Any
) -> HttpResponse:
    rows = list(filtered(words, request).filter(scope=scope).values_list("pk")[: MAX_ASSIGNED + 1])
    join = JoinForm(scope=scope, initial={"filter": words}, auto_id="id_join_%s")
    form.fields["filter"].initial = words
    context = {
        "scope": scope, "filter": words, "count": min(len(rows), MAX_ASSIGNED),
        "is_more": len(rows) > MAX_ASSIGNED, "most": MAX_ASSIGNED, "form": form,
        "join": join if join.has_choices else None,
        "may_triage": can(person(request), Permission.TRIAGE, scope.pk), **more,
    }  # fmt: skip
    return render(request, "findings/together.html", context)


@require_POST
def assign_together(request: HttpRequest, slug: str) -> HttpResponse:
    """Assign all findings that the filters let through in a scope; or show what would be refused."""
    scope = visible_scope(request, slug)
    form = TogetherForm(request.POST, scope=scope)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("scope", args=[slug]))
    told = form.cleaned_data
    back = f"{reverse('findings-together')}?{told['filter']}"
    answers: list[Assigned] = []
    dry_run = request.POST.get("do") != "assign"

    def verb() -> None:
        check_may(person(request), Permission.TRIAGE, scope.pk)
        rows = filtered(told["filter"], request).filter(scope=scope).only("pk", "scope_id")
        answers.extend(
            assign_many(
                findings=list(rows[: MAX_ASSIGNED + 1]), to=told["to"] or KEEP,
                team=told["team"] or KEEP, dry_run=dry_run, **by_now(request),
            )
        )  # fmt: skip

    if not dry_run:
        return attempt(request, verb, done="Assigned.", back=back)
    try:
        verb()
    except Refused as error:
        messages.error(request, str(error))
        return redirect(back)
    refused = [answer for answer in answers if answer.refusal is not None]
    preview = {
        "done": len(answers) - len(refused), "refused": len(refused),
        "rows": refused[:MOST_REFUSED],
    }  # fmt: skip
    return _together(request, scope, told["filter"], form, preview=preview)
