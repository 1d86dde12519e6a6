"""Disputed findings: a member says not real, not as severe, not ours; an analyst answers."""

from datetime import datetime

from django.db import IntegrityError, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import Finding, FindingDispute
from findings.services.assigning import assign
from findings.services.decisions import request_dismissal
from findings.services.severities import decide_severity
from findings.services.words import text_given
from findings.statuses import (
    OPEN,
    FindingDisputeAbout,
    FindingDisputeState,
    Severity,
    Status,
)
from scopes.access import check_may


@transaction.atomic
def dispute_finding(
    *, finding: Finding, about: str, reason: str, by: User, at: datetime
) -> FindingDispute:
    """Say that an open finding is not real, not as severe, or not for who it is assigned to.

    One dispute of each kind waits at a time. Raises BadInput, WrongState.
    """
    check_may(by, Permission.CLAIM, finding.scope_id)
    if about not in list(FindingDisputeAbout):
        raise BadInput("about", f"must be one of: {', '.join(FindingDisputeAbout)}")
    now = Finding.objects.select_for_update(no_key=True).get(pk=finding.pk)
    if now.status not in OPEN:
        raise WrongState(f"The finding is {Status(now.status).label}, not open.")
    try:
        with transaction.atomic():
            row = FindingDispute.objects.create(
                finding=finding, scope_id=finding.scope_id, about=about,
                reason=text_given("reason", reason), at=at, by=by,
            )  # fmt: skip
    except IntegrityError as error:
        raise WrongState(f"Its {about} is disputed already, and nobody has answered.") from error
    append_event(
        scope_id=finding.scope_id, action="finding.disputed", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"dispute": row.pk, "of": about, "reason": row.reason},
    )  # fmt: skip
    return row


@transaction.atomic
def answer_dispute(
    *,
    dispute: FindingDispute,
    uphold: bool,
    answer: str,
    by: User,
    at: datetime,
    severity: str = "",
    to: User | None = None,
) -> FindingDispute:
    """Uphold or reject a dispute with a reason; never one's own.

    Upheld, of existence: the answer becomes a request to dismiss, which another person decides. Of
    severity: ``severity`` is decided. Of ownership: it is assigned to ``to``, or to nobody, and to no team.
    Raises BadInput, NotAllowed, WrongState.
    """
    check_may(by, Permission.TRIAGE, dispute.scope_id)
    row = _locked(dispute)
    if row.by_id == by.pk:
        raise NotAllowed("Nobody answers their own dispute.")
    row.answer = text_given("answer", answer)
    row.state = FindingDisputeState.UPHELD if uphold else FindingDisputeState.REJECTED
    row.answered_at, row.answered_by = at, by
    row.save(update_fields=["answer", "state", "answered_at", "answered_by"])
    if uphold:
        _follow(row, severity, to, by, at)
    append_event(
        scope_id=row.scope_id, action=f"finding.dispute_{row.state}", subject="finding",
        subject_id=row.finding_id, by=by, at=at,
        data={"dispute": row.pk, "of": row.about, "reason": row.answer},
    )  # fmt: skip
    return row


def _follow(row: FindingDispute, severity: str, to: User | None, by: User, at: datetime) -> None:
    finding = Finding.objects.select_for_update(no_key=True).get(pk=row.finding_id)
    if finding.status not in OPEN:
        raise WrongState(f"The finding is {Status(finding.status).label} by now, not open.")
    if row.about == FindingDisputeAbout.EXISTENCE:
        request_dismissal(finding=finding, reason=row.answer, by=by, at=at)
    elif row.about == FindingDisputeAbout.SEVERITY:
        if severity not in list(Severity):
            raise BadInput("severity", f"must be one of: {', '.join(Severity)}")
        decide_severity(finding=finding, severity=severity, reason=row.answer, by=by, at=at)
    else:
        assign(finding=finding, to=to, team=None, by=by, at=at)


@transaction.atomic
def withdraw_dispute(*, dispute: FindingDispute, by: User, at: datetime) -> FindingDispute:
    """Take back one's own dispute that nobody has answered. Raises NotAllowed, WrongState."""
    check_may(by, Permission.CLAIM, dispute.scope_id)
    row = _locked(dispute)
    if row.by_id != by.pk:
        raise NotAllowed("Only who made a dispute takes it back.")
    row.state = FindingDisputeState.WITHDRAWN
    row.answered_at, row.answered_by = at, by
    row.save(update_fields=["state", "answered_at", "answered_by"])
    append_event(
        scope_id=row.scope_id, action="finding.dispute_withdrawn", subject="finding",
        subject_id=row.finding_id, by=by, at=at, data={"dispute": row.pk, "of": row.about},
    )  # fmt: skip
    return row


def _locked(dispute: FindingDispute) -> FindingDispute:
    row = FindingDispute.objects.select_for_update(no_key=True).get(pk=dispute.pk)
    if row.state != FindingDisputeState.OPEN:
        raise WrongState(f"The dispute was {FindingDisputeState(row.state)} already.")
    return row
