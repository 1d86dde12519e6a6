"""Waivers: a check set aside by an approver who did not write the fix, until a day. Verbs.

What the gate would void is refused here: the rules stand in gate/waivers.py and are asked there.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.moments import rfc3339
from core.permissions import Permission
from findings.models import Finding
from findings.statuses import OPEN
from gate import evidence as gate
from gate.checks import CHECKS
from gate.waivers import objection
from remediations.models import Remediation, Waiver
from remediations.services import locked
from remediations.statuses import RemediationState
from scans.models import Verification
from scans.services.parties import (
    check_not_the_fixer,
    check_person,
    judged_now,
    reason_given,
)
from scans.services.verification import judge_remediation
from scopes.access import check_may

MAX_DAYS = 365
WAIVABLE = {check.id: check.can_be_waived for check in CHECKS}
IN_THE_WAY = {"FAIL", "UNKNOWN", "WAIVED"}


def _event(waiver: Waiver, action: str, *, by: User, at: datetime, **data: Any) -> None:
    append_event(
        scope_id=waiver.scope_id, action=f"remediation.{action}", subject="remediation",
        subject_id=waiver.remediation_id, by=by, at=at,
        data={"waiver": waiver.pk, "check": waiver.check_id, "finding": waiver.finding_id, **data},
    )  # fmt: skip


@transaction.atomic
def give_waiver(
    *,
    remediation: Remediation,
    check: str,
    reason: str,
    until: date,
    by: User,
    at: datetime,
    finding: Finding | None = None,
) -> Waiver:
    """Set a check aside for the newest revision of a fix, and judge it with that.

    ``finding`` None: for all findings of the fix. It lasts to the end of ``until`` (UTC), at most
    365 days ahead. Raises NotAllowed for checks that nobody can waive, for the fixer and for
    accounts that are no person's; BadInput; WrongState where the check is not in the way.
    """
    check_may(by, Permission.APPROVE, remediation.scope_id)
    check_person(by, "A waiver")
    _check_waivable(check)
    reason = reason_given(reason)
    _check_until(until, at)
    fix = locked(remediation.pk)
    told = check_not_the_fixer(fix, by, "waives a check")
    _check_in_the_way(fix, finding, check)
    _check_not_waived(fix, finding, check, until)
    waiver = Waiver(
        scope_id=fix.scope_id, remediation=fix, finding=finding, commit=fix.head_commit,
        check_id=check, reason=reason, until=until, at=at, by=by,
    )  # fmt: skip
    given = gate.Waiver(check, by.username, reason, until.isoformat())
    if said := objection(given, told, rfc3339(at)):
        raise NotAllowed(said)
    waiver.save()
    _event(waiver, "waived", by=by, at=at, reason=reason, until=until.isoformat())
    judge_remediation(fix.pk, at=at)
    return waiver


def _check_waivable(check: str) -> None:
    if check not in WAIVABLE:
        raise BadInput("check", f"there is no check called {check[:60]!r}")
    if not WAIVABLE[check]:
        raise NotAllowed(f"{check} can be waived by nobody.")


def _check_until(until: date, at: datetime) -> None:
    today = at.astimezone(UTC).date()
    if until <= today:
        raise BadInput("until", "must be in the future")
    if until > today + timedelta(days=MAX_DAYS):
        raise BadInput("until", f"is more than {MAX_DAYS} days ahead")


def _check_in_the_way(fix: Remediation, finding: Finding | None, check: str) -> None:
    """Nobody waives what they have not seen fail."""
    outcomes = {
        row["outcome"]
        for verification in judged_now(fix, finding)
        for row in verification.judgement["checks"]
        if row["id"] == check
    }
    if not outcomes & IN_THE_WAY:
        raise WrongState(f"{check} is not in the way of {fix}; there is nothing to waive.")


def _check_not_waived(fix: Remediation, finding: Finding | None, check: str, until: date) -> None:
    standing = fix.waivers.filter(
        commit=fix.head_commit, check_id=check, finding=finding, until__gte=until,
        revoked_at__isnull=True,
    ).first()  # fmt: skip
    if standing is not None:
        raise WrongState(f"{check} is waived already, until {standing.until.isoformat()}.")


@transaction.atomic
def revoke_waiver(*, waiver: Waiver, reason: str, by: User, at: datetime) -> Waiver:
    """Take a waiver back, and judge the fix without it.

    What was completed with it stays: its certificate shows the waiver as it stood then.
    """
    check_may(by, Permission.APPROVE, waiver.scope_id)
    check_person(by, "Revoking a waiver")
    reason = reason_given(reason)
    locked(waiver.remediation_id)
    waiver = Waiver.objects.select_related("remediation").get(pk=waiver.pk)
    if waiver.revoked_at is not None:
        raise WrongState("The waiver was revoked already.")
    waiver.revoked_at, waiver.revoked_by, waiver.revoked_reason = at, by, reason
    waiver.save(update_fields=["revoked_at", "revoked_by", "revoked_reason"])
    _event(waiver, "waiver_revoked", by=by, at=at, reason=reason)
    judge_remediation(waiver.remediation_id, at=at)
    return waiver


def judge_ended_waivers(*, at: datetime) -> int:
    """Judge again the fixes whose standing judgement rests on a waiver that has ended; return how many.

    For the beat. What is complete stays so: it was judged while the waiver held.
    """
    ended = Waiver.objects.filter(
        revoked_at__isnull=True, until__lt=at.astimezone(UTC).date(),
        commit=F("remediation__head_commit"), remediation__findings__status__in=OPEN,
    )  # fmt: skip
    ended = ended.exclude(remediation__state=RemediationState.WITHDRAWN).distinct()
    fixes = {waiver.remediation_id for waiver in ended.order_by("pk") if _is_relied_on(waiver)}
    for fix in sorted(fixes):
        judge_remediation(fix, at=at)
    return len(fixes)


def _is_relied_on(waiver: Waiver) -> bool:
    """Whether a judgement that stands was made while the waiver held, and says WAIVED by it."""
    end = datetime.combine(waiver.until, time.min, UTC) + timedelta(days=1)
    rows = Verification.objects.current().filter(
        remediation=waiver.remediation_id, finding__status__in=OPEN, at__lt=end
    )
    return any(
        check["id"] == waiver.check_id
        and check["outcome"] == "WAIVED"
        and f"until {waiver.until.isoformat()}" in check["reason"]
        for judgement in rows.values_list("judgement", flat=True)
        for check in judgement["checks"]
    )
