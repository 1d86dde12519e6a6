"""Scopes, assets, lines, memberships, API tokens, pipelines, gate policies: rows and reads, no verbs."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import User
from core.permissions import Permission, Role, roles_with
from scopes.workloads import Workload, workload_of


def limit_of(user: User | AnonymousUser) -> Any:
    """Return the token or workload through which ``user`` came; it narrows what they may. None: signed in."""
    return getattr(user, "token", None) or workload_of(user)


class Criticality(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Exposure(StrEnum):
    INTERNAL = "internal"
    PARTNER = "partner"
    INTERNET = "internet"


class AssetKind(StrEnum):
    REPOSITORY = "repository"
    SERVICE = "service"
    HOST = "host"
    IMAGE = "image"
    CLOUD_ACCOUNT = "cloud_account"


class LineKind(StrEnum):
    DEFAULT = "default"
    RELEASE = "release"


class PolicyQuerySet(models.QuerySet["Policy"]):
    def visible_to(self, user: User | AnonymousUser) -> "PolicyQuerySet":
        """Policies in use by a scope that ``user`` may read."""
        return self.filter(scopes__in=Scope.objects.visible_to(user)).distinct()


class Policy(models.Model):
    """One immutable version of a gate policy: its exact TOML text, found by digest."""

    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=80, unique=True)
    toml = models.TextField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = PolicyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:15]})"


class ScopeQuerySet(models.QuerySet["Scope"]):
    def visible_to(self, user: User | AnonymousUser) -> "ScopeQuerySet":
        """Scopes in which ``user`` may read."""
        return self.permitting(user, Permission.READ)

    def permitting(self, user: User | AnonymousUser, permission: Permission) -> "ScopeQuerySet":
        """Scopes in which ``user`` has a role that carries ``permission``."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        roles = [role.value for role in roles_with(permission)]
        mine = Membership.objects.filter(user_id=user.pk, role__in=roles)
        limit: ApiToken | Workload | None = limit_of(user)
        if limit is not None:
            if not limit.permits(permission):
                return self.none()
            if limit.scope_id is not None:
                mine = mine.filter(scope_id=limit.scope_id)
        return self.filter(pk__in=mine.values("scope_id"))


class Scope(models.Model):
    """What we protect: a business service or programme with an owner, exposure, SLA and gate policy."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    owner = models.CharField(max_length=120, default="", blank=True)
    criticality = models.CharField(max_length=10, default=Criticality.MEDIUM.value)
    exposure = models.CharField(max_length=10, default=Exposure.INTERNAL.value)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="scopes")
    sla_days = models.JSONField(default=dict)  # severity → days
    adopted_on = models.DateField()
    created_at = models.DateTimeField()

    objects = ScopeQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("criticality", Criticality, "scope_criticality"),
            one_of("exposure", Exposure, "scope_exposure"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person or service has one role in one scope."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10)

    class Meta:
        constraints = [
            one_of("role", Role, "membership_role"),
            models.UniqueConstraint(fields=["scope", "user"], name="membership_once"),
        ]


class AssetQuerySet(models.QuerySet["Asset"]):
    def visible_to(self, user: User | AnonymousUser) -> "AssetQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class Asset(models.Model):
    """A thing in a scope that can have findings: a repository, service, host, image, cloud account."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="assets")
    kind = models.CharField(max_length=15, default=AssetKind.REPOSITORY.value)
    name = models.CharField(max_length=200)
    repository = models.CharField(
        max_length=500, default="", blank=True
    )  # address our runner may read
    created_at = models.DateTimeField()

    objects = AssetQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("kind", AssetKind, "asset_kind"),
            models.UniqueConstraint(fields=["scope", "name"], name="asset_name_in_scope"),
            models.UniqueConstraint(fields=["id", "scope"], name="asset_and_scope"),
        ]

    def __str__(self) -> str:
        return self.name


class Line(models.Model):
    """A tracked ref of an asset. Only scans of a line create, close or reopen findings."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="lines")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # branch name without refs/heads/
    kind = models.CharField(max_length=8, default=LineKind.DEFAULT.value)

    class Meta:
        constraints = [
            one_of("kind", LineKind, "line_kind"),
            models.UniqueConstraint(fields=["asset", "name"], name="line_name_in_asset"),
            models.UniqueConstraint(
                fields=["asset"], condition=Q(kind="default"), name="line_one_default"
            ),
            models.UniqueConstraint(fields=["id", "asset"], name="line_and_asset"),
            CompositeForeignKey(
                name="line_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TokenQuerySet(models.QuerySet["ApiToken"]):
    def of(self, user: User) -> "TokenQuerySet":
        return self.filter(user=user)

    def usable(self, at: datetime) -> "TokenQuerySet":
        return self.filter(revoked_at__isnull=True, expires_at__gt=at, user__is_active=True)


class ApiToken(models.Model):
    """A named key of one user. Only its SHA-256 is kept; it can do less than its user, never more."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)  # shown, recognisable; not enough to sign in
    digest = models.CharField(max_length=64, unique=True)
    permissions = models.JSONField(default=list)  # empty: all that the user's roles carry
    scope = models.ForeignKey(Scope, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [both_or_neither("revoked_at", "revoked_by", "token_revoked_by_somebody")]

    def permits(self, permission: Permission) -> bool:
        """Whether the token's own list lets ``permission`` through (READ always is)."""
        return not self.permissions or permission.value in {
            *self.permissions,
            Permission.READ.value,
        }


class PipelineIdentityQuerySet(models.QuerySet["PipelineIdentity"]):
    def visible_to(self, user: User | AnonymousUser) -> "PipelineIdentityQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def in_force(self) -> "PipelineIdentityQuerySet":
        return self.filter(ended_at__isnull=True, user__is_active=True)


class PipelineIdentity(models.Model):
    """A pipeline that uploads for one asset with tokens that its code host signs. No secret is kept here.

    What is filled has to be in the token: the repository, its number, the workflow, the ref.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="pipeline_identities")
    issuer = models.CharField(max_length=200)
    repository = models.CharField(max_length=300)  # acme/shop, as the host writes it
    repository_id = models.CharField(max_length=40, default="", blank=True)  # survives a new owner
    workflow = models.CharField(
        max_length=400, default="", blank=True
    )  # its file; with @ref: that one
    ref = models.CharField(max_length=250, default="", blank=True)  # refs/heads/main
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="pipeline_identity")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = PipelineIdentityQuerySet.as_manager()

    class Meta:
        constraints = [
            both_or_neither("ended_at", "ended_by", "pipelineidentity_ended_by_somebody"),
            models.CheckConstraint(
                condition=~Q(issuer="") & ~Q(repository=""), name="pipelineidentity_of_a_repository"
            ),
            models.UniqueConstraint(
                fields=["asset", "issuer", "repository", "workflow", "ref"],
                condition=Q(ended_at__isnull=True),
                name="pipelineidentity_once",
            ),
            CompositeForeignKey(
                name="pipelineidentity_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["issuer", "repository"], name="pipelineidentity_claim")]

    def __str__(self) -> str:
        return self.repository
