"""Moving a finding along the table with what stands beside the status."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from core.models import User
from findings.lifecycle import transition
from findings.models import Cause, Finding, ValidationEvidence
from findings.services.rescoring import rescore
from findings.services.words import text_given
from findings.statuses import EvidenceKind


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
        rescore(Finding.objects.filter(pk=moved.pk), cause=Cause.VALIDATION, at=at)
        moved.refresh_from_db()
    return moved
