"""Fixes that tools and agents propose as files: rows and reads. A proposal is never evidence.

They name their neighbours by table, so that ``remediations.models`` can show them to Django.
"""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import Blob, User
from remediations.statuses import (
    Confidence,
    Origin,
    ProposalSource,
    ProposalState,
    Sureness,
)
from scopes.models import Asset, Line, Scope


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def visible_to(self, user: User | AnonymousUser) -> "ProposalQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def offered(self) -> "ProposalQuerySet":
        return self.filter(state=ProposalState.OFFERED)


class Proposal(models.Model):
    """One fix that a file proposes for findings of a line. Nothing is applied and nothing is proven by it.

    Its change is ``diff``, or, where the files it starts from are not known, ``replacements`` (a list
    of regions with texts). ``digest`` is of the change: the same change again is the same proposal.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="proposals")
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="+")
    findings = models.ManyToManyField(
        "findings.Finding", through="ProposalFinding", through_fields=("proposal", "finding"),
        related_name="proposals",
    )  # fmt: skip
    source = models.CharField(max_length=6)
    place = models.CharField(max_length=300, default="")  # in its file
    tool = models.CharField(max_length=120, default="")
    rule = models.CharField(max_length=300, default="")  # the codemod, or the scanner's rule
    title = models.CharField(max_length=300)
    description = models.TextField(default="")
    diff = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    replacements = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    files = models.PositiveIntegerField()  # that it changes
    base_commit = models.CharField(max_length=64, default="")  # that it starts from, where told

    origin = models.CharField(max_length=12, default=Origin.UNKNOWN.value)
    agent = models.CharField(max_length=120, default="")
    model = models.CharField(max_length=120, default="")
    confidence = models.CharField(max_length=6, default="")  # in origin and agent
    signals = models.JSONField(default=list)  # kind, agent, origin, confidence, text of each sign

    state = models.CharField(max_length=8, default=ProposalState.OFFERED.value)
    remediation = models.ForeignKey(
        "remediations.Remediation", null=True, on_delete=models.PROTECT, related_name="proposals"
    )
    reason = models.TextField(default="")  # why it was declined
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = ProposalQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("source", ProposalSource, "proposal_source"),
            one_of("state", ProposalState, "proposal_state"),
            one_of("origin", Origin, "proposal_origin"),
            one_of("confidence", Confidence, "proposal_confidence"),
            both_or_neither("decided_at", "decided_by", "proposal_decided_by_somebody"),
            models.CheckConstraint(
                name="proposal_has_a_change",
                condition=Q(diff__isnull=False) | Q(replacements__isnull=False),
            ),
            models.CheckConstraint(
                name="proposal_state_tells",
                condition=Q(
                    state="offered", decided_at__isnull=True, remediation__isnull=True, reason=""
                )
                | Q(state="taken", decided_at__isnull=False, remediation__isnull=False, reason="")
                | Q(state="declined", decided_at__isnull=False, remediation__isnull=True)
                & ~Q(reason=""),
            ),
            models.UniqueConstraint(fields=["line", "digest"], name="proposal_once"),
            models.UniqueConstraint(fields=["id", "scope"], name="proposal_and_scope"),
            CompositeForeignKey(
                name="proposal_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="proposal_line_of_asset",
                fields=["line", "asset"],
                to_table="scopes_line",
                to_columns=["id", "asset_id"],
            ),
            CompositeForeignKey(
                name="proposal_remediation_in_scope",
                fields=["remediation", "scope"],
                to_table="remediations_remediation",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"OFFER-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("proposal", args=[self.pk])


class ProposalFinding(models.Model):
    """A proposal names a finding, as surely as ``sure`` says, for ``reason``."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="named")
    finding = models.ForeignKey(
        "findings.Finding", on_delete=models.PROTECT, related_name="proposed"
    )
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    sure = models.CharField(max_length=8)
    reason = models.CharField(max_length=300)

    class Meta:
        constraints = [
            one_of("sure", Sureness, "proposal_finding_sure"),
            models.UniqueConstraint(fields=["proposal", "finding"], name="proposal_finding_once"),
            CompositeForeignKey(
                name="proposal_finding_proposal_in_scope",
                fields=["proposal", "scope"],
                to_table="remediations_proposal",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="proposal_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]
