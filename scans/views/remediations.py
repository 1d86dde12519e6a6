"""The list of fixes, the page of one fix with its diff and judgements, and its review."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core import blobs
from core.history import tell
from core.listing import listing, toggled
from core.models import Event, UserKind
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from gate import diff as gate_diff
from gate import policy as gate_policy
from gate.errors import InputError
from gate.terms import TIER_RANK, Tier
from remediations.filters import RemediationFilter
from remediations.forms import ReviewForm
from remediations.models import Remediation
from remediations.services import is_own
from remediations.statuses import Origin, RemediationState
from scans.models import Scan, Verification
from scans.results import seen_in
from scans.services.doors import review_fix
from scans.services.verify import commit_of, why_not_verify
from scans.views.current import fix_rows
from scans.views.diffs import ShownDiff, collect_marks, draw
from scans.views.evidence import proofs_of
from scans.views.judgements import lamps, worst
from scans.views.objections import said_about
from scopes.access import can

EARLIER = 30  # older judgements that the page lists


@require_GET
def remediations(request: HttpRequest) -> HttpResponse:
    rows = Remediation.objects.visible_to(request.user).select_related("scope", "asset", "line")
    listed = listing(request, RemediationFilter, rows.defer("commits").order_by("-id"))
    context = {
        "listed": listed,
        "rows": fix_rows(listed.page.rows),
        "states": _choices(listed.query, "state", RemediationState),
        "origins": _choices(listed.query, "origin", Origin),
    }
    return render(request, "remediations/list.html", context)


def _choices(query: Any, name: str, values: Any) -> list[dict[str, Any]]:
    chosen = query.getlist(name)
    return [
        {
            "words": v.value.replace("_", " "),
            "url": toggled(query, name, v.value),
            "active": v.value in chosen,
        }
        for v in values
    ]


def visible_fix(request: HttpRequest, pk: int) -> Remediation:
    """Return a fix that the signed-in person may see, with its surroundings; else 404."""
    rows = Remediation.objects.visible_to(request.user).select_related(
        "scope__policy", "asset", "line", "created_by", "diff"
    )
    return get_object_or_404(rows, pk=pk)


@require_GET
def remediation(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, visible_fix(request, pk))


def _page(
    request: HttpRequest, fix: Remediation, form: ReviewForm | None = None, status: int = 200
) -> HttpResponse:
    current = list(
        Verification.objects.current()
        .filter(remediation=fix)
        .select_related("finding")
        .order_by("finding_id")
    )
    judged = {v.finding_id: v for v in current}
    tier = max((Tier(v.tier) for v in current), key=TIER_RANK.__getitem__, default=Tier.LOW)
    scans = Scan.objects.filter(remediation=fix).order_by("-pk")
    addressed = list(fix.findings.order_by("pk"))
    context = {
        "fix": fix,
        "findings": [(f, judged.get(f.pk)) for f in addressed],
        "current": current,
        "verdict": worst(v.verdict for v in current),
        "lamps": lamps(current, name_finding=len(current) > 1),
        "tier": tier.value,
        "diff": _diff(fix, current),
        "changed": list(fix.changed_files.order_by("path")[:200]),
        "signals": list(fix.signals.order_by("pk")[:20]),
        "reviews": list(fix.reviews.select_related("reviewer").order_by("-pk")[:50]),
        "scans": list(scans.defer("facts", "log", "recipe")[:20]),
        "earlier": list(
            fix.verifications.defer("judgement", "inputs").select_related("finding").order_by("-pk")
        )[:EARLIER],
        "history": tell(
            Event.objects.about("remediation", fix.pk).select_related("actor").order_by("-pk")[:50]
        ),
        "brought": list(_brought_in(fix)),
        **said_about(person(request), fix, current),
        **proofs_of(person(request), fix, addressed),
        **_review(request, fix, tier, form),
        "verify_refusal": why_not_verify(fix, person(request)),
        "verify_commit": commit_of(fix),
    }
    return render(request, "remediations/detail.html", context, status=status)


def _brought_in(fix: Remediation) -> Any:
    return fix.findings.model._default_manager.filter(introduced_by_id=fix.pk).order_by("pk")[:50]


def _diff(fix: Remediation, current: list[Verification]) -> ShownDiff | None:
    """Return the diff with the results on its lines; None where none is stored or readable."""
    if fix.diff_id is None:
        return None
    try:
        parsed = gate_diff.parse(blobs.load(fix.diff_id), "fix.diff")
    except (OSError, InputError):
        return None
    return draw(parsed, collect_marks(current, {v.pk: _original_place(v) for v in current}))


def _original_place(verification: Verification) -> tuple[str, int | None]:
    """Where the scan before the fix saw the finding."""
    finding = verification.finding
    named = re.match(r"scan-([0-9]{1,18})\.sarif#", verification.inputs.get("finding", ""))
    seen = seen_in(finding.pk, int(named[1])) if named else None
    return (seen.path, seen.start_line) if seen else (finding.path, finding.start_line)


def _review(
    request: HttpRequest, fix: Remediation, tier: Tier, form: ReviewForm | None
) -> dict[str, Any]:
    """The review form, or the sentence that says why there is none."""
    questions = _questions(fix, tier)
    return {
        "refusal": _review_refusal(request, fix),
        "form": form or ReviewForm(questions=questions, initial={"commit": fix.head_commit}),
        "wanted_reviewers": _terms(fix, tier).reviewers,
    }


def _terms(fix: Remediation, tier: Tier) -> Any:
    policy = fix.scope.policy
    return gate_policy.load(policy.toml.encode(), policy.name).terms[tier]


def _questions(fix: Remediation, tier: Tier) -> tuple[str, ...]:
    return tuple(_terms(fix, tier).questions)


def _review_refusal(request: HttpRequest, fix: Remediation) -> str:
    user = person(request)
    if fix.state == RemediationState.WITHDRAWN:
        return "The fix was withdrawn."
    if user.kind != UserKind.HUMAN:
        return "A review is a person's decision; this account is not a person."
    if not can(user, Permission.REVIEW, fix.scope_id):
        return "Your role in this scope does not allow you to review."
    if is_own(fix, user):
        return "Nobody reviews their own fix; someone else has to."
    return ""


@require_POST
def review(request: HttpRequest, pk: int) -> HttpResponse:
    fix = visible_fix(request, pk)
    current = Verification.objects.current().filter(remediation=fix)
    tiers = [Tier(tier) for tier in current.values_list("tier", flat=True)]
    tier = max(tiers, key=TIER_RANK.__getitem__, default=Tier.LOW)
    form = ReviewForm(request.POST, questions=_questions(fix, tier))
    back = f"{fix.get_absolute_url()}#review"
    if "commit" in form.errors:
        return refuse_form(request, form, back=back)
    if not form.is_valid():
        return _page(request, fix, form, status=422)
    told = form.cleaned_data
    return attempt(
        request,
        lambda: review_fix(
            remediation=fix,
            by=person(request),
            at=timezone.now(),
            decision=told["decision"],
            commit=told["commit"],
            comment=told["comment"],
            answers=form.answers,
        ),
        done=f"Your review of {fix.head_commit[:12]} is recorded, and the fix was judged with it.",
        back=back,
    )


@require_GET
def diff(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand out the stored diff as it came."""
    fix = visible_fix(request, pk)
    row = get_object_or_404(Remediation.objects.filter(pk=fix.pk, diff__isnull=False))
    response = HttpResponse(blobs.load(row.diff_id or ""), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{fix}.diff"'
    return response
