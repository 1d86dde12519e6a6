"""Disputes: two people reject a pair or a cause in a judgement, with a reason. Verbs.

An outcome is never rejected, only what it rests on. What the gate would void is refused here.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from gate.disputes import objection
from gate.novelty import Cause
from remediations.models import Dispute, Remediation
from remediations.services import locked
from remediations.statuses import STANDING, DisputeAbout, DisputeState
from scans.models import Verification
from scans.services.parties import (
    check_not_the_fixer,
    check_person,
    is_same_person,
    judged_now,
    reason_given,
)
from scans.services.verification import judge_remediation
from scopes.access import check_may

A_RESULT = re.compile(r"#/runs/[0-9]+/results/[0-9]+\Z")
WHAT = "disputes what is judged"


def pairs_of(verification: Verification) -> list[str]:
    """References of the results after the fix that a judgement holds to be, or to perhaps be, its finding."""
    after = {d["name"] for d in verification.inputs["documents"] if d["role"] == "after"}
    return [
        reference
        for check in verification.judgement["checks"]
        if check["id"] == "ORIGINAL_ABSENT" and check["outcome"] in ("FAIL", "UNKNOWN")
        for reference in check["evidence"]
        if A_RESULT.search(reference) and reference.partition("#")[0] in after
    ]


def causes_of(verification: Verification) -> Iterator[tuple[str, str]]:
    """Reference and cause of each new result of a judgement."""
    for new in verification.judgement["new"]:
        yield from ((reference, new["cause"]) for reference in new.get("evidence", [])[:1])


def _event(dispute: Dispute, action: str, *, by: User, at: datetime, **data: Any) -> None:
    append_event(
        scope_id=dispute.scope_id, action=f"remediation.dispute_{action}", subject="remediation",
        subject_id=dispute.remediation_id, by=by, at=at,
        data={"dispute": dispute.pk, "about": dispute.about, "result": dispute.result,
              "finding": dispute.finding_id, "cause": dispute.cause, **data},
    )  # fmt: skip


@transaction.atomic
def propose_dispute(
    *,
    remediation: Remediation,
    about: str,
    result: str,
    reason: str,
    by: User,
    at: datetime,
    finding: Finding | None = None,
    cause: str = "",
) -> Dispute:
    """Say that a result is not ``finding`` (about match), or new for another ``cause`` (about cause).

    ``result``: an evidence reference into a scan after the fix, as the standing judgement has it.
    Nothing changes until a second person confirms. Raises NotAllowed for the fixer and accounts
    that are no person's; BadInput; WrongState where no standing judgement says so.
    """
    check_may(by, Permission.DISPOSE, remediation.scope_id)
    check_person(by, "A dispute")
    _check_shape(about, finding, cause)
    reason = reason_given(reason)
    fix = locked(remediation.pk)
    check_not_the_fixer(fix, by, WHAT)
    _check_judged(fix, about, result, finding, cause)
    if fix.disputes.filter(
        about=about, result=result, finding=finding, state__in=STANDING
    ).exists():
        raise WrongState("This is disputed already; see the dispute that stands.")
    dispute = Dispute.objects.create(
        scope_id=fix.scope_id, remediation=fix, finding=finding, about=about, result=result,
        cause=cause, reason=reason, at=at, by=by,
    )  # fmt: skip
    _event(dispute, "proposed", by=by, at=at, reason=reason)
    return dispute


def _check_shape(about: str, finding: Finding | None, cause: str) -> None:
    if about not in list(DisputeAbout):
        raise BadInput("about", f"{about[:40]!r} is none of: {', '.join(DisputeAbout)}")
    if about == DisputeAbout.MATCH:
        if finding is None:
            raise BadInput("finding", "is missing: a match is of one finding")
        if cause:
            raise BadInput("cause", "is not for a dispute about a match")
        return
    if finding is not None:
        raise BadInput("finding", "is not for a dispute about a cause, which is for all findings")
    if cause not in list(Cause):
        raise BadInput("cause", f"{cause[:40]!r} is none of: {', '.join(Cause)}")


def _check_judged(
    fix: Remediation, about: str, result: str, finding: Finding | None, cause: str
) -> None:
    """Raise WrongState unless a standing judgement says what is disputed."""
    judged = judged_now(fix, finding)
    if about == DisputeAbout.MATCH:
        if not any(result in pairs_of(verification) for verification in judged):
            raise WrongState(f"No standing judgement pairs {finding} with {result[:200]}.")
        return
    told = {c for v in judged for reference, c in causes_of(v) if reference == result}
    if not told:
        raise WrongState(f"No standing judgement calls {result[:200]} new.")
    if told == {cause}:
        raise WrongState(f"The gate gives it the cause {cause.replace('_', ' ')} already.")


@transaction.atomic
def confirm_dispute(*, dispute: Dispute, by: User, at: datetime) -> Dispute:
    """Second a dispute: from now on the fix is judged with it. Needs another person, an approver."""
    check_may(by, Permission.APPROVE, dispute.scope_id)
    check_person(by, "A dispute")
    fix = locked(dispute.remediation_id)
    dispute = Dispute.objects.select_related("by", "finding").get(pk=dispute.pk)
    if dispute.state != DisputeState.PROPOSED:
        raise WrongState(f"The dispute is {dispute.state} already.")
    if dispute.by_id == by.pk or is_same_person(dispute.by, by):
        raise NotAllowed("Nobody confirms their own dispute; a second person has to.")
    told = check_not_the_fixer(fix, by, WHAT)
    if said := objection(dispute.by.username, by.username, told):
        raise NotAllowed(said)
    _check_judged(fix, dispute.about, dispute.result, dispute.finding, dispute.cause)
    dispute.state = DisputeState.CONFIRMED.value
    dispute.second, dispute.second_at = by, at
    dispute.save(update_fields=["state", "second", "second_at"])
    _event(dispute, "confirmed", by=by, at=at, reason=dispute.reason)
    judge_remediation(fix.pk, at=at)
    return dispute


@transaction.atomic
def withdraw_dispute(*, dispute: Dispute, reason: str, by: User, at: datetime) -> Dispute:
    """Take a dispute back; a confirmed one by an approver, and the fix is judged without it."""
    check_may(by, Permission.DISPOSE, dispute.scope_id)
    check_person(by, "Withdrawing a dispute")
    reason = reason_given(reason)
    fix = locked(dispute.remediation_id)
    dispute = Dispute.objects.get(pk=dispute.pk)
    if dispute.state == DisputeState.WITHDRAWN:
        raise WrongState("The dispute is withdrawn already.")
    counted = dispute.state == DisputeState.CONFIRMED
    if counted:
        check_may(by, Permission.APPROVE, dispute.scope_id)
    check_not_the_fixer(fix, by, WHAT)
    dispute.state = DisputeState.WITHDRAWN.value
    dispute.withdrawn_at, dispute.withdrawn_by, dispute.withdrawn_reason = at, by, reason
    dispute.save(update_fields=["state", "withdrawn_at", "withdrawn_by", "withdrawn_reason"])
    _event(dispute, "withdrawn", by=by, at=at, reason=reason)
    if counted:
        judge_remediation(fix.pk, at=at)
    return dispute
