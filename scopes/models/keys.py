"""API tokens, and pipelines that come with tokens of their code host."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, both_or_neither
from core.models import User
from core.permissions import Permission
from scopes.models.assets import Asset
from scopes.models.scope import Scope


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
