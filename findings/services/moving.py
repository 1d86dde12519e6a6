"""Moving a finding along the table with what stands beside the status."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from core.models import User
from findings.lifecycle import check_transition, transition
from findings.models import Cause, Finding, ValidationEvidence
from findings.services.rescoring import rescore
from findings.services.words import text_given
from findings.statuses import EvidenceKind


@transaction.atomic
def perform_transition(
    *, finding: Finding, name: str, by: User, at: datetime, brought: Mapping[str, Any]
) -> Finding:
    """Perform a transition that a person asked for, with what it writes beside the status.

    That comes first: sums of priorities are shared, so who writes one may wait for somebody who
    wrote the same, and waits for the head of the log that the event takes.
    """
    brought = dict(brought)
    if name in ("prioritize", "validate"):
        check_transition(finding.pk, name, by=by, at=at, brought=brought)
        if name == "validate":
            ValidationEvidence.objects.create(
                finding=finding, kind=brought.get("evidence_kind") or EvidenceKind.NOTE,
                text=text_given("evidence", brought["evidence"]), at=at, by=by,
            )  # fmt: skip
        rescore(Finding.objects.filter(pk=finding.pk), cause=Cause.VALIDATION, at=at)
    return transition(finding.pk, name, by=by, at=at, brought=brought)
