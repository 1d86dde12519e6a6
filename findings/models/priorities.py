"""Why priorities are not what they were: runs of scoring anew, and what each changed."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from findings.models.feeds import Feed
from findings.models.finding import Finding
from findings.models.sums import PrioritySum
from scopes.models import Scope


class Cause(StrEnum):
    """What was different, so that a priority was worked out again."""

    FEED = "feed"
    POLICY = "policy"  # of priorities
    SCOPE = "scope"  # its exposure or criticality
    VALIDATION = "validation"
    SEVERITY = "severity"  # decided by a person or a rule
    IMPORT = "import"  # a scan tells another severity

    @property
    def label(self) -> str:
        return {
            Cause.FEED: "new data of a feed",
            Cause.POLICY: "other weights",
            Cause.SCOPE: "the scope changed",
            Cause.VALIDATION: "validated",
            Cause.SEVERITY: "another severity was decided",
            Cause.IMPORT: "a scan tells another severity",
        }[self]


class Rescoring(models.Model):
    """The findings of a scope are scored anew, for one cause; done in parts, each kept as it is done."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=10)
    feed = models.ForeignKey(Feed, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    cursor = models.BigIntegerField(default=0)  # the last finding that is done
    looked_at = models.PositiveIntegerField(default=0)  # findings
    changed = models.PositiveIntegerField(default=0)  # priorities
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            one_of("cause", Cause, "rescoring_cause"),
            models.UniqueConstraint(fields=["id", "scope"], name="rescoring_and_scope"),
            models.CheckConstraint(
                name="rescoring_feed_is_its_cause",
                condition=Q(cause="feed", feed__isnull=False)
                | (~Q(cause="feed") & Q(feed__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} {self.pk}"


class PriorityChange(models.Model):
    """The priority of a finding changed: what it was until then, with its whole sum, and what it became."""

    finding = models.ForeignKey(
        Finding,
        on_delete=models.CASCADE,
        related_name="priority_changes",
        db_constraint=False,
        db_index=False,
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    rescoring = models.ForeignKey(
        Rescoring, null=True, on_delete=models.PROTECT, related_name="changes", db_index=False
    )  # none: of the one finding alone
    at = models.DateTimeField()
    cause = models.CharField(max_length=10)
    from_score = models.SmallIntegerField()
    from_band = models.CharField(max_length=2)
    from_ssvc = models.CharField(max_length=8)
    to_score = models.SmallIntegerField()
    to_band = models.CharField(max_length=2)
    to_ssvc = models.CharField(max_length=8)
    until_then = models.ForeignKey(
        PrioritySum, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            one_of("cause", Cause, "priority_change_cause"),
            CompositeForeignKey(
                name="priority_change_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="priority_change_rescoring_in_scope",
                fields=["rescoring", "scope"],
                to_table="findings_rescoring",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [
            models.Index(fields=["finding", "-id"], name="priority_change_of_finding"),
            models.Index(fields=["rescoring", "id"], name="priority_change_of_rescoring"),
        ]

    def __str__(self) -> str:
        return f"{self.from_band} {self.from_score} → {self.to_band} {self.to_score}"
