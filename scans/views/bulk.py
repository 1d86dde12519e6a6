"""The page on which something is done with many findings: choose, look at what would be refused, do it."""

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.errors import BadInput, Refused
from core.views import person
from findings.choosing import filtered
from findings.filters import QueueFilter
from findings.models import Finding
from findings.services import MAX_ASSIGNED
from findings.statuses import Status
from scans.bulk import Action, Outcome, actions_for
from scans.bulk_forms import ChosenForm, numbers_of

MOST_NAMED = 12  # findings that a list of them names
PREVIEW, DO = "preview", "do"


@require_http_methods(["GET", "POST"])
def bulk(request: HttpRequest) -> HttpResponse:
    """Show what can be done with the chosen findings; POST: show what would become of them, or do it."""
    return _do(request) if request.method == "POST" else _choose(request)


def _choose(request: HttpRequest) -> HttpResponse:
    form = ChosenForm(request.GET)
    if not form.is_valid():
        raise BadInput("findings", "must be numbers of findings, and `filter` the words of a list")
    told = form.cleaned_data
    if told["all"]:
        rows = filtered(told["filter"], request, QueueFilter)
    else:
        rows = Finding.objects.visible_to(request.user).filter(pk__in=told["findings"])
    found = list(_read(rows.order_by("-priority_score", "-pk"))[: MAX_ASSIGNED + 1])
    is_more = len(found) > MAX_ASSIGNED
    return _page(request, found[:MAX_ASSIGNED], filter=told["filter"], is_more=is_more)


def _read(rows: Any) -> Any:
    return rows.select_related("scope").defer("original", "current")


def _do(request: HttpRequest) -> HttpResponse:
    ids = numbers_of(request.POST.get("chosen", ""))
    name, words = request.POST.get("action", ""), request.POST.get("filter", "")[:4_000]
    rows = _read(Finding.objects.visible_to(request.user).filter(pk__in=ids))
    found = list(rows.order_by("-priority_score", "-pk"))
    actions = {one.name: one for one in actions_for(found, name, request.POST)}
    action = actions.get(name)
    if action is None:
        raise BadInput("action", "is none that is possible with any of these findings now")
    more: dict[str, Any] = {"filter": words, "action": action}
    if not action.form.is_valid():
        return _page(request, found, **more)
    told, is_done = action.form.cleaned_data, request.POST.get("do") == DO
    try:
        outcome = action.do(found, told, person(request), timezone.now(), not is_done)
    except Refused as refusal:
        return _page(request, found, refusal=str(refusal), **more)
    if is_done:
        return _done(request, action, outcome, words)
    return _page(request, found, outcome=outcome, refused=_named(outcome), **more)


def _page(request: HttpRequest, found: list[Finding], **more: Any) -> HttpResponse:
    action: Action | None = more.get("action")
    outcome: Outcome | None = more.get("outcome")
    standing = Counter(Status(finding.status).label for finding in found)
    context = {
        "count": len(found),
        "most": MAX_ASSIGNED,
        "chosen": ",".join(str(finding.pk) for finding in found),
        "named": found[:MOST_NAMED],
        "standing": standing.most_common(),
        "actions": [action] if action else actions_for(found) if found else [],
        "possible": ",".join(map(str, outcome.done)) if outcome else "",
        **more,
    }
    return render(request, "findings/bulk.html", context)


def _named(outcome: Outcome) -> list[dict[str, Any]]:
    """Refusals, most frequent first, each with the first findings that it is of."""
    ordered = sorted(outcome.refused.items(), key=lambda one: -len(one[1]))
    return [
        {"why": why, "count": len(ids), "ids": ids[:MOST_NAMED], "more": len(ids) - MOST_NAMED}
        for why, ids in ordered
    ]


def _done(request: HttpRequest, action: Action, outcome: Outcome, words: str) -> HttpResponse:
    undo = [{"told": one, "chosen": ",".join(map(str, one.findings))} for one in outcome.undo]
    context = {
        "action": action,
        "outcome": outcome,
        "refused": _named(outcome),
        "named": outcome.done[:MOST_NAMED],
        "undo": undo,
        "filter": words,
    }
    return render(request, "findings/bulk_done.html", context)
