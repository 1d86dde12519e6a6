"""What pipelines made for DefectDojo call a test: a row, so that its number can be given back."""

from django.contrib.auth.models import AnonymousUser
from django.db import models

from core.constraints import CompositeForeignKey
from core.models import User
from scopes.models import Line, Scope


class ImportTestQuerySet(models.QuerySet["ImportTest"]):
    def visible_to(self, user: User | AnonymousUser) -> "ImportTestQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class ImportTest(models.Model):
    """Reports of one kind that are sent for a line under one title, which becomes their category."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    asset_id = models.BigIntegerField()
    line = models.ForeignKey(Line, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=200)
    scan_type = models.CharField(max_length=100)

    objects = ImportTestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "title", "scan_type"], name="import_test_once"),
            CompositeForeignKey(
                name="import_test_line_of_asset",
                fields=["line", "asset_id"],
                to_table="scopes_line",
                to_columns=["id", "asset_id"],
            ),
            CompositeForeignKey(
                name="import_test_asset_in_scope",
                fields=["asset_id", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return self.title
