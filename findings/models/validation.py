"""What is brought beside a finding: files, severities that people decided, disputes."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import Blob, User
from findings.models.decisions import ValidationEvidence
from findings.models.finding import Finding
from findings.statuses import FindingDisputeAbout, FindingDisputeState, Severity
from scopes.models import Scope

MAX_FILES = 20  # of one finding


class Attachment(models.Model):
    """One file that somebody brought to a finding; ``number`` counts from 1 within the finding.

    ``content_type`` is what its bytes tell, never what was said of it. Files are handed out to be
    kept, never shown.
    """

    finding = models.ForeignKey(
        Finding,
        on_delete=models.CASCADE,
        related_name="attachments",
        db_constraint=False,
        db_index=False,
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    evidence = models.ForeignKey(
        ValidationEvidence,
        null=True,
        on_delete=models.PROTECT,
        related_name="attachments",
        db_constraint=False,
    )
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=150)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()  # bytes
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "number"], name="attachment_number"),
            models.CheckConstraint(
                name="attachment_so_many",
                condition=Q(number__gte=1, number__lte=MAX_FILES),
            ),
            models.CheckConstraint(name="attachment_has_a_name", condition=~Q(name="")),
            CompositeForeignKey(
                name="attachment_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="attachment_evidence_of_finding",
                fields=["evidence", "finding"],
                to_table="findings_validationevidence",
                to_columns=["id", "finding_id"],
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SeverityDecision(models.Model):
    """A person set a finding's severity, or took it back (""); the newest counts, above any rule."""

    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, related_name="severity_decisions", db_constraint=False
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    severity = models.CharField(max_length=8, default="")
    reason = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="severity_decision_severity",
                condition=Q(severity__in=["", *(severity.value for severity in Severity)]),
            ),
            models.CheckConstraint(name="severity_decision_has_a_reason", condition=~Q(reason="")),
            CompositeForeignKey(
                name="severity_decision_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]


class FindingDisputeQuerySet(models.QuerySet["FindingDispute"]):
    def visible_to(self, user: User | AnonymousUser) -> "FindingDisputeQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class FindingDispute(models.Model):
    """A member says that a finding is not real, not as severe, or not theirs; an analyst answers."""

    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, related_name="disputed", db_constraint=False
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    about = models.CharField(max_length=9)
    reason = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, default=FindingDisputeState.OPEN.value)
    answer = models.TextField(default="")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = FindingDisputeQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("about", FindingDisputeAbout, "finding_dispute_about"),
            one_of("state", FindingDisputeState, "finding_dispute_state"),
            models.CheckConstraint(name="finding_dispute_has_a_reason", condition=~Q(reason="")),
            both_or_neither("answered_at", "answered_by", "finding_dispute_answered_by_somebody"),
            models.CheckConstraint(
                name="finding_dispute_state_tells",
                condition=Q(state="open", answered_at__isnull=True, answer="")
                | Q(state__in=["upheld", "rejected"], answered_at__isnull=False)
                & ~Q(answer="")
                & ~Q(answered_by=F("by"))
                | Q(state="withdrawn", answered_at__isnull=False, answered_by=F("by")),
            ),
            models.UniqueConstraint(
                fields=["finding", "about"],
                condition=Q(state="open"),
                name="finding_dispute_one_open",
            ),
            CompositeForeignKey(
                name="finding_dispute_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"dispute {self.pk}"
