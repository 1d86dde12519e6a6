"""Scans, verifications, dispositions, clearances: rows and reads. The invariant's other half is here."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, one_of
from core.models import Blob, User
from findings.models import Finding
from remediations.models import Remediation
from scans.history import HistoricClosure  # noqa: F401
from scans.imports import ImportTest  # noqa: F401  (where Django looks for models)
from scans.inbox import InboxReport  # noqa: F401
from scans.ranges import RangeDiff  # noqa: F401
from scans.recipes import ScannerRecipe, ScanSchedule  # noqa: F401
from scans.results import ResultIndex, ScanResults  # noqa: F401
from scans.statuses import (
    ENDED,
    DispositionKind,
    FactSource,
    Purpose,
    Relation,
    Role,
    ScanState,
    ToolClass,
    Verdict,
)
from scopes.models import Asset, Line, Policy, Scope


class Tool(models.Model):
    """A scanner by the name it gives itself, with its class."""

    name = models.CharField(max_length=120, unique=True)
    tool_class = models.CharField(max_length=10)
    vendor = models.CharField(max_length=120, default="")

    class Meta:
        constraints = [one_of("tool_class", ToolClass, "tool_class")]

    def __str__(self) -> str:
        return self.name


class ScanQuerySet(models.QuerySet["Scan"]):
    def visible_to(self, user: User | AnonymousUser) -> "ScanQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def done(self) -> "ScanQuerySet":
        return self.filter(state=ScanState.DONE)

    def newest_first(self) -> "ScanQuerySet":
        return self.order_by("-pk")


class Scan(models.Model):
    """One run of one tool on one revision of an asset: its raw file, facts, and what became of it."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="scans")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="scans")
    line = models.ForeignKey(Line, null=True, on_delete=models.PROTECT, related_name="scans")
    remediation = models.ForeignKey(
        Remediation, null=True, on_delete=models.PROTECT, related_name="scans"
    )
    purpose = models.CharField(max_length=8)

    raw = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    upload_key = models.CharField(max_length=64)  # SHA-256 over target, raw digest and facts
    facts = models.JSONField(default=dict)  # members of gate.evidence.ScanFacts that are known
    recipe = models.JSONField(default=dict)  # what our own runner is to start; empty: uploaded
    source = models.CharField(max_length=8, default=FactSource.DECLARED.value)
    commit = models.CharField(max_length=64, default="")
    tree = models.CharField(max_length=64, default="")

    tool = models.CharField(max_length=120, default="")
    tool_version = models.CharField(max_length=80, default="")
    tool_class = models.CharField(max_length=10, default="")
    category = models.CharField(max_length=200, default="")

    state = models.CharField(max_length=11, default=ScanState.RECEIVED.value)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)  # results, new, unchanged, moved, absent, suppressed
    problems = models.JSONField(default=list)  # departures from the format, as sentences
    error = models.TextField(default="")  # names the place and the limit
    log = models.TextField(default="")  # of our own runner

    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True)  # when its reading began, the last time
    finished_at = models.DateTimeField(null=True)

    objects = ScanQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("state", ScanState, "scan_state"),
            one_of("purpose", Purpose, "scan_purpose"),
            one_of("source", FactSource, "scan_source"),
            models.CheckConstraint(
                name="scan_purpose_has_its_target",
                condition=Q(purpose="line", line__isnull=False, remediation__isnull=True)
                | Q(purpose__in=["fix", "control"], remediation__isnull=False, line__isnull=True),
            ),
            models.UniqueConstraint(fields=["scope", "upload_key"], name="scan_once_per_upload"),
            models.UniqueConstraint(fields=["id", "scope"], name="scan_and_scope"),
            CompositeForeignKey(
                name="scan_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="scan_line_of_asset",
                fields=["line", "asset"],
                to_table="scopes_line",
                to_columns=["id", "asset_id"],
            ),
            CompositeForeignKey(
                name="scan_remediation_in_scope",
                fields=["remediation", "scope"],
                to_table="remediations_remediation",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [
            models.Index(fields=["asset", "commit"], name="scan_of_commit"),
            models.Index(  # few: coverage asks for them
                fields=["asset"],
                name="scan_without_result",
                condition=Q(state__in=["failed", "quarantined"]),
            ),
        ]

    def __str__(self) -> str:
        return f"scan {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("scan", args=[self.pk])

    @property
    def document_name(self) -> str:
        """The name under which evidence references show this scan's file."""
        return f"scan-{self.pk}.sarif"

    def seconds_left(self, at: datetime) -> int | None:
        """About how long reading it and applying it takes yet, by what was read so far; None: unknown.

        What is read takes about as long to apply.
        """
        if self.state != ScanState.PARSING or not self.progress_done or self.started_at is None:
            return None
        each = (at - self.started_at).total_seconds() / self.progress_done
        return round(each * (2 * self.progress_total - self.progress_done))

    @property
    def is_over(self) -> bool:
        return self.state in ENDED


class ScanDescent(models.Model):
    """How what a scan looked at lies to the merge of a fix, as git or the code host say. Append-only.

    ``blobs`` are the ids at the scanned commit of the files that matter to the fix (its changed files,
    its findings' files), ``merge_blobs`` and ``base_blobs`` those at the merge and at the base: where
    the first two agree, a later scan saw the fix; where the first and the last do, an earlier one saw
    what was there before it. ``diff_to_base``: of an earlier scan, those of these files that differ.
    """

    scan = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="descents")
    remediation = models.ForeignKey(Remediation, on_delete=models.PROTECT, related_name="descents")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    relation = models.CharField(max_length=8)
    merge_commit = models.CharField(max_length=64)
    blobs = models.JSONField(default=dict)  # path → blob id
    merge_blobs = models.JSONField(default=dict)
    base_blobs = models.JSONField(default=dict)
    diff_to_base = models.TextField(default="")  # git diff -M
    source = models.CharField(max_length=8)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            one_of("source", FactSource, "scan_descent_source"),
            one_of("relation", Relation, "scan_descent_relation"),
            models.UniqueConstraint(fields=["scan", "remediation"], name="scan_descent_once"),
            CompositeForeignKey(
                name="scan_descent_scan_in_scope",
                fields=["scan", "scope"],
                to_table="scans_scan",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="scan_descent_fix_in_scope",
                fields=["remediation", "scope"],
                to_table="remediations_remediation",
                to_columns=["id", "scope_id"],
            ),
        ]


class VerificationQuerySet(models.QuerySet["Verification"]):
    def visible_to(self, user: User | AnonymousUser) -> "VerificationQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def current(self) -> "VerificationQuerySet":
        """Those that no later one supersedes."""
        return self.filter(superseded_by__isnull=True)


class Verification(models.Model):
    """The gate's judgement of one finding under one remediation by a set of scans. Append-only.

    Later evidence makes a new row that supersedes this one. ``with_merge``: judged with what merged.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    remediation = models.ForeignKey(
        Remediation, on_delete=models.PROTECT, related_name="verifications"
    )
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="verifications")
    supersedes = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    verdict = models.CharField(max_length=7)
    safe = models.CharField(max_length=7)
    right = models.CharField(max_length=7)
    tier = models.CharField(max_length=6)
    with_merge = models.BooleanField()
    head_commit = models.CharField(max_length=64)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    judgement = models.JSONField()  # the contract of the gate, see gate/data/judgement.schema.json
    judgement_sha256 = models.CharField(max_length=64)
    inputs = models.JSONField()  # documents by role and digest, facts, the finding's reference
    at = models.DateTimeField()

    objects = VerificationQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("verdict", Verdict, "verification_verdict"),
            one_of("safe", Verdict, "verification_safe"),
            one_of("right", Verdict, "verification_right"),
            models.CheckConstraint(
                name="verification_passes_with_both_lamps",
                condition=~Q(verdict="pass") | Q(safe="pass", right="pass"),
            ),
            models.UniqueConstraint(
                fields=["id", "finding", "remediation", "verdict", "with_merge"],
                name="verification_as_cleared",
            ),
            models.UniqueConstraint(fields=["id", "scope"], name="verification_and_scope"),
            CompositeForeignKey(
                name="verification_of_addressed_finding",
                fields=["remediation", "finding", "scope"],
                to_table="remediations_remediationfinding",
                to_columns=["remediation_id", "finding_id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["finding", "-id"], name="verification_of_finding")]

    def get_absolute_url(self) -> str:
        return reverse("verification", args=[self.pk])


class VerificationScan(models.Model):
    """A scan had a role in a verification. Append-only."""

    verification = models.ForeignKey(
        Verification, on_delete=models.PROTECT, related_name="scan_roles"
    )
    scan = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="verification_roles")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=7)

    class Meta:
        constraints = [
            one_of("role", Role, "verification_scan_role"),
            models.UniqueConstraint(fields=["verification", "scan", "role"], name="scan_role_once"),
            CompositeForeignKey(
                name="role_verification_in_scope",
                fields=["verification", "scope"],
                to_table="scans_verification",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="role_scan_in_scope",
                fields=["scan", "scope"],
                to_table="scans_scan",
                to_columns=["id", "scope_id"],
            ),
        ]


class Disposition(models.Model):
    """What a person decided about one new result of a verification, with a reason. Append-only."""

    verification = models.ForeignKey(
        Verification, on_delete=models.PROTECT, related_name="dispositions"
    )
    rule = models.CharField(max_length=300)
    path = models.CharField(max_length=1000)
    line = models.PositiveIntegerField(null=True)
    decision = models.CharField(max_length=14)
    reason = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [one_of("decision", DispositionKind, "disposition_decision")]


class ClearanceQuerySet(models.QuerySet["Clearance"]):
    def visible_to(self, user: User | AnonymousUser) -> "ClearanceQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Clearance(models.Model):
    """The record that a finding may be complete, signed as a certificate. Revoked, never deleted.

    ``verdict`` and ``with_merge`` are constants here: with the composite key they make the database
    itself check that the verification passed and was judged with the merge facts.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="clearances")
    remediation = models.ForeignKey(
        Remediation, on_delete=models.PROTECT, related_name="clearances"
    )
    verification = models.ForeignKey(
        Verification, on_delete=models.PROTECT, related_name="clearances"
    )
    verdict = models.CharField(max_length=7, default=Verdict.PASS.value)
    with_merge = models.BooleanField(default=True)
    certificate = models.TextField()  # DSSE envelope
    gate = models.ForeignKey(
        Blob, on_delete=models.PROTECT, related_name="+"
    )  # its source, as JSON
    key_id = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    live = models.BooleanField(default=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_reason = models.TextField(default="")

    objects = ClearanceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="clearance_of_a_pass", condition=Q(verdict="pass")),
            models.CheckConstraint(name="clearance_of_merged", condition=Q(with_merge=True)),
            models.CheckConstraint(
                name="clearance_live_or_revoked",
                condition=Q(live=True, revoked_at__isnull=True, revoked_reason="")
                | Q(live=False, revoked_at__isnull=False) & ~Q(revoked_reason=""),
            ),
            models.UniqueConstraint(
                fields=["finding"], condition=Q(live=True), name="clearance_one_live"
            ),
            models.UniqueConstraint(fields=["id", "finding", "live"], name="clearance_as_held"),
            CompositeForeignKey(
                name="clearance_verification_passed",
                fields=["verification", "finding", "remediation", "verdict", "with_merge"],
                to_table="scans_verification",
                to_columns=["id", "finding_id", "remediation_id", "verdict", "with_merge"],
            ),
            CompositeForeignKey(
                name="clearance_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("certificate", args=[self.finding_id])


class Revocation(models.Model):
    """The signed statement that takes a clearance's certificate back. Append-only.

    ``certificate_sha256`` is what the certificate is known by in the published list of revocations.
    """

    clearance = models.OneToOneField(Clearance, on_delete=models.PROTECT, related_name="revocation")
    certificate_sha256 = models.CharField(max_length=64, unique=True)
    statement = models.TextField()  # DSSE envelope
    key_id = models.CharField(max_length=64)
    at = models.DateTimeField()
