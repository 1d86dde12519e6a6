"""Moving findings on request, one or many: ``complete`` goes to the gate, the rest to the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import BadInput, Refused
from core.models import User
from findings.models import Finding
from findings.services import perform_transition
from scans.services.doors import request_completion

MAX_COMPLETIONS = 50  # each reads its scans again


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one finding: ``status`` is where it stands (dry run: would stand) now."""

    finding: int
    status: str
    refusal: Refused | IntegrityError | None = field(default=None, compare=False)


def move(
    *, finding: Finding, name: str, by: User, at: datetime, brought: Mapping[str, Any]
) -> Finding:
    """Perform one transition as ``by`` asks for it. Raises a refusal, and then changes nothing.

    ``brought``: see findings.guards; a ``remediation_id`` must be a fix of this finding.
    """
    if name == "complete":
        return request_completion(finding=finding, by=by, at=at)
    fix = brought.get("remediation_id")
    if fix is not None and not finding.remediations.filter(pk=fix).exists():
        raise BadInput("remediation_id", f"{fix} is no fix of this finding")
    return perform_transition(finding=finding, name=name, by=by, at=at, brought=brought)


def move_many(
    *,
    findings: Sequence[Finding],
    name: str,
    by: User,
    at: datetime,
    brought: Mapping[str, Any],
    dry_run: bool = False,
) -> list[Answer]:
    """Perform one transition for each finding on its own and answer each, in their order.

    Each is a transaction of its own, as its verb makes it: what the gate judged stays where it refuses.
    With ``dry_run`` the same is done and taken back, so that the preview cannot differ.
    """
    if name == "complete" and len(findings) > MAX_COMPLETIONS:
        raise BadInput(
            "findings", f"more than can be judged at once ({len(findings)} > {MAX_COMPLETIONS})"
        )
    return [_try(finding, name, by, at, brought, dry_run) for finding in findings]


def _try(
    finding: Finding, name: str, by: User, at: datetime, brought: Mapping[str, Any], dry_run: bool
) -> Answer:
    try:
        if not dry_run:
            moved = move(finding=finding, name=name, by=by, at=at, brought=brought)
            return Answer(finding.pk, moved.status)
        with transaction.atomic():
            moved = move(finding=finding, name=name, by=by, at=at, brought=brought)
            transaction.set_rollback(True)
            return Answer(finding.pk, moved.status)
    except (Refused, IntegrityError) as refusal:  # the others are answered all the same
        return Answer(finding.pk, finding.status, refusal)
