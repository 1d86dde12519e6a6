"""Things that can have findings, and their tracked branches."""

from enum import StrEnum

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from scopes.models.scope import Scope
from scopes.models.teams import Team
from scopes.statuses import Environment


class AssetKind(StrEnum):
    REPOSITORY = "repository"
    SERVICE = "service"
    HOST = "host"
    IMAGE = "image"
    CLOUD_ACCOUNT = "cloud_account"


class LineKind(StrEnum):
    DEFAULT = "default"
    RELEASE = "release"


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
    environment = models.CharField(max_length=11, default=Environment.UNKNOWN.value, blank=True)
    tags = models.JSONField(default=list, blank=True)  # short words, sorted
    team = models.ForeignKey(
        Team, null=True, on_delete=models.SET_NULL, related_name="assets"
    )  # who answers for it, by decision
    address = models.CharField(max_length=500, default="", blank=True)  # where it is reached
    external_id = models.CharField(max_length=200, default="", blank=True)  # github:1296269
    created_at = models.DateTimeField()

    objects = AssetQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("kind", AssetKind, "asset_kind"),
            one_of("environment", Environment, "asset_environment"),
            models.UniqueConstraint(fields=["scope", "name"], name="asset_name_in_scope"),
            models.UniqueConstraint(fields=["id", "scope"], name="asset_and_scope"),
            models.UniqueConstraint(
                fields=["scope", "external_id"],
                condition=~Q(external_id=""),
                name="asset_external_id_in_scope",
            ),
            CompositeForeignKey(
                name="asset_team_in_scope",
                fields=["team", "scope"],
                to_table="scopes_team",
                to_columns=["id", "scope_id"],
            ),
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
