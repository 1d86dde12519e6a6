"""Connections to code hosts and what was seen there: rows and reads, no verbs and no network."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import User
from findings.models import Finding
from forges.statuses import (
    AlertState,
    AnalysisState,
    ConnectionState,
    Forge,
    MessageState,
    Mode,
    PullState,
    SignIn,
)
from remediations.models import Remediation
from scans.models import Scan
from scopes.models import Asset, Scope


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def visible_to(self, user: User | AnonymousUser) -> "ConnectionQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def live(self) -> "ConnectionQuerySet":
        return self.exclude(state=ConnectionState.ENDED)


class Connection(models.Model):
    """One account of a code host that one scope reads from. Repositories are read, never written.

    ``include``: globs of full names; what matches none is not looked at. Secrets are sealed
    (core/sealing.py), each for its own row and use. ``actor`` is the service account that all it
    brings is recorded by.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="connections")
    forge = models.CharField(max_length=6)
    name = models.CharField(max_length=80)
    api = models.CharField(max_length=200)  # address of the host's API
    account = models.CharField(max_length=200)  # organisation, group or user
    include = models.JSONField(default=list)
    release_branches = models.JSONField(default=list)  # globs
    mode = models.CharField(max_length=7, default=Mode.WARN.value)
    sign_in = models.CharField(max_length=5)
    app_id = models.CharField(max_length=40, default="")
    installation = models.CharField(max_length=40, default="")
    sealed_key = models.TextField()  # the token, or the App's private key
    hook = models.CharField(max_length=40, unique=True)  # last part of the webhook's address
    sealed_secret = models.TextField()  # of the webhook
    sealed_old_secret = models.TextField(default="")
    old_secret_until = models.DateTimeField(null=True)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=7, default=ConnectionState.ACTIVE.value)
    problem = models.TextField(default="")  # why the last look failed, as a sentence
    asked_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)  # begin of the last look that came to its end
    message_at = models.DateTimeField(null=True)  # when the last webhook message came
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("forge", Forge, "connection_forge"),
            one_of("mode", Mode, "connection_mode"),
            one_of("sign_in", SignIn, "connection_sign_in"),
            one_of("state", ConnectionState, "connection_state"),
            both_or_neither("ended_at", "ended_by", "connection_ended_by_somebody"),
            models.CheckConstraint(
                name="connection_ended_tells",
                condition=Q(state="ended", ended_at__isnull=False, sealed_key="", sealed_secret="")
                | ~Q(state="ended") & Q(ended_at__isnull=True),
            ),
            models.UniqueConstraint(fields=["scope", "name"], name="connection_name_in_scope"),
            models.UniqueConstraint(fields=["id", "scope"], name="connection_and_scope"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("connection", args=[self.pk])

    @property
    def has_ended(self) -> bool:
        return self.state == ConnectionState.ENDED


class RepositoryQuerySet(models.QuerySet["Repository"]):
    def visible_to(self, user: User | AnonymousUser) -> "RepositoryQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Repository(models.Model):
    """A repository that a connection sees, and the asset that stands for it."""

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="repositories"
    )
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="repositories")
    host_id = models.CharField(max_length=40)
    full_name = models.CharField(max_length=200)
    default_branch = models.CharField(max_length=200)
    web_url = models.CharField(max_length=500, default="")
    clone_url = models.CharField(max_length=500, default="")
    pushed_at = models.CharField(max_length=40, default="")  # as the host told it last
    looked_push = models.CharField(max_length=40, default="")  # ``pushed_at`` of the last look
    asked_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)  # begin of the last look that came to its end
    alerts_until = models.CharField(max_length=40, default="")  # newest change of an alert seen
    problem = models.TextField(default="")

    objects = RepositoryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "host_id"], name="repository_once"),
            models.UniqueConstraint(fields=["id", "scope"], name="repository_and_scope"),
            CompositeForeignKey(
                name="repository_connection_in_scope",
                fields=["connection", "scope"],
                to_table="forges_connection",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="repository_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["connection", "full_name"], name="repository_by_name")]

    def __str__(self) -> str:
        return self.full_name


class KnownAnalysis(models.Model):
    """A report that the host keeps, as it was listed, and what we did with it.

    ``note``: why it was left, or by which known behaviour of a stock set-up it was read.
    """

    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="analyses")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    host_id = models.CharField(max_length=200)
    ref = models.CharField(max_length=250)
    commit = models.CharField(max_length=64)
    tool = models.CharField(max_length=120)
    category = models.CharField(max_length=200, default="")
    workflow = models.CharField(max_length=300, default="")
    made_at = models.CharField(max_length=40, default="")  # as the host tells it
    state = models.CharField(max_length=5, default=AnalysisState.SEEN.value)
    listed = models.JSONField()  # forges.hosts.records.Analysis: what the report is fetched with
    scan = models.ForeignKey(Scan, null=True, on_delete=models.PROTECT, related_name="analyses")
    note = models.CharField(max_length=300, default="")

    class Meta:
        constraints = [
            one_of("state", AnalysisState, "analysis_state"),
            models.UniqueConstraint(fields=["repository", "host_id"], name="analysis_once"),
            models.CheckConstraint(
                name="analysis_taken_as_a_scan",
                condition=Q(state="taken", scan__isnull=False)
                | ~Q(state="taken") & Q(scan__isnull=True),
            ),
            CompositeForeignKey(
                name="analysis_repository_in_scope",
                fields=["repository", "scope"],
                to_table="forges_repository",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="analysis_scan_in_scope",
                fields=["scan", "scope"],
                to_table="scans_scan",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["repository", "commit"], name="analysis_of_commit")]

    def __str__(self) -> str:
        return f"{self.tool} of {self.ref} at {self.commit[:9]}"


class PullQuerySet(models.QuerySet["PullRequest"]):
    def visible_to(self, user: User | AnonymousUser) -> "PullQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class PullRequest(models.Model):
    """A pull request that may be a fix; with ``remediation`` once it is one.

    ``shown`` is what the host was told last: lamp or comment → what it answered, and a digest.
    """

    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="pulls")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    remediation = models.ForeignKey(
        Remediation, null=True, on_delete=models.PROTECT, related_name="pulls"
    )
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300, default="")
    url = models.CharField(max_length=500, default="")
    state = models.CharField(max_length=6, default=PullState.OPEN.value)
    head_commit = models.CharField(max_length=64, default="")
    asked_at = models.DateTimeField(null=True)
    followed_at = models.DateTimeField(null=True)  # begin of the last look that came to its end
    problem = models.TextField(default="")
    shown = models.JSONField(default=dict)
    shown_verification = models.BigIntegerField(default=0)  # the newest that ``shown`` speaks of

    objects = PullQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("state", PullState, "pull_state"),
            models.UniqueConstraint(fields=["repository", "number"], name="pull_once"),
            models.UniqueConstraint(fields=["id", "scope"], name="pull_and_scope"),
            CompositeForeignKey(
                name="pull_repository_in_scope",
                fields=["repository", "scope"],
                to_table="forges_repository",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="pull_remediation_in_scope",
                fields=["remediation", "scope"],
                to_table="remediations_remediation",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository.full_name}#{self.number}"


class PullFinding(models.Model):
    """Somebody said that a pull request is for a finding, whatever its own words name."""

    pull = models.ForeignKey(PullRequest, on_delete=models.PROTECT, related_name="asked")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="+")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pull", "finding"], name="pull_finding_once"),
            CompositeForeignKey(
                name="pull_finding_pull_in_scope",
                fields=["pull", "scope"],
                to_table="forges_pullrequest",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="pull_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]


class HostPerson(models.Model):
    """Under which name and mail an account of the host commits, by the host's own word."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="people")
    login = models.CharField(max_length=200)
    mention = models.CharField(max_length=400)  # Name <mail>, of the newest commit seen

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "login"], name="host_person_once")
        ]


class HostAlert(models.Model):
    """A finding as the host counts it. What people said there is a claim; it moves nothing here."""

    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="alerts")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    finding = models.ForeignKey(
        Finding, null=True, on_delete=models.PROTECT, related_name="host_alerts"
    )
    number = models.CharField(max_length=40)
    state = models.CharField(max_length=9)
    tool = models.CharField(max_length=120)
    rule = models.CharField(max_length=300)
    path = models.CharField(max_length=1000, default="")
    line = models.PositiveIntegerField(null=True)
    url = models.CharField(max_length=500, default="")
    dismissed_by = models.CharField(max_length=200, default="")
    dismissed_at = models.CharField(max_length=40, default="")
    dismissed_reason = models.CharField(max_length=200, default="")
    dismissed_comment = models.TextField(default="")
    updated_at = models.CharField(max_length=40, default="")  # as the host tells it

    class Meta:
        constraints = [
            one_of("state", AlertState, "host_alert_state"),
            models.UniqueConstraint(fields=["repository", "number"], name="host_alert_once"),
            CompositeForeignKey(
                name="host_alert_repository_in_scope",
                fields=["repository", "scope"],
                to_table="forges_repository",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="host_alert_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"alert {self.number}"


class InboundMessage(models.Model):
    """A webhook message whose signature held. It only rings: what is true is looked up at the host."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="messages")
    delivery = models.CharField(max_length=100)
    event = models.CharField(max_length=60)
    about = models.CharField(max_length=20)
    repository = models.CharField(max_length=40, default="")  # the host's id
    number = models.PositiveIntegerField(null=True)
    ref = models.CharField(max_length=250, default="")
    commit = models.CharField(max_length=64, default="")
    state = models.CharField(max_length=7)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            one_of("state", MessageState, "inbound_message_state"),
            models.UniqueConstraint(fields=["connection", "delivery"], name="message_once"),
        ]
        indexes = [models.Index(fields=["connection", "-id"], name="message_newest")]
