"""Moving in from another tracker: the form, what a file would do, and doing it. The work is a service's."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput, Refused
from core.permissions import Permission
from core.views import person
from scans.forms import MoveInForm
from scans.history import HistorySource
from scans.moving_in.tables import COLUMNS
from scans.services.moving_in import MOST_BY_DOOR, MovedIn, move_in
from scopes.access import can
from scopes.models import Asset


def _asset(request: HttpRequest, pk: int) -> Asset:
    rows = Asset.objects.visible_to(request.user).select_related("scope")
    return get_object_or_404(rows, pk=pk)


@require_GET
def move_in_form(request: HttpRequest, pk: int) -> HttpResponse:
    asset = _asset(request, pk)
    return _page(request, asset, MoveInForm(asset=asset))


@require_POST
def move_in_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Count what a file would do, or do it. A file is read anew each time: none is kept."""
    asset = _asset(request, pk)
    form = MoveInForm(request.POST, request.FILES, asset=asset)
    if not can(person(request), Permission.ADMINISTER, asset.scope_id):
        messages.error(request, "Administrators of the scope move findings in.")
        return redirect("asset-move-in", pk)
    if not form.is_valid():
        return _page(request, asset, form, status=422)
    try:
        told = _moved(request, form)
    except BadInput as error:
        form.add_error("file", str(error))
        return _page(request, asset, form, status=422)
    except Refused as error:
        form.add_error(None, str(error))
        return _page(request, asset, form, status=409)
    return _page(request, asset, form, told)


def _moved(request: HttpRequest, form: MoveInForm) -> MovedIn:
    given = form.cleaned_data
    return move_in(
        line=given["line"], source=HistorySource(given["source"]),
        name=given["file"].name, content=given["file"].read(), by=person(request),
        at=timezone.now(), tool=given["tool"], category=given["category"],
        columns=given["columns"], dry_run=request.POST.get("do") != "move",
        most_rows=MOST_BY_DOOR,
    )  # fmt: skip


def _page(
    request: HttpRequest, asset: Asset, form: MoveInForm, told: MovedIn | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    context: dict[str, Any] = {
        "asset": asset,
        "form": form,
        "told": told,
        "counts": {name: n for name, n in sorted(told.counts.items()) if n} if told else {},
        "columns": COLUMNS,
        "most": MOST_BY_DOOR,
        "may": can(person(request), Permission.ADMINISTER, asset.scope_id),
    }
    return render(request, "assets/move_in.html", context, status=status)
