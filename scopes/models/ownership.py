"""Who owns which path of an asset, as its own file says."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from scopes.models.assets import Asset
from scopes.models.scope import Scope
from scopes.statuses import Dialect


class CodeOwnersQuerySet(models.QuerySet["CodeOwners"]):
    def visible_to(self, user: User | AnonymousUser) -> "CodeOwnersQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def in_force(self) -> "CodeOwnersQuerySet":
        return self.filter(ended_at__isnull=True)


class CodeOwners(models.Model):
    """One version of an asset's CODEOWNERS file. The newest counts: it alone has not ended."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="code_owners")
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    dialect = models.CharField(max_length=6)
    path = models.CharField(max_length=200, default="", blank=True)  # where it lies
    commit = models.CharField(max_length=64, default="", blank=True)  # the first that had it
    rules = models.PositiveIntegerField()
    problems = models.JSONField(default=list)  # lines that do not count, as sentences
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = CodeOwnersQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("dialect", Dialect, "code_owners_dialect"),
            models.UniqueConstraint(
                fields=["asset"], condition=Q(ended_at__isnull=True), name="code_owners_one_counts"
            ),
            CompositeForeignKey(
                name="code_owners_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return self.path or "CODEOWNERS"
