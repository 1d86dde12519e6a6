"""How assets of a scope hang together, and what else they are called."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from scopes.models.assets import Asset
from scopes.models.scope import Scope
from scopes.statuses import LinkKind


class AssetLinkQuerySet(models.QuerySet["AssetLink"]):
    def visible_to(self, user: User | AnonymousUser) -> "AssetLinkQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class AssetLink(models.Model):
    """One asset hangs on another of its scope: ``asset`` is built from, runs on … ``target``."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+", db_index=False)
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="links", db_index=False)
    kind = models.CharField(max_length=11)
    target = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="linked_by")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = AssetLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("kind", LinkKind, "asset_link_kind"),
            models.UniqueConstraint(fields=["asset", "kind", "target"], name="asset_link_once"),
            models.CheckConstraint(
                condition=~Q(target=models.F("asset")), name="asset_link_to_another"
            ),
            CompositeForeignKey(
                name="asset_link_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="asset_link_target_in_scope",
                fields=["target", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return self.kind


class AssetAlias(models.Model):
    """Uploads may call an asset by this name too: somebody said so once, when a report was placed."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+", db_index=False)
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "name"], name="asset_alias_in_scope"),
            models.CheckConstraint(condition=~Q(name=""), name="asset_alias_says_something"),
            CompositeForeignKey(
                name="asset_alias_of_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return self.name
