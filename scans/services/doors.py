"""Verbs that touch a fix and its judgement together: what pages and API call. Each is one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from findings.statuses import OPEN, Status
from remediations.models import Remediation, Review
from remediations.services import (
    check_may_tell,
    is_own,
    locked,
    propose_remediation,
    push_revision,
    record_merge,
    record_review,
)
from remediations.statuses import RemediationState
from scans.models import Disposition, Verification
from scans.services.clearances import refutation
from scans.services.parties import check_person, reason_given
from scans.services.verification import failing_checks, judge_remediation
from scans.statuses import DispositionKind
from scopes.access import check_may


@transaction.atomic
def propose_fix(*, at: datetime, **proposal: Any) -> Remediation:
    """Record a proposed fix; see propose_remediation. One that is known is judged with what it gained."""
    fix = propose_remediation(at=at, **proposal)
    if fix.scans.exists():
        judge_remediation(fix.pk, at=at)
    return fix


@transaction.atomic
def push_fix(*, remediation: Remediation, at: datetime, **revision: Any) -> Remediation:
    """Record a new revision and judge it: until it is scanned and reviewed, no lamp is green."""
    fix = push_revision(remediation=remediation, at=at, **revision)
    judge_remediation(fix.pk, at=at)
    return fix


@transaction.atomic
def review_fix(*, remediation: Remediation, at: datetime, **review: Any) -> Review:
    """Record a review and judge the fix with it; see record_review."""
    row = record_review(remediation=remediation, at=at, **review)
    judge_remediation(remediation.pk, at=at)
    return row


@transaction.atomic
def merge_fix(*, remediation: Remediation, at: datetime, **merge: Any) -> Remediation:
    """Record a merge and judge the fix with what merged; a pass completes its findings."""
    fix = record_merge(remediation=remediation, at=at, **merge)
    judge_remediation(fix.pk, at=at)
    return fix


@transaction.atomic
def fix_is_told(*, remediation: Remediation, at: datetime) -> Sequence[Verification]:
    """Judge a fix of which a code host told more, if it was judged or scanned before.

    A judgement that says the same as the last one is no new row.
    """
    is_begun = remediation.scans.exists() or remediation.verifications.exists()
    return judge_remediation(remediation.pk, at=at) if is_begun else ()


def newest_verification(finding: Finding) -> Verification | None:
    """Return the current judgement of a live fix that is nearest to closing the finding: a merged one first."""
    rows = Verification.objects.current().filter(finding=finding).select_related("remediation")
    rows = rows.exclude(remediation__state=RemediationState.WITHDRAWN)
    return rows.order_by("-with_merge", "-pk").first()


def request_completion(*, finding: Finding, by: User, at: datetime) -> Finding:
    """Ask the gate to complete a finding. It does what the evidence says, whoever asks.

    Raises WrongState with the failing checks unless the judgement over what is stored now passes.
    """
    check_may(by, Permission.READ, finding.scope_id)
    if finding.status not in OPEN:
        raise WrongState(f"The finding is {Status(finding.status).label}.")
    fixes = finding.remediations.exclude(state="withdrawn").order_by("pk")
    for fix in fixes:
        judge_remediation(fix.pk, at=at)
    finding.refresh_from_db()
    if finding.status == Status.MOBILIZATION_COMPLETE:
        return finding
    verification = newest_verification(finding)
    if verification is None:
        raise WrongState(
            "No fix of this finding is known, so there is nothing that a post-fix scan could prove.",
            checks=[{"id": "SCAN_LINKED", "lamp": "safe", "outcome": "FAIL",
                     "reason": "No remediation is linked to this finding.",
                     "to_pass": "Propose the fix, have it scanned, reviewed and merged."}],
        )  # fmt: skip
    raise WrongState(_refusal(verification), checks=failing_checks(verification.judgement))


def _refusal(verification: Verification) -> str:
    failing = failing_checks(verification.judgement)
    fix = verification.remediation
    if failing:
        names = ", ".join(check["id"] for check in failing)
        return f"The gate does not let it complete yet. Open under {fix}: {names}."
    if not verification.with_merge:
        return f"{fix} has passed but has not merged; completion needs what merged."
    said = refutation(verification.finding, fix)
    return f"{fix} has passed, but {said}: only a fix that merges after that can close it."


@transaction.atomic
def record_disposition(
    *,
    verification: Verification,
    rule: str,
    path: str,
    line: int | None,
    decision: str,
    reason: str,
    by: User,
    at: datetime,
) -> Disposition:
    """Record what a person decided about one new result that a fix brought in, and judge with it.

    Raises BadInput when the verification names no such result or the decision is none we know.
    """
    check_may(by, Permission.DISPOSE, verification.scope_id)
    check_person(by, "A word on a new result")
    if decision not in list(DispositionKind):
        raise BadInput("decision", f"{decision[:40]!r} is none of: {', '.join(DispositionKind)}")
    if (rule, path, line) not in {
        (new["rule"], new["path"], new["line"]) for new in verification.judgement["new"]
    }:
        raise BadInput("rule", "the verification names no such new result at this place")
    reason = reason_given(reason)
    if is_own(locked(verification.remediation_id), by):
        raise NotAllowed("Nobody disposes of what their own fix brought in; someone else has to.")
    row = Disposition.objects.create(
        verification=verification, rule=rule, path=path, line=line, decision=decision,
        reason=reason, at=at, by=by,
    )  # fmt: skip
    append_event(
        scope_id=verification.scope_id, action="verification.disposition", subject="finding",
        subject_id=verification.finding_id, by=by, at=at,
        data={"verification": verification.pk, "rule": rule, "path": path, "line": line,
              "decision": decision, "reason": reason},
    )  # fmt: skip
    judge_remediation(verification.remediation_id, at=at)
    return row


def judge_fix(*, remediation: Remediation, by: User, at: datetime) -> Sequence[Verification]:
    """Judge now with what is stored."""
    check_may_tell(by, remediation)
    return judge_remediation(remediation.pk, at=at)
