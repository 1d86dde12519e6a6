"""What people and services say beside the scans: revoked secrets, proofs, look-ups, standing approvals. Rows.

The gate reads them as the facts ``revocations``, ``proofs``, ``releases``, ``standing_approvals``.
They name their neighbours by table, so that ``remediations.models`` can show them to Django.
"""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from remediations.statuses import EvidenceSource, Outcome, SecretState
from scopes.models import Scope


class EvidenceQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> "EvidenceQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Said(models.Model):
    """One thing that somebody saw outside of the scans. Append-only: a later row says it anew.

    ``as_of``: when it was so. ``source``: declared by a person, fetched by a service account, which
    says what it saw (``evidence``).
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=8)
    evidence = models.TextField(default="")
    as_of = models.DateTimeField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        abstract = True


def _said(name: str) -> list[models.CheckConstraint]:
    return [
        one_of("source", EvidenceSource, f"{name}_source"),
        models.CheckConstraint(
            name=f"{name}_fetched_says_what_it_saw",
            condition=Q(source="declared") | Q(source="fetched") & ~Q(evidence=""),
        ),
        models.CheckConstraint(name=f"{name}_not_ahead", condition=Q(as_of__lte=F("at"))),
    ]


def of_the_fix(name: str) -> list[CompositeForeignKey]:
    """Keys that hold a row to one scope: that of its fix, and of a finding that the fix addresses."""
    return [
        CompositeForeignKey(
            name=f"{name}_remediation_in_scope",
            fields=["remediation", "scope"],
            to_table="remediations_remediation",
            to_columns=["id", "scope_id"],
        ),
        CompositeForeignKey(
            name=f"{name}_of_addressed_finding",
            fields=["remediation", "finding", "scope"],
            to_table="remediations_remediationfinding",
            to_columns=["remediation_id", "finding_id", "scope_id"],
        ),
    ]


class SecretRevocation(Said):
    """Whether the secret of a finding still opens anything: who says so, and how (``method``).

    ``committed_at``: when the secret came in, where somebody knows. The newest word decides.
    """

    finding = models.ForeignKey(
        "findings.Finding", on_delete=models.PROTECT, related_name="secret_revocations"
    )
    state = models.CharField(max_length=10, default=SecretState.REVOKED.value)
    method = models.TextField()
    committed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            one_of("state", SecretState, "secret_revocation_state"),
            models.CheckConstraint(name="secret_revocation_says_how", condition=~Q(method="")),
            models.CheckConstraint(
                name="secret_revocation_after_it_came",
                condition=Q(committed_at__isnull=True) | Q(committed_at__lte=F("as_of")),
            ),
            *_said("secret_revocation"),
            CompositeForeignKey(
                name="secret_revocation_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]


class Proof(Said):
    """A proof of concept that worked on the base of a fix, and its ``outcome`` on one revision of it.

    ``agent_run``, ``model``: of what ran it. Base and revision are by commit and, where known, tree.
    """

    remediation = models.ForeignKey(
        "remediations.Remediation", on_delete=models.PROTECT, related_name="proofs"
    )
    finding = models.ForeignKey("findings.Finding", on_delete=models.PROTECT, related_name="proofs")
    base_commit = models.CharField(max_length=64)
    base_tree = models.CharField(max_length=64, default="")
    commit = models.CharField(max_length=64)
    tree = models.CharField(max_length=64, default="")
    outcome = models.CharField(max_length=5)
    agent_run = models.CharField(max_length=200, default="")
    model = models.CharField(max_length=120, default="")

    class Meta:
        constraints = [
            one_of("outcome", Outcome, "proof_outcome"),
            models.CheckConstraint(
                name="proof_of_two_revisions",
                condition=~Q(base_commit="") & ~Q(commit="") & ~Q(commit=F("base_commit")),
            ),
            *_said("proof"),
            *of_the_fix("proof"),
        ]


class Release(Said):
    """What a registry said of one version of a package, named by package URL. Never a person's word."""

    package = models.CharField(max_length=300)  # pkg:npm/lodash, without the version
    version = models.CharField(max_length=120)
    exists = models.BooleanField()
    yanked = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="release_is_looked_up", condition=Q(source="fetched")),
            models.CheckConstraint(
                name="release_of_a_version",
                condition=~Q(package="") & ~Q(version=""),
            ),
            models.CheckConstraint(
                name="release_yanked_exists", condition=Q(yanked=False) | Q(exists=True)
            ),
            *_said("release"),
        ]
        indexes = [models.Index(fields=["scope", "package", "version"], name="release_looked_up")]


class StandingApproval(models.Model):
    """An owner's word, given once, for changes of versions only, by these dependency bots.

    From the first moment of ``since`` to the end of ``until``, UTC. Append-only but for its end, which
    is one way: ended, it covers nothing.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="standing_approvals")
    bots = models.JSONField()  # as the gate's catalogue names them
    ecosystems = models.JSONField(default=list)  # as gate/data/manifests.json names them
    manifests = models.JSONField(default=list)  # globs
    reason = models.TextField()
    since = models.DateField()
    until = models.DateField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")  # the owner
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_reason = models.TextField(default="")

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="standing_approval_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="standing_approval_lasts", condition=Q(until__gte=F("since"))
            ),
            models.CheckConstraint(
                name="standing_approval_names_what_it_covers",
                condition=~Q(bots=[]) & (~Q(ecosystems=[]) | ~Q(manifests=[])),
            ),
            models.CheckConstraint(
                name="standing_approval_ended_by_somebody",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, ended_reason="")
                | Q(ended_at__isnull=False, ended_by__isnull=False) & ~Q(ended_reason=""),
            ),
        ]
