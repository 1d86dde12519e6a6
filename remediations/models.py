"""Remediations, the findings they address, changed files, signals; reviews, waivers, disputes of them."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import Blob, User
from findings.models import Finding
from gate.novelty import Cause
from remediations.evidence import (  # noqa: F401  (where Django looks for models)
    Proof,
    Release,
    SecretRevocation,
    StandingApproval,
    of_the_fix,
)
from remediations.proposals import (  # noqa: F401
    Proposal,
    ProposalFinding,
    ProposalQuerySet,
)
from remediations.statuses import (
    NEVER_WAIVED,
    STANDING,
    Decision,
    DisputeAbout,
    DisputeState,
    LandedAs,
    Origin,
    RemediationState,
)
from scopes.models import Asset, Line, Scope


class RemediationQuerySet(models.QuerySet["Remediation"]):
    def visible_to(self, user: User | AnonymousUser) -> "RemediationQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Remediation(models.Model):
    """One proposed fix at its newest revision. A push changes the head and takes every lamp back."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="remediations")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="remediations")
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="remediations")
    findings = models.ManyToManyField(
        Finding, through="RemediationFinding", related_name="remediations"
    )
    title = models.CharField(max_length=300)
    url = models.CharField(max_length=500, default="", blank=True)  # of the pull request
    branch = models.CharField(max_length=250, default="", blank=True)
    state = models.CharField(max_length=10, default=RemediationState.PROPOSED.value)

    base_commit = models.CharField(max_length=64)
    base_tree = models.CharField(max_length=64, default="")
    head_commit = models.CharField(max_length=64)
    head_tree = models.CharField(max_length=64, default="")
    diff = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    unparsed = models.JSONField(default=list)  # files that parsed at the base, and do not now
    former_hands = models.JSONField(
        default=list
    )  # who wrote older revisions, as git and host show them
    commits = models.JSONField(default=list)  # id, message, people as git shows them, their logins
    pushed_at = models.DateTimeField()

    merge_commit = models.CharField(max_length=64, default="")
    merge_tree = models.CharField(max_length=64, default="")
    landed_from = models.CharField(max_length=64, default="")  # where the line was just before
    landed_as = models.CharField(max_length=7, default=LandedAs.UNTOLD.value)
    merged_at = models.DateTimeField(null=True)
    merged_by = models.CharField(max_length=200, default="")
    deployed_at = models.DateTimeField(null=True)

    author = models.CharField(max_length=200, default="")
    origin = models.CharField(max_length=12, default=Origin.UNKNOWN.value)
    declared_origin = models.CharField(max_length=12, default=Origin.UNKNOWN.value)
    agent = models.CharField(max_length=120, default="")
    model = models.CharField(max_length=120, default="")
    agent_run = models.CharField(max_length=200, default="")

    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = RemediationQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("state", RemediationState, "remediation_state"),
            one_of("origin", Origin, "remediation_origin"),
            one_of("landed_as", LandedAs, "remediation_landed_as"),
            models.UniqueConstraint(fields=["id", "scope"], name="remediation_and_scope"),
            models.CheckConstraint(
                name="remediation_merged_with_commit",
                condition=models.Q(state="merged", merged_at__isnull=False)
                & ~models.Q(merge_commit="")
                | ~models.Q(state="merged") & models.Q(merged_at__isnull=True, merge_commit=""),
            ),
            CompositeForeignKey(
                name="remediation_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="remediation_line_of_asset",
                fields=["line", "asset"],
                to_table="scopes_line",
                to_columns=["id", "asset_id"],
            ),
        ]
        indexes = [
            models.Index(fields=["asset", "merge_commit"], name="remediation_merged"),
            models.Index(fields=["pushed_at", "id"], name="remediation_by_age"),  # the board
        ]

    def __str__(self) -> str:
        return f"FIX-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("remediation", args=[self.pk])

    @property
    def is_ai(self) -> bool:
        return self.origin in (Origin.AI_ASSISTED, Origin.AI_GENERATED)


class RemediationFinding(models.Model):
    """A remediation addresses a finding. Verifications point to this pair."""

    remediation = models.ForeignKey(Remediation, on_delete=models.PROTECT, related_name="addressed")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="addressed")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["remediation", "finding", "scope"], name="remediation_finding_once"
            ),
            CompositeForeignKey(
                name="addressed_remediation_in_scope",
                fields=["remediation", "scope"],
                to_table="remediations_remediation",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="addressed_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]


class ChangedFile(models.Model):
    """One file that the newest revision of a fix changes; counts are lines."""

    remediation = models.ForeignKey(
        Remediation, on_delete=models.CASCADE, related_name="changed_files"
    )
    path = models.CharField(max_length=1000)
    old_path = models.CharField(max_length=1000, default="")
    change = models.CharField(max_length=8)  # added, deleted, modified, renamed, copied
    added = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)


class AuthorshipSignal(models.Model):
    """One sign of who wrote the fix, with how sure it makes us."""

    remediation = models.ForeignKey(Remediation, on_delete=models.CASCADE, related_name="signals")
    kind = models.CharField(max_length=30)
    agent = models.CharField(max_length=120)
    origin = models.CharField(max_length=12)
    confidence = models.CharField(max_length=6)  # high, medium, low
    commit = models.CharField(max_length=64, default="")
    text = models.CharField(max_length=500)

    class Meta:
        constraints = [one_of("origin", Origin, "signal_origin")]


class Review(models.Model):
    """A person's decision on one exact revision of a remediation. Append-only.

    Made here by ``reviewer``, or fetched from a code host: then ``login`` made it there, and of the
    rows of one ``host_review`` the last counts.
    """

    remediation = models.ForeignKey(Remediation, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    login = models.CharField(max_length=200, default="")
    login_kind = models.CharField(max_length=10, default="")  # human or bot, by the host's word
    login_mention = models.CharField(
        max_length=400, default=""
    )  # Name <mail> that it commits under
    host_review = models.CharField(max_length=300, default="")  # the host's name of it
    patch_id = models.CharField(max_length=64, default="")  # of the diff looked at (gate.patches)
    decision = models.CharField(max_length=10)
    commit = models.CharField(max_length=64)
    tree = models.CharField(max_length=64, default="")
    comment = models.TextField(default="")
    answers = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            one_of("decision", Decision, "review_decision"),
            models.CheckConstraint(
                name="review_by_somebody",
                condition=Q(reviewer__isnull=False, login="", login_kind="", host_review="")
                & ~Q(decision="dismissed")
                | Q(reviewer__isnull=True, login_kind__in=["human", "bot"])
                & ~Q(login="")
                & ~Q(host_review=""),
            ),
        ]

    @property
    def by_name(self) -> str:
        """Who decided, for people to read."""
        return self.reviewer.display if self.reviewer else f"{self.login} (code host)"


class WaiverQuerySet(models.QuerySet["Waiver"]):
    def visible_to(self, user: User | AnonymousUser) -> "WaiverQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Waiver(models.Model):
    """A person set one check aside for one revision of a fix, until a day. Append-only but revoked.

    ``finding`` null: for all findings of the fix. It lasts to the end of ``until``, UTC.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    remediation = models.ForeignKey(Remediation, on_delete=models.PROTECT, related_name="waivers")
    finding = models.ForeignKey(
        Finding, null=True, on_delete=models.PROTECT, related_name="waivers"
    )
    commit = models.CharField(max_length=64)  # the head that was looked at; a push takes it back
    check_id = models.CharField(max_length=60)
    reason = models.TextField()
    until = models.DateField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_reason = models.TextField(default="")

    objects = WaiverQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="waiver_of_what_can_be", condition=~Q(check_id__in=NEVER_WAIVED)
            ),
            models.CheckConstraint(name="waiver_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="waiver_revoked_by_somebody",
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True, revoked_reason="")
                | Q(revoked_at__isnull=False, revoked_by__isnull=False) & ~Q(revoked_reason=""),
            ),
            *of_the_fix("waiver"),
        ]


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def visible_to(self, user: User | AnonymousUser) -> "DisputeQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Dispute(models.Model):
    """Two people say that the gate is wrong about a pair or a cause. Append-only but for its state.

    ``result`` is an evidence reference into a scan after the fix. About a match: that result is not
    ``finding``. About a cause: the result is new because of ``cause``, for all findings.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    remediation = models.ForeignKey(Remediation, on_delete=models.PROTECT, related_name="disputes")
    finding = models.ForeignKey(
        Finding, null=True, on_delete=models.PROTECT, related_name="disputes"
    )
    about = models.CharField(max_length=5)
    result = models.CharField(max_length=300)
    cause = models.CharField(max_length=16, default="")
    reason = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, default=DisputeState.PROPOSED.value)
    second_at = models.DateTimeField(null=True)
    second = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_reason = models.TextField(default="")

    objects = DisputeQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("about", DisputeAbout, "dispute_about"),
            one_of("state", DisputeState, "dispute_state"),
            models.CheckConstraint(
                name="dispute_says_of_what",
                condition=Q(about="match", finding__isnull=False, cause="")
                | Q(about="cause", finding__isnull=True, cause__in=[c.value for c in Cause]),
            ),
            models.CheckConstraint(
                name="dispute_has_a_reason", condition=~Q(reason="") & ~Q(result="")
            ),
            both_or_neither("second_at", "second", "dispute_seconded_by_somebody"),
            models.CheckConstraint(
                name="dispute_two_people",
                condition=Q(second__isnull=True) | ~Q(second=F("by")),
            ),
            models.CheckConstraint(
                name="dispute_state_tells",
                condition=Q(state="proposed", second__isnull=True, withdrawn_at__isnull=True)
                | Q(state="confirmed", second__isnull=False, withdrawn_at__isnull=True)
                | Q(state="withdrawn", withdrawn_at__isnull=False),
            ),
            models.CheckConstraint(
                name="dispute_withdrawn_by_somebody",
                condition=Q(
                    withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawn_reason=""
                )
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                & ~Q(withdrawn_reason=""),
            ),
            models.UniqueConstraint(
                fields=["remediation", "finding", "result"],
                condition=Q(about="match", state__in=[s.value for s in STANDING]),
                name="dispute_one_standing_of_a_match",
            ),
            models.UniqueConstraint(
                fields=["remediation", "result"],
                condition=Q(about="cause", state__in=[s.value for s in STANDING]),
                name="dispute_one_standing_of_a_cause",
            ),
            *of_the_fix("dispute"),
        ]
