"""The list of fixes, the page of one fix with its diff and judgements, and its review."""

import re
from typing import Any

from django.db.models import Exists, OuterRef
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KT
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
from findings.models import Finding
from gate import diff as gate_diff
from gate import policy as gate_policy
from gate.errors import InputError
from gate.terms import TIER_RANK, Tier
from remediations.filters import RemediationFilter
from remediations.forms import ReviewForm
from remediations.models import Remediation, RemediationFinding
from remediations.services import is_own
from remediations.statuses import Origin, RemediationState
from scans.models import Scan, Verification
from scans.results import seen_in_each
from scans.services.doors import review_fix
from scans.services.verify import commit_of, why_not_verify
from scans.views.current import fix_rows
from scans.views.diffs import ShownDiff, collect_marks, draw
from scans.views.evidence import proofs_of
from scans.views.judgements import lamps, worst
from scans.views.loop import HEAVY
from scans.views.objections import said_about
from scopes.access import can, remember, with_role

EARLIER, MOST_BROUGHT = 30, 50  # older judgements, findings brought in, that the page lists
BEFORE = re.compile(r"scan-([0-9]{1,18})\.sarif#")
# Parameters: the fix, the fix, MOST_BROUGHT.
FINDINGS = """
SELECT finding_id FROM remediations_remediationfinding WHERE remediation_id = %s
UNION SELECT id FROM (
    SELECT id FROM findings_finding WHERE introduced_by_id = %s ORDER BY id LIMIT %s
) AS brought
"""


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
    return get_object_or_404(with_role(rows, person(request)), pk=pk)


@require_GET
def remediation(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, visible_fix(request, pk))


def _page(
    request: HttpRequest, fix: Remediation, form: ReviewForm | None = None, status: int = 200
) -> HttpResponse:
    user = person(request)
    remember(user, fix)
    addressed, brought = _findings(fix)
    current = _current(fix, addressed)
    judged = {v.finding_id: v for v in current}
    tier = max((Tier(v.tier) for v in current), key=TIER_RANK.__getitem__, default=Tier.LOW)
    scans = Scan.objects.filter(remediation=fix).order_by("-pk")
    diff = _diff(fix, current)
    context = {
        "fix": fix,
        "findings": [(f, judged.get(f.pk)) for f in addressed],
        "current": current,
        "verdict": worst(v.verdict for v in current),
        "lamps": lamps(current, name_finding=len(current) > 1),
        "tier": tier.value,
        "diff": diff,
        "changed": sorted(diff.files, key=lambda file: file.path) if diff else [],
        "signals": list(fix.signals.order_by("pk")[:20]),
        "reviews": list(fix.reviews.select_related("reviewer").order_by("-pk")[:50]),
        "scans": list(scans.defer("facts", "log", "recipe")[:20]),
        "earlier": list(fix.verifications.defer("judgement", "inputs").order_by("-pk")[:EARLIER]),
        "history": tell(
            Event.objects.about("remediation", fix.pk).select_related("actor").order_by("-pk")[:50]
        ),
        "brought": brought,
        **said_about(user, fix, current),
        **proofs_of(user, fix, addressed),
        **_review(request, fix, tier, form),
        "verify_refusal": why_not_verify(fix, user, addressed),
        "verify_commit": commit_of(fix),
    }
    return render(request, "remediations/detail.html", context, status=status)


def _findings(fix: Remediation) -> tuple[list[Finding], list[Finding]]:
    """What the fix is for, and what it brought in."""
    ids = RawSQL(FINDINGS, [fix.pk, fix.pk, MOST_BROUGHT])  # noqa: S611 - parameters alone
    links = RemediationFinding.objects.filter(remediation=fix, finding=OuterRef("pk"))
    found = Finding.objects.filter(pk__in=ids).annotate(is_addressed=Exists(links))
    rows = list(found.defer(*HEAVY).order_by("pk"))
    return (
        [row for row in rows if row.is_addressed],
        [row for row in rows if row.introduced_by_id == fix.pk],
    )


def _current(fix: Remediation, addressed: list[Finding]) -> list[Verification]:
    """The judgements that stand, each with its finding; ``reference``: where its original is."""
    findings = {finding.pk: finding for finding in addressed}
    rows = Verification.objects.current().filter(remediation=fix).defer("inputs")
    rows_in_order = rows.annotate(reference=KT("inputs__finding")).order_by("finding_id")
    current: list[Verification] = list(rows_in_order)
    for verification in current:
        verification.finding, verification.remediation = findings[verification.finding_id], fix
    return current


def _diff(fix: Remediation, current: list[Verification]) -> ShownDiff | None:
    """Return the diff with the results on its lines; None where none is stored or readable."""
    if fix.diff_id is None:
        return None
    try:
        parsed = gate_diff.parse(blobs.load(fix.diff_id), "fix.diff")
    except (OSError, InputError):
        return None
    return draw(parsed, collect_marks(current, _original_places(current)))


def _original_places(current: list[Any]) -> dict[int, tuple[str, int | None]]:
    """Judgement → where the scan before the fix saw its finding."""
    named = {v.finding_id: BEFORE.match(v.reference or "") for v in current}
    seen = seen_in_each({pk: int(found[1]) for pk, found in named.items() if found})
    places = {v.pk: seen.get(v.finding_id, v.finding) for v in current}
    return {pk: (place.path, place.start_line) for pk, place in places.items()}


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
