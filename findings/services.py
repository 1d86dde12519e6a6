"""Verbs on findings that are not bare transitions: validate with evidence, ask for decisions, comment, assign."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery

from core.errors import BadInput, Incomplete, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from findings.lifecycle import transition, transition_set
from findings.models import Comment, Dismissal, Finding, RiskAcceptance, ValidationEvidence
from findings.priority import prioritize
from findings.statuses import OPEN, EvidenceKind, Status
from scopes.access import check_may

MAX_TEXT = 20_000


def _text(where: str, value: str) -> str:
    value = clean_text(value).strip()
    if not value:
        raise BadInput(where, "must not be empty")
    if len(value) > MAX_TEXT:
        raise BadInput(where, f"longer than allowed ({len(value)} > {MAX_TEXT} characters)")
    return value


def set_priority(finding: Finding, *, validated: bool) -> None:
    """Compute the priority from the finding's severity and its scope and set it on the object (unsaved)."""
    result = prioritize(
        severity=finding.severity,
        exposure=finding.scope.exposure,
        criticality=finding.scope.criticality,
        validated=validated,
    )
    finding.priority = result.to_dict()
    finding.priority_score, finding.priority_band = result.score, result.band


@transaction.atomic
def perform_transition(
    *, finding: Finding, name: str, by: User, at: datetime, brought: Mapping[str, Any]
) -> Finding:
    """Perform a transition that a person asked for, with what it writes beside the status."""
    brought = dict(brought)
    moved = transition(finding.pk, name, by=by, at=at, brought=brought)
    if name == "validate":
        ValidationEvidence.objects.create(
            finding=moved, kind=brought.get("evidence_kind") or EvidenceKind.NOTE,
            text=_text("evidence", brought["evidence"]), at=at, by=by,
        )  # fmt: skip
    if name in ("prioritize", "validate"):
        set_priority(moved, validated=moved.validation_evidence.exists())
        moved.save(update_fields=["priority", "priority_score", "priority_band"])
    return moved


@transaction.atomic
def request_risk_acceptance(
    *, finding: Finding, reason: str, until: date, by: User, at: datetime
) -> RiskAcceptance:
    """Ask to carry the risk until a date; another person, an approver, decides."""
    check_may(by, Permission.TRIAGE, finding.scope_id)
    _check_open(finding)
    if until <= at.date():
        raise BadInput("until", "must be in the future")
    request = RiskAcceptance.objects.create(
        finding=finding,
        reason=_text("reason", reason),
        until=until,
        requested_at=at,
        requested_by=by,
    )
    append_event(
        scope_id=finding.scope_id, action="finding.risk_acceptance_requested", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"reason": request.reason, "until": until.isoformat()},
    )  # fmt: skip
    return request


@transaction.atomic
def request_dismissal(*, finding: Finding, reason: str, by: User, at: datetime) -> Dismissal:
    """Ask to dismiss the finding as a false positive; another person, an approver, decides."""
    check_may(by, Permission.TRIAGE, finding.scope_id)
    _check_open(finding)
    request = Dismissal.objects.create(
        finding=finding, reason=_text("reason", reason), requested_at=at, requested_by=by
    )
    append_event(
        scope_id=finding.scope_id, action="finding.dismissal_requested", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"reason": request.reason},
    )  # fmt: skip
    return request


def _check_open(finding: Finding) -> None:
    if finding.status not in OPEN:
        raise WrongState(f"The finding is {Status(finding.status).label}, not open.")


@transaction.atomic
def add_comment(*, finding: Finding, body: str, by: User, at: datetime) -> Comment:
    """Add a comment, as plain text."""
    check_may(by, Permission.CLAIM, finding.scope_id)
    comment = Comment.objects.create(finding=finding, body=_text("body", body), at=at, by=by)
    append_event(
        scope_id=finding.scope_id, action="finding.commented", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"comment": comment.pk},
    )  # fmt: skip
    return comment


@transaction.atomic
def assign(*, finding: Finding, to: User | None, by: User, at: datetime) -> Finding:
    """Make a member of the scope (or nobody) responsible for the finding."""
    check_may(by, Permission.TRIAGE, finding.scope_id)
    if to is not None and not to.memberships.filter(scope_id=finding.scope_id).exists():
        raise Incomplete("That person is not a member of this scope.")
    finding.assigned_to = to
    finding.save(update_fields=["assigned_to"])
    append_event(
        scope_id=finding.scope_id, action="finding.assigned", subject="finding",
        subject_id=finding.pk, by=by, at=at, data={"to": to.username if to else None},
    )  # fmt: skip
    return finding


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
        append_event(
            scope_id=scope_id, action="finding.expire", subject="scope", subject_id=scope_id,
            by=None, at=at, data={"findings": ids},
        )  # fmt: skip
    return sum(len(ids) for ids in moved.values())
