"""What is said beside the scans, as pages show it, with the forms for who may, and what those do.

Revocations on a secret's page, proofs on that of a fix, standing approvals on a page of the scope.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.models import User
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.models import Finding
from findings.statuses import OPEN
from findings.views.findings import visible_finding
from remediations.models import Release, Remediation, StandingApproval
from remediations.statuses import Outcome, RemediationState, SecretState
from scans.forms import ProofForm, ReasonForm, RevocationForm, StandingApprovalForm
from scans.services.parties import check_person
from scans.services.proofs import record_proof
from scans.services.secrets import record_revocation
from scans.services.standing import end_standing_approval, give_standing_approval
from scans.services.telling import check_apart, check_may_tell, is_secret, live
from scans.statuses import ToolClass
from scans.views.objections import refusal_of
from scopes.access import can, check_may
from scopes.models import Scope

MOST = 50  # rows of each that a page lists
LOOKS = {  # what was said → icon, tone, words
    SecretState.REVOKED: ("circle-check", "pass", "revoked"),
    SecretState.ACTIVE: ("circle-x", "fail", "still active"),
    SecretState.NEVER_LIVE: ("circle-minus", "pass", "never live"),
    Outcome.FAILS: ("circle-check", "pass", "fails on the fix"),
    Outcome.WORKS: ("circle-x", "fail", "still works"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A row with how it looks; ``note``: why it does not count here; ``end``: the form that ends it."""

    row: Any
    icon: str
    tone: str
    words: str
    note: str = ""
    end: ReasonForm | None = None


# --- a secret ------------------------------------------------------------------------------------
def revocations_of(user: User, finding: Finding, fixes: Iterable[Remediation]) -> dict[str, Any]:
    """Context of a finding's page: what was said of its secret; nothing where it is none."""
    if not is_secret(finding):
        return {}
    rows = finding.secret_revocations.select_related("by").order_by("-as_of", "-pk")[:MOST]
    is_open = finding.status in OPEN
    refusal = _may_tell_of(user, finding, fixes) if is_open else ""
    form = RevocationForm(auto_id="id_revocation_%s") if is_open and not refusal else None
    return {
        "is_secret": True,
        "revocations": [Shown(row, *LOOKS[SecretState(row.state)]) for row in rows],
        "revocation_form": form,
        "revocation_refusal": refusal,
    }


def _may_tell_of(user: User, finding: Finding, fixes: Iterable[Remediation]) -> str:
    what = "says that the secret is revoked"
    return refusal_of(
        lambda: check_may_tell(user, finding.scope_id, "A word on a revocation"),
        *(lambda fix=fix: check_apart(fix, user, what) for fix in live(fixes)),
    )


@require_POST
def tell_revocation(request: HttpRequest, pk: int) -> HttpResponse:
    """Record whether a secret was revoked; the fixes of the finding are judged with it."""
    finding = visible_finding(request, pk)
    back = f"{finding.get_absolute_url()}#revocation"
    form = RevocationForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    by = person(request)
    return attempt(
        request,
        lambda: record_revocation(
            finding=finding, by=by, at=timezone.now(), **form.cleaned_data
        ),
        done="Recorded, and its fixes were judged with it.",
        back=back,
    )  # fmt: skip


# --- proofs of concept ---------------------------------------------------------------------------
def proofs_of(user: User, fix: Remediation, findings: Iterable[Finding]) -> dict[str, Any]:
    """Context of a fix's page: its proofs of concept; nothing where no agentic scanner found what it fixes."""
    agentic = [f for f in findings if f.tool_class == ToolClass.AGENTIC]
    if not agentic:
        return {}
    choices = [(f.pk, f"{f} {f.title}") for f in agentic if f.status in OPEN]
    refusal = _may_prove(user, fix) if choices else ""
    goal = fix.merge_commit or fix.head_commit
    rows = fix.proofs.select_related("by", "finding").order_by("-pk")[:MOST]
    shown = [Shown(row, *LOOKS[Outcome(row.outcome)], note=_older(row, fix)) for row in rows]
    form = ProofForm(initial={"commit": goal}, findings=choices, auto_id="id_proof_%s")
    return {
        "has_agentic": True,
        "proofs": shown,
        "proof_goal": goal,
        "proof_form": form if choices and not refusal else None,
        "proof_refusal": refusal,
    }


def _older(row: Any, fix: Remediation) -> str:
    known = (fix.head_commit, fix.merge_commit)
    return "" if row.commit in known else "an older revision: does not count"


def _may_prove(user: User, fix: Remediation) -> str:
    if fix.state == RemediationState.WITHDRAWN:
        return "The fix was withdrawn."
    return refusal_of(
        lambda: check_may_tell(user, fix.scope_id, "A word on a proof of concept"),
        lambda: check_apart(fix, user, "proves the end of a weakness"),
    )


@require_POST
def tell_proof(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what a proof of concept does on the fix, which is judged with it."""
    rows = Remediation.objects.visible_to(request.user)
    fix = get_object_or_404(rows, pk=pk)
    back = f"{fix.get_absolute_url()}#proofs"
    findings = {finding.pk: finding for finding in fix.findings.all()}
    form = ProofForm(request.POST, findings=[(key, str(row)) for key, row in findings.items()])
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    told = {**form.cleaned_data, "finding": findings[form.cleaned_data["finding"]]}
    by = person(request)
    return attempt(
        request,
        lambda: record_proof(remediation=fix, by=by, at=timezone.now(), **told),
        done="Recorded, and the fix was judged with it.",
        back=back,
    )


# --- standing approvals --------------------------------------------------------------------------
def _visible_scope(request: HttpRequest, slug: str) -> Scope:
    return get_object_or_404(Scope.objects.visible_to(request.user), slug=slug)


@require_GET
def standing_approvals(request: HttpRequest, slug: str) -> HttpResponse:
    """Who approved what by which bots in a scope, and what was looked up."""
    scope, user = _visible_scope(request, slug), person(request)
    refusal = refusal_of(
        lambda: check_may(user, Permission.APPROVE, scope.pk),
        lambda: check_person(user, "A standing approval"),
    )
    rows = scope.standing_approvals.select_related("by", "ended_by").order_by("-pk")[:MOST]
    may = can(user, Permission.APPROVE, scope.pk)
    looked_up = Release.objects.filter(scope=scope).select_related("by").order_by("-pk")[:20]
    context = {
        "scope": scope,
        "approvals": [_shown(row, may=may) for row in rows],
        "form": None if refusal else StandingApprovalForm(auto_id="id_approval_%s"),
        "refusal": refusal,
        "looked_up": list(looked_up),
    }
    return render(request, "scopes/standing_approvals.html", context)


def _shown(row: StandingApproval, *, may: bool) -> Shown:
    today = timezone.now().date()
    if row.ended_at is not None:
        return Shown(row, "undo-2", "plain", "ended")
    if row.until < today:
        return Shown(row, "clock", "plain", "over")
    looks = (
        ("clock", "plain", "not yet") if row.since > today else ("circle-check", "pass", "in force")
    )
    form = ReasonForm(auto_id=f"id_end_{row.pk}_%s") if may else None
    return Shown(row, *looks, end=form)


def _do(
    request: HttpRequest, form: Any, verb: Callable[[], Any], done: str, scope: Scope
) -> HttpResponse:
    back = redirect("standing-approvals", scope.slug).url
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    return attempt(request, verb, done=done, back=back)


@require_POST
def give(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a standing approval; what bots proposed is judged with it."""
    scope, by = _visible_scope(request, slug), person(request)
    form = StandingApprovalForm(request.POST)
    return _do(
        request,
        form,
        lambda: give_standing_approval(scope=scope, by=by, at=timezone.now(), **form.cleaned_data),
        "Given, and what bots proposed was judged with it.",
        scope,
    )


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a standing approval before its day."""
    rows = StandingApproval.objects.visible_to(request.user).select_related("scope")
    row, by = get_object_or_404(rows, pk=pk), person(request)
    form = ReasonForm(request.POST)
    return _do(
        request,
        form,
        lambda: end_standing_approval(
            approval=row, by=by, at=timezone.now(), **form.cleaned_data
        ),
        "Ended, and what bots proposed was judged without it.",
        row.scope,
    )  # fmt: skip
