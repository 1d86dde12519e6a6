"""Reports of assets that nobody has told us of: rows and reads. Verbs are in services/inbox.py."""

from enum import StrEnum

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import Blob, User
from scopes.models import Asset, Scope


class InboxState(StrEnum):
    WAITING = "waiting"
    PLACED = "placed"
    REJECTED = "rejected"


class InboxReportQuerySet(models.QuerySet["InboxReport"]):
    def visible_to(self, user: User | AnonymousUser) -> "InboxReportQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def waiting(self) -> "InboxReportQuerySet":
        return self.filter(state=InboxState.WAITING)


class InboxReport(models.Model):
    """A report of an asset that was not there when it came, kept whole. Placed or rejected once, never lost."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    asset_name = models.CharField(max_length=200, default="", blank=True)
    repository = models.CharField(max_length=500, default="", blank=True)
    line = models.CharField(max_length=200, default="", blank=True)  # empty: the default one
    raw = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    facts = models.JSONField(default=dict)  # as an upload would have kept them
    upload_key = models.CharField(max_length=64)  # SHA-256 over the names, raw digest and facts
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    state = models.CharField(max_length=8, default=InboxState.WAITING.value)
    asset = models.ForeignKey(Asset, null=True, on_delete=models.PROTECT, related_name="+")
    scan_id = models.BigIntegerField(null=True)  # that it became
    reason = models.TextField(default="", blank=True)  # why it was rejected
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = InboxReportQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("state", InboxState, "inbox_state"),
            both_or_neither("decided_at", "decided_by", "inbox_decided_by_somebody"),
            models.CheckConstraint(
                condition=~Q(asset_name="") | ~Q(repository=""), name="inbox_names_something"
            ),
            models.CheckConstraint(
                name="inbox_as_decided",
                condition=Q(state="waiting", decided_at__isnull=True, asset__isnull=True,
                            scan_id__isnull=True, reason="")
                | Q(state="placed", decided_at__isnull=False, asset__isnull=False,
                    scan_id__isnull=False, reason="")
                | Q(state="rejected", decided_at__isnull=False, asset__isnull=True,
                    scan_id__isnull=True) & ~Q(reason=""),
            ),
            models.UniqueConstraint(fields=["scope", "upload_key"], name="inbox_once_per_upload"),
            CompositeForeignKey(
                name="inbox_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="inbox_scan_in_scope",
                fields=["scan_id", "scope"],
                to_table="scans_scan",
                to_columns=["id", "scope_id"],
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["scope", "id"], name="inbox_waiting", condition=Q(state="waiting"))
        ]

    def __str__(self) -> str:
        return self.asset_name or self.repository

    def get_absolute_url(self) -> str:
        return reverse("inbox-report", args=[self.pk])
