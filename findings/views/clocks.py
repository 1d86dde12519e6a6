"""Pages of the SLA: a scope's terms; pausing the clock of a finding."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import NotAllowed, Refused
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings import weights
from findings.clock_forms import PauseForm, ResumeForm, SlaForm, told
from findings.services.clocks import pause_clock, resume_clock, set_sla
from findings.statuses import Severity
from findings.views.findings import visible_finding
from scopes.access import check_may
from scopes.models import Scope


@require_http_methods(["GET", "POST"])
def sla(request: HttpRequest, slug: str) -> HttpResponse:
    """Show by when findings of a scope have to be fixed; change it."""
    scope = get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)
    sent = request.method == "POST"
    form = SlaForm(request.POST) if sent else SlaForm(initial=told(scope))
    if sent and form.is_valid():
        try:
            set_sla(scope=scope, terms=form.terms(), by=person(request), at=timezone.now())
        except Refused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "The SLA is in force; due dates follow in a moment.")
            return redirect("scope-sla", scope.slug)
    context = {
        "scope": scope,
        "form": form,
        "severities": [severity.value for severity in Severity],
        "bands": weights.NAMES,
        "refusal": _refusal(request, scope),
    }
    return render(request, "scopes/sla.html", context, status=422 if sent else 200)


def _refusal(request: HttpRequest, scope: Scope) -> str:
    try:
        check_may(person(request), Permission.ADMINISTER, scope.pk)
    except NotAllowed as error:
        return str(error)
    return ""


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = PauseForm(request.POST)
    back = f"{finding.get_absolute_url()}#clock"
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    return attempt(
        request,
        lambda: pause_clock(
            finding=finding, by=person(request), at=timezone.now(), **form.cleaned_data
        ),
        done="Its clock stands still.",
        back=back,
    )


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    finding = visible_finding(request, pk)
    form = ResumeForm(request.POST)
    back = f"{finding.get_absolute_url()}#clock"
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    pause = get_object_or_404(finding.pauses, pk=form.cleaned_data["pause"])
    return attempt(
        request,
        lambda: resume_clock(pause=pause, by=person(request), at=timezone.now()),
        done="Its clock runs again.",
        back=back,
    )
