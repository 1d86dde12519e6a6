"""When the SLA's clock of a finding stood still, and what was told of it."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import User
from findings.models.finding import Finding
from findings.statuses import Notice
from scopes.models import Scope


class PauseQuerySet(models.QuerySet["ClockPause"]):
    def visible_to(self, user: User | AnonymousUser) -> "PauseQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class ClockPause(models.Model):
    """The clock of a finding stands still while somebody else has to act."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="pauses")
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    party = models.CharField(max_length=200)  # whom it waits for
    reason = models.TextField()
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = PauseQuerySet.as_manager()

    class Meta:
        constraints = [
            both_or_neither("ended_at", "ended_by", "clock_pause_ended_by_somebody"),
            models.UniqueConstraint(
                fields=["finding"], condition=Q(ended_at__isnull=True), name="clock_pause_one"
            ),
            CompositeForeignKey(
                name="clock_pause_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]


class ClockNotice(models.Model):
    """It was told once that a finding is or will be late, or that its acceptance ends."""

    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, related_name="notices", db_constraint=False
    )
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=18)
    due_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            one_of("kind", Notice, "clock_notice_kind"),
            models.UniqueConstraint(fields=["finding", "kind", "due_at"], name="clock_notice_once"),
            CompositeForeignKey(
                name="clock_notice_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]
