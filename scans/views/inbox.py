"""Reports of assets that nobody has told us of: the list, one of them, placing and rejecting it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.listing import listing, toggled
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from scans.filters import InboxFilter
from scans.forms import ReasonForm
from scans.inbox import InboxReport, InboxState
from scans.inbox_forms import NewAssetForm, PlaceForm
from scans.services.inbox import Placed, name_of, place_on_new_asset, place_report, reject_report
from scopes.access import can
from scopes.models import Asset

MOST_SIMILAR = 5


@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    rows = InboxReport.objects.visible_to(request.user).select_related(
        "scope", "created_by", "asset", "raw"
    )
    if not request.GET.getlist("state"):
        rows = rows.waiting()
    listed = listing(request, InboxFilter, rows.order_by("-id"))
    context = {
        "listed": listed,
        "states": [
            {
                "words": state.value,
                "url": toggled(listed.query, "state", state.value, several=False),
                "active": state.value in (listed.query.getlist("state") or [InboxState.WAITING]),
            }
            for state in InboxState
        ],
    }
    return render(request, "inbox/list.html", context)


def _visible(request: HttpRequest, pk: int) -> InboxReport:
    rows = InboxReport.objects.visible_to(request.user).select_related(
        "scope", "created_by", "decided_by", "asset", "raw"
    )
    return get_object_or_404(rows, pk=pk)


@require_GET
def report(request: HttpRequest, pk: int) -> HttpResponse:
    shown, user = _visible(request, pk), person(request)
    name = shown.asset_name or name_of(shown.repository)
    word = name.rpartition("/")[2]
    similar = Asset.objects.filter(scope=shown.scope_id, name__icontains=word).order_by("name")
    of_its_name = InboxReport.objects.waiting().filter(
        scope=shown.scope_id, asset_name=shown.asset_name, repository=shown.repository
    )
    context = {
        "report": shown,
        "facts": sorted((key, _told(value)) for key, value in shown.facts.items() if value),
        "others": of_its_name.exclude(pk=shown.pk).count(),
        "similar": similar[:MOST_SIMILAR],
        "place_form": PlaceForm(),
        "new_form": NewAssetForm(
            initial={"name": name, "default_line": shown.line or "main"}, auto_id="new-%s"
        ),
        "reject_form": ReasonForm(auto_id="reject-%s"),
        "may_place": can(user, Permission.UPLOAD_SCAN, shown.scope_id),
        "may_decide": can(user, Permission.ADMINISTER, shown.scope_id),
    }
    return render(request, "inbox/detail.html", context)


def _told(value: Any) -> str:
    """A fact in words: lists by their members, objects by how many they have."""
    if isinstance(value, dict):
        return f"{len(value)} of them"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@require_POST
def place(request: HttpRequest, pk: int) -> HttpResponse:
    shown, form = _visible(request, pk), PlaceForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    asset = Asset.objects.filter(scope=shown.scope_id, name=form.cleaned_data["asset"]).first()
    if asset is None:
        messages.error(request, "The scope has no asset of this name.")
        return redirect(shown)
    try:
        placed = place_report(
            report=shown, asset=asset, line=form.cleaned_data["line"], by=person(request),
            at=timezone.now(),
        )  # fmt: skip
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(shown)
    return _said(request, placed)


@require_POST
def place_new(request: HttpRequest, pk: int) -> HttpResponse:
    shown, form = _visible(request, pk), NewAssetForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    try:
        placed = place_on_new_asset(
            report=shown, by=person(request), at=timezone.now(), **form.cleaned_data
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(shown)
    return _said(request, placed)


def _said(request: HttpRequest, placed: Placed) -> HttpResponse:
    n = len(placed.scans)
    left = f" {placed.left} wait on: {placed.why_left}." if placed.left else ""
    messages.success(request, f"{n} report{'s' * (n != 1)} placed; being read.{left}")
    return redirect("asset", placed.asset.pk)


@require_POST
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    shown, form = _visible(request, pk), ReasonForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    return attempt(
        request,
        lambda: reject_report(
            report=shown, reason=form.cleaned_data["reason"], by=person(request), at=timezone.now()
        ),
        done="Rejected. It is kept, under rejected.",
        back=shown.get_absolute_url(),
    )
