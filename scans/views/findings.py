"""The findings list, the page of one finding, and its transitions."""

from functools import partial
from typing import Any

from django import forms
from django.db.models import OuterRef, Prefetch, Subquery, prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.history import tell
from core.listing import listing, with_values
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.clock_forms import PauseForm
from findings.facets import MOST, NOTHING, count_by_dimensions, facets
from findings.filters import MOST_URGENT, QueueFilter
from findings.forms import (
    FORMS,
    AcceptanceForm,
    AssignForm,
    CommentForm,
    DecisionForm,
    ReasonForm,
    RemediationForm,
)
from findings.guards import pending
from findings.lifecycle import BY_NAME, available
from findings.models import Dismissal, Finding, RiskAcceptance, history_of
from findings.saved import asked
from findings.services import mentioned
from findings.sla import Clock
from findings.statuses import OPEN, VALIDATING, Status
from findings.track import track
from findings.views.findings import visible_finding
from findings.views.priorities import priority_panel
from findings.views.validation import triage_of
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Scan, Verification
from scans.services.moves import move
from scans.views.current import finding_rows
from scans.views.evidence import revocations_of
from scans.views.judgements import lamps
from scans.views.listed import around_list, scopes_of, with_columns
from scans.views.loop import around, loop_of
from scans.views.next_step import next_step
from scopes.access import can, remember

ORDERINGS = (
    ("-priority", "Priority"),
    ("first_seen_at", "Oldest first"),
    ("-first_seen_at", "Newest first"),
    ("status_since", "Longest in its stage"),
)
VIEWS: tuple[tuple[str, dict[str, str | list[str]]], ...] = (  # name → its filters
    ("Open", {"open": "true"}),
    ("Mine", {"open": "true", "mine": "true"}),
    ("Known exploited", {"open": "true", "kev": "true"}),
    ("Awaiting verification", {"status": ["awaiting_verification"]}),
    ("Complete", {"status": ["mobilization_complete"]}),
    ("Set aside", {"set_aside": ["noise", "out_of_scope"]}),
    ("All", {}),
)
MOST_KEYS = 20  # names in other trackers that a page shows
HISTORY, SIGHTINGS, MOST_FIXES, WORDS, PAUSES = 100, 15, 50, 200, 20  # rows that a page shows
DECISIONS = (
    Prefetch(
        "riskacceptances", RiskAcceptance.objects.select_related("requested_by", "approved_by")
    ),
    Prefetch("dismissals", Dismissal.objects.select_related("requested_by")),
)


@require_GET
def findings(request: HttpRequest) -> HttpResponse:
    names, may_do = scopes_of(person(request))
    rows = Finding.objects.in_scopes(names)
    told = asked(request, person(request))
    listed = listing(
        request,
        QueueFilter,
        with_columns(rows, told.columns).order_by("-priority_score", "-id"),
        query=told.query,
        error=told.error,
    )
    counted = NOTHING
    if not listed.errors:
        counted = count_by_dimensions(request, listed.query, rows, list(names))
    scopes = {str(pk): name for pk, name in names.items()}
    context = {
        "listed": listed,
        "rows": finding_rows(listed.page.rows),
        "facets": facets(listed.query, counted, scopes),
        "total": counted.total,
        "capped": counted.capped,
        "total_counted": MOST,
        "searched": MOST_URGENT,
        "views": _views(listed.query),
        "orderings": ORDERINGS,
        "ordering": listed.query.get("ordering", "-priority"),
        "chips": _chips(listed.query, scopes),
        "may_do": may_do,
        **around_list(person(request), told),
    }
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    return render(request, "findings/_list.html" if partial else "findings/list.html", context)


def _views(query: Any) -> list[dict[str, Any]]:
    """The tabs above the list: each is a set of filters, and is current when exactly it is on."""
    now = {
        name: sorted(values)
        for name, values in query.lists()
        if name not in ("cursor", "ordering", "q")
    }
    tabs = []
    for name, filters in VIEWS:
        wanted = {k: [v] if isinstance(v, str) else sorted(v) for k, v in filters.items()}
        kept = {k: query.getlist(k) for k in ("q", "ordering") if k in query}
        empty = dict.fromkeys(query, None)
        url = with_values(query, {**empty, **kept, **filters})
        tabs.append({"name": name, "url": url, "current": now == wanted})
    return tabs


def _chips(query: Any, scopes: dict[str, str]) -> list[dict[str, str]]:
    """The filters in force, each with the link that takes it away."""
    chips = []
    for name, values in query.lists():
        if name in ("cursor", "ordering"):
            continue
        for value in values:
            left = [v for v in values if v != value]
            told = scopes.get(value, value) if name == "scope" else value.replace("_", " ")
            label = {"q": "search", "priority_band": "priority"}.get(name, name.replace("_", " "))
            told = {"true": "yes", "false": "no"}.get(told, told)
            url = with_values(query, {name: left})
            chips.append({"label": f"{label}: {told}", "url": url})
    return chips


@require_GET
def finding(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visible_finding(request, pk)
    user = person(request)
    remember(user, shown)
    prefetch_related_objects([shown], *DECISIONS)
    known = around(shown)
    verifications, fixes = known.verifications, known.fixes[:MOST_FIXES]
    in_hand = [v for v in verifications if v.remediation.state != RemediationState.WITHDRAWN]
    best = in_hand[0] if in_hand else None
    context = {
        "finding": shown,
        "verification": best,
        "lamps": lamps([best] if best else []),
        "next": next_step(shown, best, _fix_in_hand(best, fixes)),
        "fixes": _fixes_with_verdicts(fixes, verifications),
        "loop": loop_of(known),
        "brought_in_by": known.brought_in_by,
        "siblings": known.siblings,
        **_evidence(shown),
        **priority_panel(shown),
        **triage_of(user, shown),
        **revocations_of(user, shown, known.fixes),
        **_actions(request, shown, fixes),
    }
    return render(request, "findings/detail.html", context)


def _fix_in_hand(best: Verification | None, fixes: list[Remediation]) -> Remediation | None:
    if best is not None:
        return best.remediation
    return next((fix for fix in fixes if fix.state != RemediationState.WITHDRAWN), None)


def _fixes_with_verdicts(
    fixes: list[Remediation], verifications: list[Verification]
) -> list[dict[str, Any]]:
    by_fix = {v.remediation_id: v for v in verifications}
    return [{"fix": fix, "verification": by_fix.get(fix.pk)} for fix in fixes]


def _evidence(shown: Finding) -> dict[str, Any]:
    """What is known about a finding: where it was seen, what people said, what happened."""
    scan = Scan.objects.filter(pk=OuterRef("scan_id"))
    sightings = shown.sightings.annotate(commit=Subquery(scan.values("commit")))
    comments = shown.comments.select_related("by", "removed_by").order_by("-at", "-pk")[:WORDS]
    validation = list(shown.validation_evidence.select_related("by").order_by("-at", "-pk")[:WORDS])
    events = history_of(shown.pk).select_related("actor").order_by("-pk")
    return {
        "sightings": list(sightings.order_by("-scan_id")[:SIGHTINGS]),
        "validation": validation,
        "stages": track(shown, was_validated=any(one.kind in VALIDATING for one in validation)),
        "history": tell(events[:HISTORY]),
        "clearances": list(
            shown.clearances.select_related("remediation").defer("certificate").order_by("-pk")
        ),
        "comments": list(reversed(comments)),
        "people": mentioned(" ".join(one.body for one in comments), shown.scope_id),
        "external_keys": list(shown.external_keys.order_by("source", "key")[:MOST_KEYS]),
        **_carried(shown),
    }


def _carried(shown: Finding) -> dict[str, Any]:
    """The accepted risk in force, and how often it was renewed."""
    accepted = [
        (row.approved_at, row.pk, row) for row in shown.riskacceptances.all() if row.approved_at
    ]
    renewals = sum(at > shown.status_since for at, _, _ in accepted)
    return {"acceptance": max(accepted)[2] if accepted else None, "renewals": renewals}


def _clock(shown: Finding) -> dict[str, Any]:
    """The SLA's clock: when its stage is over, and when it stood still."""
    pauses = list(shown.pauses.select_related("started_by").order_by("-pk")[:PAUSES])
    over = [(pause.started_at, pause.ended_at) for pause in pauses if pause.ended_at]
    clock = Clock.of(shown.scope)
    return {
        "pauses": pauses,
        "paused": len(over) < len(pauses),
        "stage_due": clock.stage_due(
            shown.status, shown.severity, shown.priority_band, shown.status_since, over
        ),
        "form": PauseForm(auto_id="id_pause_%s"),
    }


def _actions(request: HttpRequest, shown: Finding, fixes: list[Remediation]) -> dict[str, Any]:
    """The doors out of where the finding stands; refused ones say why."""
    user = person(request)
    may_triage = can(user, Permission.TRIAGE, shown.scope_id)
    choices = [(fix.pk, f"{fix} {fix.title}") for fix in fixes]
    actions = [
        {**row, "form": _form_for(row["name"], choices), "decision": _waiting(row["name"], shown)}
        for row in available(shown, user, timezone.now())
        if row["allowed"]
        or BY_NAME[row["name"]].permission is not None
        or row["name"] == "complete"
    ]
    is_open = shown.status in OPEN
    carried = shown.status == Status.RISK_ACCEPTED
    return {
        "clock": _clock(shown) if is_open else None,
        "actions": actions,
        "is_open": is_open,
        "may_triage": may_triage,
        "may_comment": can(user, Permission.CLAIM, shown.scope_id),
        "may_administer": can(user, Permission.ADMINISTER, shown.scope_id),
        "comment_form": CommentForm(),
        "assign_form": AssignForm(finding=shown, initial={"to": shown.assigned_to_id})
        if may_triage
        else None,
        "pending_acceptance": pending(RiskAcceptance, shown) if is_open or carried else None,
        "pending_dismissal": pending(Dismissal, shown) if is_open else None,
        "acceptance_form": AcceptanceForm(auto_id="id_acceptance_%s"),
        "dismissal_form": ReasonForm(auto_id="id_dismissal_%s"),
    }


def _waiting(name: str, shown: Finding) -> int | None:
    """The request that a transition would decide."""
    model = BY_NAME[name].decides
    request = pending(model, shown) if model else None
    return request.pk if request else None


def _form_for(name: str, fixes: list[tuple[int, str]], data: Any = None) -> forms.Form:
    form_class = DecisionForm if BY_NAME[name].decides else FORMS[BY_NAME[name].needs]
    if form_class is RemediationForm:
        return RemediationForm(data, auto_id=f"id_{name}_%s", fixes=fixes)
    return form_class(data, auto_id=f"id_{name}_%s")


@require_POST
def transition(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Perform one row of the table; "complete" asks the gate, which does what the evidence says."""
    shown = visible_finding(request, pk)
    if name not in BY_NAME:
        raise Http404
    fixes = [(fix.pk, str(fix)) for fix in shown.remediations.order_by("-pk")[:50]]
    form = _form_for(name, fixes, request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    verb = partial(
        move,
        finding=shown,
        name=name,
        by=person(request),
        at=timezone.now(),
        brought={k: value for k, value in form.cleaned_data.items() if value is not None},
    )
    target = Status(BY_NAME[name].target)
    return attempt(
        request, verb, done=f"{shown} is {target.label} now.", back=shown.get_absolute_url()
    )
