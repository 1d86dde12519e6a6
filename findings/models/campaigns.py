"""Remediation campaigns: many findings, one goal."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither
from core.models import User
from findings.models.finding import Finding
from scopes.models import Scope, Team


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def visible_to(self, user: User | AnonymousUser) -> "CampaignQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def running(self) -> "CampaignQuerySet":
        return self.filter(ended_at__isnull=True)


class Campaign(models.Model):
    """Many findings of a scope that people fix together, with a goal in words. It closes none of them."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=120)
    goal = models.TextField()
    owner = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    due_on = models.DateField(null=True)
    findings = models.ManyToManyField(
        Finding, through="CampaignFinding", through_fields=("campaign", "finding"),
        related_name="campaigns",
    )  # fmt: skip
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_reason = models.TextField(default="")

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            both_or_neither("ended_at", "ended_by", "campaign_ended_by_somebody"),
            models.CheckConstraint(
                name="campaign_ends_after_it_started",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
            ),
            models.CheckConstraint(
                name="campaign_has_name_and_goal", condition=~Q(name="") & ~Q(goal="")
            ),
            models.UniqueConstraint(fields=["scope", "name"], name="campaign_name_in_scope"),
            models.UniqueConstraint(fields=["id", "scope"], name="campaign_and_scope"),
            CompositeForeignKey(
                name="campaign_team_in_scope",
                fields=["team", "scope"],
                to_table="scopes_team",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaign", args=[self.pk])

    @property
    def is_running(self) -> bool:
        return self.ended_at is None


class CampaignFinding(models.Model):
    """A finding is part of a campaign, since ``at``."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="members", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    finding = models.ForeignKey(
        Finding, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    scope = models.ForeignKey(
        Scope, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "finding"], name="campaign_finding_once"),
            CompositeForeignKey(
                name="campaign_finding_campaign_in_scope",
                fields=["campaign", "scope"],
                to_table="findings_campaign",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="campaign_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]
