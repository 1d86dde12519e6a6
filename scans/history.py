"""Findings that were closed elsewhere, or before we were here: rows and reads. Never a finding of ours."""

from enum import StrEnum

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from findings.statuses import Severity
from remediations.statuses import Origin
from scopes.models import Asset, Scope


class HistorySource(StrEnum):
    """Where a closure was told."""

    GITHUB = "github"
    DEFECTDOJO = "defectdojo"
    CSV = "csv"


class ClosedHow(StrEnum):
    """What closed it there, as that place says."""

    FIXED = "fixed"
    FALSE_POSITIVE = "false_positive"
    RISK_ACCEPTED = "risk_accepted"
    DUPLICATE = "duplicate"
    OUT_OF_SCOPE = "out_of_scope"
    DISMISSED = "dismissed"  # for another reason, or none
    UNKNOWN = "unknown"


class Scanned(StrEnum):
    """When the fix was first scanned, relative to its merge. ``no``: scans are known, and none is of it."""

    BEFORE = "yes"
    AFTER = "after"
    NO = "no"
    UNKNOWN = "unknown"


class HistoricClosureQuerySet(models.QuerySet["HistoricClosure"]):
    def visible_to(self, user: User | AnonymousUser) -> "HistoricClosureQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class HistoricClosure(models.Model):
    """A finding that was closed elsewhere, as that place tells it. A claim of others: nothing here is proven.

    It is never complete, is counted apart, and moves no finding. ``scanned``: what the evidence that
    came with it says of the fix, ``evidence`` the sentence, ``links`` where to look.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, null=True, on_delete=models.PROTECT, related_name="+")
    asset_name = models.CharField(max_length=200, default="")
    source = models.CharField(max_length=10)
    key = models.CharField(max_length=300)  # what names it there
    url = models.CharField(max_length=500, default="")
    tool = models.CharField(max_length=120, default="")
    rule = models.CharField(max_length=300, default="")
    title = models.CharField(max_length=300)
    severity = models.CharField(max_length=8, default="")  # empty: not told
    closed_at = models.DateTimeField()
    how = models.CharField(max_length=14)
    reason = models.TextField(default="")  # of a dismissal
    fix_url = models.CharField(max_length=500, default="")
    fix_commit = models.CharField(max_length=64, default="")
    merged_at = models.DateTimeField(null=True)
    origin = models.CharField(max_length=12, default=Origin.UNKNOWN.value)
    agent = models.CharField(max_length=120, default="")
    scanned = models.CharField(max_length=7, default=Scanned.UNKNOWN.value)
    evidence = models.CharField(max_length=500)
    links = models.JSONField(default=list)
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = HistoricClosureQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("source", HistorySource, "historic_closure_source"),
            one_of("how", ClosedHow, "historic_closure_how"),
            one_of("origin", Origin, "historic_closure_origin"),
            one_of("scanned", Scanned, "historic_closure_scanned"),
            models.CheckConstraint(
                name="historic_closure_severity",
                condition=Q(severity__in=["", *(member.value for member in Severity)]),
            ),
            models.CheckConstraint(  # before or after what, if it never merged?
                name="historic_closure_scanned_of_a_merge",
                condition=Q(merged_at__isnull=False) | Q(scanned="unknown"),
            ),
            models.UniqueConstraint(
                fields=["scope", "source", "key"], name="historic_closure_once"
            ),
            CompositeForeignKey(
                name="historic_closure_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [
            models.Index(fields=["scope", "-closed_at", "-id"], name="historic_closure_newest")
        ]

    def __str__(self) -> str:
        return self.title
