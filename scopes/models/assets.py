"""Things that can have findings, and their tracked branches."""

from enum import StrEnum

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from scopes.models.scope import Scope


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
