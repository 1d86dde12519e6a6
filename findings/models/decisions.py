"""What people decide and say about a finding."""

from typing import Any

from django.db import models
from django.db.models import Q

from core.constraints import both_or_neither, one_of
from core.models import User
from findings.models.finding import Finding
from findings.statuses import EvidenceKind


class ValidationEvidence(models.Model):
    """Why somebody holds the weakness to be real and reachable, or to be one with another."""

    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, related_name="validation_evidence"
    )
    kind = models.CharField(max_length=20)
    text = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            one_of("kind", EvidenceKind, "validation_evidence_kind"),
            models.UniqueConstraint(fields=["id", "finding"], name="evidence_and_finding"),
        ]


class TwoPersonDecision(models.Model):
    """One person asks with a reason, another one decides; ``alone``: the scope let one person do both."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="%(class)ss")
    reason = models.TextField()
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    alone = models.BooleanField(default=False, db_default=False)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


def _two_people(name: str) -> list[Any]:
    """Constraints of a two-person decision; ``name`` prefixes them."""
    return [
        both_or_neither("approved_at", "approved_by", f"{name}_approved_by_somebody"),
        models.CheckConstraint(
            name=f"{name}_two_people",
            condition=Q(approved_by__isnull=True)
            | ~Q(approved_by=models.F("requested_by"))
            | Q(alone=True),
        ),
    ]


class RiskAcceptance(TwoPersonDecision):
    """The risk of a finding is carried until a date, by name. Never counts as fixed."""

    until = models.DateField()

    class Meta:
        constraints = _two_people("risk_acceptance")
        indexes = [models.Index(fields=["until"], name="risk_acceptance_until")]


class Dismissal(TwoPersonDecision):
    """A finding is held to be a false positive."""

    class Meta:
        constraints = _two_people("dismissal")


class Comment(models.Model):
    """A person's or a ticket's words on a finding; plain text. Of one that was removed no word is left."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="comments")
    body = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            both_or_neither("removed_at", "removed_by", "comment_removed_by_somebody"),
            models.CheckConstraint(
                name="comment_removed_is_empty", condition=Q(removed_at__isnull=True) | Q(body="")
            ),
        ]
