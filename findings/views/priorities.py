"""Pages of priorities: the weights of a scope, the feeds that are here, and why one priority is what it is."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput, NotAllowed, WrongState
from core.permissions import Permission
from core.views import person
from findings.models import Cause, CweName, Feed, Finding, Rescoring
from findings.priority_forms import WeightsForm
from findings.services.feeds import freshness
from findings.services.priority_policies import (
    digest_in_force,
    priority_versions,
    put_priority_policy_in_force,
    text_in_force,
    try_priority_policy,
    why_not_in_force,
)
from findings.services.rescoring import weights_of
from findings.weights import NAMES, TABLES, Weights, read_weights
from scopes.access import check_may
from scopes.models import Scope

CHANGES, RUNS, FILES = 10, 10, 20  # rows that a page shows


# --- one finding ---------------------------------------------------------------------------------
def priority_panel(finding: Finding) -> dict[str, Any]:
    """What the page of a finding tells of its priority: three statements."""
    changes = list(
        finding.priority_changes.select_related("until_then").order_by("-pk")[: CHANGES + 1]
    )
    numbers = {name: int(name[4:]) for name in finding.cwes if name[4:].isdigit()}
    names = CweName.objects.in_bulk(list(numbers.values()))
    weaknesses = [
        (cwe, getattr(names.get(numbers.get(cwe, 0)), "name", "")) for cwe in finding.cwes
    ]
    return {
        "changes": [
            {"change": row, "cause": Cause(row.cause).label} for row in changes[:CHANGES]
        ],
        "more_changes": len(changes) > CHANGES,
        "cves": list(finding.named_cves.order_by("cve").values_list("cve", flat=True)),
        "weaknesses": weaknesses,
    }  # fmt: skip


# --- feeds ---------------------------------------------------------------------------------------
@require_GET
def feeds(request: HttpRequest) -> HttpResponse:
    """Show what is here of exploited CVEs and names of weaknesses, and how old it is."""
    context = {
        "feeds": freshness(timezone.now()),
        "files": Feed.objects.visible_to(request.user).order_by("-pk")[:FILES],
    }
    return render(request, "findings/feeds.html", context)


# --- weights of a scope --------------------------------------------------------------------------
def _scope(request: HttpRequest, slug: str) -> Scope:
    rows = Scope.objects.visible_to(request.user).select_related("priority_policy")
    return get_object_or_404(rows, slug=slug)


@require_GET
def weights(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the weights in force as a table, those before them, and a form for others."""
    return _page(request, _scope(request, slug))


@require_POST
def try_weights(request: HttpRequest, slug: str) -> HttpResponse:
    """Count what other weights would change. Keeps nothing."""
    scope, form = _scope(request, slug), WeightsForm(request.POST)
    if sentence := _refusal(request, scope):
        messages.error(request, sentence)
        return redirect("scope-priority", slug)
    if not form.is_valid():
        return _page(request, scope, form, status=422)
    toml = form.cleaned_data["toml"].encode()
    try:
        tried = {
            "weights": read_weights(toml),
            "run": try_priority_policy(scope=scope, toml=toml, by=person(request)),
            "refusal": why_not_in_force(scope, read_weights(toml), toml),
        }
    except BadInput as error:
        return _page(request, scope, form, {"error": str(error)}, status=422)
    return _page(request, scope, form, tried)


@require_POST
def put_weights(request: HttpRequest, slug: str) -> HttpResponse:
    """Put weights in force; where that is refused, the text stays in the form."""
    scope, form = _scope(request, slug), WeightsForm(request.POST)
    if not form.is_valid():
        return _page(request, scope, form, status=422)
    said = form.cleaned_data
    try:
        run = put_priority_policy_in_force(
            scope=scope, toml=said["toml"].encode(), replaces=said["replaces"],
            by=person(request), at=timezone.now(),
        )  # fmt: skip
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("scope-priority", slug)
    except (BadInput, WrongState) as error:
        status = 422 if isinstance(error, BadInput) else 409
        return _page(request, scope, form, {"error": str(error)}, status=status)
    messages.success(request, _done(run))
    return redirect("scope-priority", slug)


def _done(run: Rescoring) -> str:
    if run.finished_at is None:
        return "The weights are in force. The worker scores the findings of the scope anew."
    return f"The weights are in force: {run.changed} of {run.looked_at} priorities changed."


def _refusal(request: HttpRequest, scope: Scope) -> str:
    """Why this person may not propose other weights; empty: they may."""
    try:
        check_may(person(request), Permission.ADMINISTER, scope.pk)
    except NotAllowed as error:
        return str(error)
    return ""


def _page(
    request: HttpRequest,
    scope: Scope,
    form: WeightsForm | None = None,
    tried: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    if form is None:
        start = {"toml": text_in_force(scope), "replaces": digest_in_force(scope)}
        form = WeightsForm(initial=start)
    refusal, now = _refusal(request, scope), weights_of(scope)
    context = {
        "scope": scope,
        "weights": now,
        "groups": table(now),
        "versions": priority_versions(scope),
        "runs": Rescoring.objects.filter(scope=scope).select_related("feed").order_by("-pk")[:RUNS],
        "refusal": refusal,
        "form": None if refusal else form,
        "tried": tried or {},
    }
    return render(request, "scopes/priority.html", context, status=status)


def table(now: Weights) -> list[tuple[str, list[tuple[str, str]]]]:
    """The weights as people read them: group, then words and points."""
    groups = [
        (f"{name} of the scope" if name != "severity" else name,
         [(word, f"{getattr(now, name)[word]}") for word in words])
        for name, words in TABLES.items()
    ]  # fmt: skip
    groups.append(("validated", [("with evidence", f"{now.validated}")]))
    listed = [("listed", f"{now.exploited}")]
    groups.append(
        ("known exploited (KEV)", [*listed, ("and by ransomware", f"{now.ransomware} more")])
    )
    likely = [(f"{least:.0%} or more", f"{points}") for least, points in now.likelihood]
    groups.append(("exploit likelihood (EPSS)", likely or [("any", "0")]))
    groups.append(("bands", [(name, f"from {now.bands[name]}") for name in NAMES]))
    return groups
