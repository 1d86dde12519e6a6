"""Moving a finding along the table with what stands beside the status; who answers for it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import Incomplete
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.lifecycle import transition
from findings.models import Finding, ValidationEvidence
from findings.priority import prioritize
from findings.services.words import text_given
from findings.statuses import EvidenceKind
from scopes.access import check_may


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
            text=text_given("evidence", brought["evidence"]), at=at, by=by,
        )  # fmt: skip
    if name in ("prioritize", "validate"):
        set_priority(moved, validated=moved.validation_evidence.exists())
        moved.save(update_fields=["priority", "priority_score", "priority_band"])
    return moved


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
