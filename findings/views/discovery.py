"""The rules of discovery of a scope: in force, waiting, ended; trying one, making one; who decides alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.models import User
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.discovery import acting
from findings.discovery_forms import (
    AloneForm,
    RuleForm,
    said,
    told_of_finding,
    told_of_rule,
)
from findings.models import DiscoveryRule, Finding, ScopeDecisionPolicy
from findings.services.alone import set_decision_policy
from findings.services.rehearsing import Rehearsal, rehearse
from findings.services.rules import apply_rule, approve_rule, end_rule, make_rule
from findings.statuses import Status
from scopes.access import can
from scopes.models import Scope

MOST_ENDED = 50  # rules that a page lists
MAY_NOT = "Your role in this scope does not allow you to triage."


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule in words. ``own``: who looks asked for it, and a second person has to approve it."""

    row: DiscoveryRule
    conditions: list[tuple[str, str]]
    does: list[tuple[str, str]]
    own: bool


def _scope(request: HttpRequest, slug: str) -> Scope:
    return get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)


@require_GET
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the rules of a scope, with a form that ``?replaces`` or ``?out_of`` fills."""
    scope = _scope(request, slug)
    before, finding = _begun(request, scope, request.GET)
    told: dict[str, Any] | None = None
    if before is not None:
        told = told_of_rule(before)
    elif finding is not None:
        dismissal = finding.dismissals.filter(approved_at__isnull=False).order_by("-pk").first()
        told = told_of_finding(finding, dismissal.reason if dismissal else "")
    form = RuleForm(initial=told, scope=scope, auto_id="id_rule_%s")
    return _page(request, scope, form, before, finding)


def _begun(
    request: HttpRequest, scope: Scope, query: Any
) -> tuple[DiscoveryRule | None, Finding | None]:
    """The rule that is to be replaced, or the dismissed finding that a rule comes out of; else 404."""
    before, finding = query.get("replaces", ""), query.get("out_of", "")
    rows = DiscoveryRule.objects.filter(scope=scope, ended_at__isnull=True)
    dismissed = Finding.objects.filter(scope=scope, status=Status.FALSE_POSITIVE)
    return (
        get_object_or_404(rows, pk=int(before)) if _is_id(before) else None,
        get_object_or_404(dismissed, pk=int(finding)) if _is_id(finding) else None,
    )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _page(
    request: HttpRequest,
    scope: Scope,
    form: RuleForm,
    before: DiscoveryRule | None,
    finding: Finding | None,
    tried: Rehearsal | None = None,
) -> HttpResponse:
    user = person(request)
    may = can(user, Permission.TRIAGE, scope.pk)
    context = {
        "scope": scope,
        "form": form if may else None,
        "refusal": "" if may else MAY_NOT,
        "may_approve": can(user, Permission.APPROVE, scope.pk),
        "replaces": before,
        "out_of": finding,
        "tried": tried,
        **_listed(scope, user),
        **_alone(scope, user),
    }
    return render(request, "scopes/discovery.html", context, status=422 if form.errors else 200)


def _listed(scope: Scope, user: User) -> dict[str, list[Shown]]:
    """The rules of a scope: in force, waiting, and the last that ended. Two statements."""
    rows = DiscoveryRule.objects.filter(scope=scope).select_related(
        "created_by", "approved_by", "ended_by"
    )
    standing = rows.filter(ended_at__isnull=True).order_by("position", "pk")
    ended = rows.filter(ended_at__isnull=False).order_by("-ended_at", "-pk")[:MOST_ENDED]
    shown = [_shown(row, user.pk) for row in standing]
    return {
        "in_force": [one for one in shown if not one.row.waits],
        "waiting": [one for one in shown if one.row.waits],
        "ended": [_shown(row, user.pk) for row in ended],
    }


def _alone(scope: Scope, user: User) -> dict[str, Any]:
    """What one approver decides alone, with the form for who may say so."""
    policy = ScopeDecisionPolicy.of(scope.pk)
    told = {name: getattr(policy, name) for name in AloneForm.base_fields}
    may = can(user, Permission.ADMINISTER, scope.pk)
    form = AloneForm(initial=told, auto_id="id_alone_%s") if may else None
    return {"policy": policy, "alone_form": form}


def _shown(row: DiscoveryRule, user: int) -> Shown:
    does = acting(row).actions.to_dict()
    words = {name: value for name, value in does.items() if name != "assign"}
    for who, pk in does.get("assign", {}).items():
        words["assign"] = f"{who} {pk}"
    return Shown(
        row, said(row.conditions), said(words), row.created_by_id == user and not row.alone
    )


@require_POST
def try_rule(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the rule would have done, or (``do=make``) make it."""
    scope = _scope(request, slug)
    before, finding = _begun(request, scope, request.POST)
    form = RuleForm(request.POST, scope=scope, auto_id="id_rule_%s")
    if not form.is_valid():
        return _refused(request, scope, form, before, finding)
    by, at, told = person(request), timezone.now(), form.details()
    try:
        if request.POST.get("do") == "make":
            row = make_rule(scope=scope, by=by, at=at, replaces=before, out_of=finding, **told)
            messages.success(request, _made(row))
            return redirect("discovery-rules", scope.slug)
        tried = rehearse(
            scope=scope, by=by, at=at, conditions=told["conditions"], actions=told["actions"],
            position=told["position"], last=form.cleaned_data["last"], replaces=before,
        )  # fmt: skip
    except Refused as error:
        messages.error(request, str(error))
        return _page(request, scope, form, before, finding)
    return _page(request, scope, form, before, finding, tried)


def _refused(
    request: HttpRequest,
    scope: Scope,
    form: RuleForm,
    before: DiscoveryRule | None,
    finding: Finding | None,
) -> HttpResponse:
    if not can(person(request), Permission.TRIAGE, scope.pk):
        messages.error(request, MAY_NOT)
    else:
        messages.error(request, "The rule cannot be read: what is wrong stands beside the fields.")
    return _page(request, scope, form, before, finding)


def _made(row: DiscoveryRule) -> str:
    if row.waits:
        return f"Asked. “{row.name}” acts once somebody else, an approver, lets it."
    return f"“{row.name}” acts on findings that come from now on."


def _do(request: HttpRequest, pk: int, verb: Callable[..., Any], done: str) -> HttpResponse:
    rows = DiscoveryRule.objects.visible_to(request.user).select_related("scope")
    row = get_object_or_404(rows, pk=pk)
    return attempt(
        request,
        lambda: verb(rule=row, by=person(request), at=timezone.now()),
        done=done.format(row.name.replace("{", "{{")),
        back=reverse("discovery-rules", args=[row.scope.slug]),
    )


@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, approve_rule, "“{}” acts on findings that come from now on.")


@require_POST
def apply(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(
        request, pk, apply_rule,
        "“{}” was applied to the open findings that are there; beyond 10,000 a job goes on.",
    )  # fmt: skip


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(
        request, pk, end_rule, "“{}” has ended; what it set aside comes back into the queues."
    )


@require_POST
def decide_alone(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what one approver of the scope may decide alone."""
    scope = _scope(request, slug)
    form = AloneForm(request.POST)
    back = reverse("discovery-rules", args=[scope.slug])
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    return attempt(
        request,
        lambda: set_decision_policy(
            scope=scope, by=person(request), at=timezone.now(), **form.cleaned_data
        ),
        done="Set. What was asked before keeps needing two people.",
        back=back,
    )
