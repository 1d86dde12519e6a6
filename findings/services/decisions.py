"""Decisions that take two people: carrying a risk until a date, dismissing as a false positive."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.lifecycle import transition_set
from findings.models import Dismissal, Finding, RiskAcceptance, ScopeDecisionPolicy
from findings.services.clocks import set_due
from findings.services.telling import append_set_event
from findings.services.words import text_given
from findings.statuses import OPEN, Status
from scopes.access import check_may


@transaction.atomic
def request_risk_acceptance(
    *, finding: Finding, reason: str, until: date, by: User, at: datetime
) -> RiskAcceptance:
    """Ask to carry the risk until a date, or on until a later one; another person, an approver, decides.

    It takes the place of an older request that nobody has decided.
    """
    check_may(by, Permission.TRIAGE, finding.scope_id)
    finding = _locked(finding)
    if finding.status != Status.RISK_ACCEPTED:
        _check_open(finding)
    if until <= at.date():
        raise BadInput("until", "must be in the future")
    request = RiskAcceptance.objects.create(
        finding=finding,
        reason=text_given("reason", reason),
        until=until,
        requested_at=at,
        requested_by=by,
        alone=ScopeDecisionPolicy.of(finding.scope_id).acceptances_alone,
    )
    append_event(
        scope_id=finding.scope_id, action="finding.risk_acceptance_requested", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"reason": request.reason, "until": until.isoformat()},
    )  # fmt: skip
    return request


@transaction.atomic
def request_dismissal(*, finding: Finding, reason: str, by: User, at: datetime) -> Dismissal:
    """Ask to dismiss the finding as a false positive; another person, an approver, decides.

    It takes the place of an older request that nobody has decided.
    """
    check_may(by, Permission.TRIAGE, finding.scope_id)
    finding = _locked(finding)
    _check_open(finding)
    request = Dismissal.objects.create(
        finding=finding, reason=text_given("reason", reason), requested_at=at, requested_by=by,
        alone=ScopeDecisionPolicy.of(finding.scope_id).dismissals_alone,
    )  # fmt: skip
    append_event(
        scope_id=finding.scope_id, action="finding.dismissal_requested", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"reason": request.reason},
    )  # fmt: skip
    return request


def _locked(finding: Finding) -> Finding:
    """The finding as it is now: nobody decides or reopens while somebody asks."""
    return Finding.objects.select_for_update(of=("self",), no_key=True).get(pk=finding.pk)


def _check_open(finding: Finding) -> None:
    if finding.status not in OPEN:
        raise WrongState(f"The finding is {Status(finding.status).label}, not open.")


@transaction.atomic
def expire_acceptances(*, at: datetime) -> int:
    """Reopen findings whose newest accepted risk has run out; return how many. For the beat."""
    accepted = RiskAcceptance.objects.filter(finding=OuterRef("pk"), approved_at__isnull=False)
    newest = accepted.order_by("-approved_at", "-pk").values("until")[:1]
    ended = (
        Finding.objects.filter(status=Status.RISK_ACCEPTED)
        .annotate(carried_until=Subquery(newest))
        .exclude(carried_until__gt=at.date())
        .select_for_update(of=("self",), no_key=True)
        .only("pk", "scope_id")
        .order_by("pk")
    )
    moved: dict[int, list[int]] = {}
    for finding in ended:
        moved.setdefault(finding.scope_id, []).append(finding.pk)
    for scope_id, ids in sorted(moved.items()):
        transition_set(Finding.objects.filter(pk__in=ids), "expire", at=at)
        set_due(Finding.objects.filter(pk__in=ids))
        append_set_event(
            scope_id=scope_id, action="finding.expire", subject="scope", subject_id=scope_id,
            by=None, at=at, data={"findings": ids}, findings=ids,
        )  # fmt: skip
    return sum(len(ids) for ids in moved.values())
