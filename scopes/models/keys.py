"""API tokens, service accounts, and pipelines that come with tokens of their code host."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, both_or_neither
from core.models import User
from core.permissions import SERVICE_ROLES, Permission
from scopes.models.assets import Asset
from scopes.models.scope import Scope, limit_of


class TokenQuerySet(models.QuerySet["ApiToken"]):
    def of(self, user: User) -> "TokenQuerySet":
        """One's own; who came by a token sees that one alone."""
        rows, limit = self.filter(user=user), limit_of(user)
        return rows if limit is None else rows.filter(pk=getattr(limit, "pk", None))

    def managed_by(self, user: User) -> "TokenQuerySet":
        """One's own, and those of service accounts of scopes that one administers."""
        scopes = Scope.objects.permitting(user, Permission.ADMINISTER)
        theirs = self.filter(user__service_account__scope__in=scopes)
        return self.filter(Q(pk__in=self.of(user).values("pk")) | Q(pk__in=theirs.values("pk")))

    def usable(self, at: datetime) -> "TokenQuerySet":
        return self.filter(revoked_at__isnull=True, expires_at__gt=at, user__is_active=True)


class ApiToken(models.Model):
    """A named key of one user. Only its SHA-256 is kept; it can do less than its user, never more.

    ``scopes``: ids; a list, so that a scope that goes never widens what is left. After a rotation
    ``old_digest`` opens too, until ``old_until``.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)  # shown, recognisable; not enough to sign in
    digest = models.CharField(max_length=64, unique=True)
    old_digest = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001  (unique where it is)
    old_until = models.DateTimeField(null=True)
    permissions = models.JSONField(default=list)  # empty: all that the user's roles carry
    scopes = models.JSONField(default=list)  # empty: all of the user's
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)
    refused_at = models.DateTimeField(null=True)  # when an event last told of it
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [
            both_or_neither("revoked_at", "revoked_by", "token_revoked_by_somebody"),
            both_or_neither("old_digest", "old_until", "token_old_secret_ends"),
        ]

    def __str__(self) -> str:
        return self.name

    def permits(self, permission: Permission) -> bool:
        """Whether the token's own list lets ``permission`` through (READ always is)."""
        return not self.permissions or permission.value in {
            *self.permissions,
            Permission.READ.value,
        }

    def scope_ids(self) -> list[int] | None:
        """The scopes that it is for; None: all of its user's."""
        return self.scopes or None


class ServiceAccountQuerySet(models.QuerySet["ServiceAccount"]):
    def visible_to(self, user: User | AnonymousUser) -> "ServiceAccountQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class ServiceAccount(models.Model):
    """An account of a programme, made by administrators of one scope, who make its tokens too.

    ``user`` is who it acts as: a member of that scope alone, with a role for services.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="service_accounts")
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="service_account")
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=10)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = ServiceAccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in SERVICE_ROLES]),
                name="serviceaccount_role",
            ),
            both_or_neither("ended_at", "ended_by", "serviceaccount_ended_by_somebody"),
            models.UniqueConstraint(
                fields=["scope", "name"],
                condition=Q(ended_at__isnull=True),
                name="serviceaccount_name_in_scope",
            ),
        ]

    def __str__(self) -> str:
        return self.name


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
