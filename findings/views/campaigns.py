"""Pages of campaigns: the list, one with its progress, and what people do with it."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.history import tell
from core.listing import listing
from core.models import Event
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.choosing import filtered
from findings.mobilizing_filters import CampaignFilter
from findings.mobilizing_forms import AddForm, CampaignForm, EndForm, JoinForm, OutForm
from findings.models import Campaign
from findings.progress import burn_down, progress_of
from findings.services import (
    add_findings,
    change_campaign,
    end_campaign,
    remove_findings,
    start_campaign,
)
from findings.views.mobilizing import by_now, visible_scope
from scopes.access import can
from scopes.models import Scope

MOST = 50  # findings that the page of a campaign lists


def visible_campaign(request: HttpRequest, pk: int) -> Campaign:
    rows = Campaign.objects.visible_to(request.user)
    return get_object_or_404(
        rows.select_related("scope", "owner", "team", "started_by", "ended_by"), pk=pk
    )


@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    rows = Campaign.objects.visible_to(request.user).select_related("scope", "owner", "team")
    listed = listing(request, CampaignFilter, rows.order_by("-started_at", "-id"))
    told = progress_of(listed.page.rows)
    may = Scope.objects.permitting(request.user, Permission.TRIAGE)
    context = {
        "listed": listed,
        "rows": [{"campaign": c, "progress": told[c.pk]} for c in listed.page.rows],
        "startable": list(may.order_by("name")[:50]),
    }
    return render(request, "campaigns/list.html", context)


@require_GET
def new(request: HttpRequest, slug: str) -> HttpResponse:
    scope = visible_scope(request, slug)
    may = can(person(request), Permission.TRIAGE, scope.pk)
    context = {"scope": scope, "form": CampaignForm(scope=scope) if may else None}
    return render(request, "campaigns/new.html", context)


@require_POST
def start(request: HttpRequest, slug: str) -> HttpResponse:
    scope = visible_scope(request, slug)
    form = CampaignForm(request.POST, scope=scope)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("campaign-new", args=[slug]))
    made: list[Campaign] = []

    def verb() -> None:
        made.append(start_campaign(scope=scope, **form.cleaned_data, **by_now(request)))

    back = attempt(request, verb, done="The campaign has started.", back=reverse("campaigns"))
    return redirect(made[0]) if made else back


@require_GET
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far a campaign has come: proof, claims and other ends apart."""
    shown = visible_campaign(request, pk)
    members = shown.findings.select_related("asset", "line", "scope", "assigned_to")
    rows = members.defer("original", "current").order_by("-priority_score", "-pk")
    events = Event.objects.about("campaign", pk).select_related("actor").order_by("-pk")
    may = can(person(request), Permission.TRIAGE, shown.scope_id) and shown.is_running
    context = {
        "campaign": shown,
        "progress": progress_of([shown])[shown.pk],
        "weeks": burn_down(shown, at=timezone.now()),
        "today": timezone.now().date(),
        "members": list(rows[:MOST]),
        "most": MOST,
        "history": tell(events[:50]),
        "may_triage": may,
        **(_forms(shown) if may else {}),
    }
    return render(request, "campaigns/detail.html", context)


def _forms(shown: Campaign) -> dict[str, Any]:
    now = {
        "name": shown.name, "goal": shown.goal, "owner": shown.owner_id, "team": shown.team_id,
        "due_on": shown.due_on.isoformat() if shown.due_on else None,
    }  # fmt: skip
    return {
        "change_form": CampaignForm(scope=shown.scope, initial=now, auto_id="id_change_%s"),
        "add_form": AddForm(auto_id="id_add_%s"),
        "end_form": EndForm(auto_id="id_end_%s"),
        "out_form": OutForm(auto_id="id_out_%s"),
    }


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_campaign(request, pk)
    form = CampaignForm(request.POST, scope=shown.scope)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(change_campaign, campaign=shown, **form.cleaned_data, **by_now(request))
    return attempt(request, verb, done="The campaign is changed.", back=shown.get_absolute_url())


@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Take in what the filters let through."""
    shown = visible_campaign(request, pk)
    form = AddForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    return _add(request, shown, form.cleaned_data["filter"])


@require_POST
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Take all findings of a list into one of the scope's campaigns."""
    scope = visible_scope(request, slug)
    form = JoinForm(request.POST, scope=scope)
    if not form.is_valid():
        return refuse_form(request, form, back=reverse("campaigns"))
    return _add(request, form.cleaned_data["campaign"], form.cleaned_data["filter"])


def _add(request: HttpRequest, shown: Campaign, words: str) -> HttpResponse:
    def verb() -> None:
        add_findings(campaign=shown, findings=filtered(words, request), **by_now(request))

    return attempt(request, verb, done="They are in.", back=shown.get_absolute_url())


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_campaign(request, pk)
    form = OutForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(remove_findings, campaign=shown, **form.cleaned_data, **by_now(request))
    return attempt(request, verb, done="They are out.", back=shown.get_absolute_url())


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_campaign(request, pk)
    form = EndForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(end_campaign, campaign=shown, **form.cleaned_data, **by_now(request))
    return attempt(request, verb, done="The campaign has ended.", back=shown.get_absolute_url())
