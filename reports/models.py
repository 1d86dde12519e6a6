"""Moves of findings as the events tell them, to be counted; and reports, frozen when they were made."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import Blob, Job, JobState, User
from findings.models import Finding
from findings.statuses import Status
from reports.statuses import Period, ReportState
from scopes.models import Scope


class Move(models.Model):
    """A finding went from one status to another: an event of it, or its part in an event of many.

    A copy that can be made anew from the events (``services/moves.py``). ``opened_at``: when it had been
    opened again before; null: it was open since it was first seen. ``claimed_at``: when it was first said
    to be fixed since then, before this move.
    """

    finding = models.ForeignKey(
        Finding,
        on_delete=models.CASCADE,
        related_name="moves",
        db_constraint=False,
        db_index=False,
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    name = models.CharField(max_length=20)
    source = models.CharField(max_length=22)
    target = models.CharField(max_length=22)
    opened_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            one_of("source", Status, "move_source"),
            one_of("target", Status, "move_target"),
            CompositeForeignKey(
                name="move_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [
            models.Index(fields=["finding", "at", "id"], name="move_of_finding"),
            models.Index(fields=["scope", "at"], name="move_of_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class MoveCursor(models.Model):
    """The place in one scope's chain of events up to which moves were copied. Locked to copy."""

    scope = models.OneToOneField(Scope, on_delete=models.CASCADE, primary_key=True)
    seq = models.BigIntegerField(default=0)


class ReportQuerySet(models.QuerySet["Report"]):
    def visible_to(self, user: User | AnonymousUser) -> "ReportQuerySet":
        """Reports of which ``user`` may read every scope: a sum tells of each of its parts."""
        hidden = ReportScope.objects.filter(report=OuterRef("pk")).exclude(
            scope__in=Scope.objects.visible_to(user)
        )
        some = ReportScope.objects.filter(report=OuterRef("pk"))
        return self.filter(Exists(some), ~Exists(hidden))


class Report(models.Model):
    """What was so at one moment and what had changed since another, frozen. Never made twice.

    ``snapshot``: figures, definitions, policies, as JSON; its digest stands in an event. ``rows``: the
    findings behind them, as lines of CSV. All forms of a report are drawn from these two alone.
    """

    scopes = models.ManyToManyField(Scope, through="ReportScope", related_name="+")
    period = models.CharField(max_length=8)
    since = models.DateTimeField()
    until = models.DateTimeField()
    state = models.CharField(max_length=8, default=ReportState.ORDERED.value)
    ordered_at = models.DateTimeField()
    ordered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(null=True)
    snapshot = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    rows = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("state", ReportState, "report_state"),
            one_of("period", Period, "report_period"),
            models.CheckConstraint(
                name="report_looks_back", condition=Q(until__gt=models.F("since"))
            ),
            both_or_neither("made_at", "snapshot", "report_made_with_snapshot"),
            both_or_neither("made_at", "rows", "report_made_with_rows"),
            models.CheckConstraint(
                name="report_made_when_it_says_so",
                condition=Q(state="made", made_at__isnull=False)
                | Q(state="ordered", made_at__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["-until", "-id"], name="report_newest")]

    def __str__(self) -> str:
        return f"{self.period} to {self.until:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return reverse("period-report", args=[self.pk])

    @property
    def is_made(self) -> bool:
        return self.state == ReportState.MADE

    @property
    def problem(self) -> str:
        """Why it will not be made; empty: it is, or it waits."""
        job = self.job
        return job.error if job is not None and job.state == JobState.QUARANTINED else ""


class ReportScope(models.Model):
    """A report tells of a scope."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="parts")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "scope"], name="report_scope_once")
        ]
