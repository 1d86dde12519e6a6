"""What our own runner is told by a scope: recipes of its own, and when to scan by itself. Rows.

The recipes that come with the product are data in ``scans/runners``. Imported by ``scans.models``,
so that Django sees the rows.
"""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, one_of
from core.models import Blob, User
from scans.runners import Network, Output
from scans.statuses import ToolClass
from scopes.models import Asset, Line, Scope


class OfScopeQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> "OfScopeQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class ScannerRecipe(models.Model):
    """One version of a command that a scope's administrator lets our runner start. Append-only.

    The newest version of a name counts. ``config`` is the one file that stands beside the checkout
    under ``config_name``. ``image``, ``vendor``, ``model`` are evidence and acted on by nobody.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="recipes")
    name = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    tool = models.CharField(max_length=120, default="")  # the name that it gives itself in reports
    tool_class = models.CharField(max_length=10)
    command = models.JSONField()  # a list of words, never a shell's line
    ok_exit_codes = models.JSONField(default=list)
    network = models.CharField(max_length=7, default=Network.NONE.value)
    output = models.CharField(max_length=9, default=Output.SARIF.value)
    config = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    config_name = models.CharField(max_length=100, default="")
    image = models.CharField(max_length=300, default="")
    vendor = models.CharField(max_length=120, default="")
    model = models.CharField(max_length=120, default="")
    digest = models.CharField(max_length=64)  # SHA-256 over all of it but this row's surroundings
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = OfScopeQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("tool_class", ToolClass, "recipe_tool_class"),
            one_of("network", Network, "recipe_network"),
            one_of("output", Output, "recipe_output"),
            models.UniqueConstraint(
                fields=["scope", "name", "version"], name="recipe_version_once"
            ),
            models.CheckConstraint(name="recipe_versions_from_one", condition=Q(version__gte=1)),
            models.CheckConstraint(name="recipe_has_a_command", condition=~Q(command=[])),
            models.CheckConstraint(
                name="recipe_config_has_a_name",
                condition=Q(config__isnull=True, config_name="")
                | Q(config__isnull=False) & ~Q(config_name=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ScanSchedule(models.Model):
    """A line is scanned by a recipe once a day, from an hour on (UTC), at its newest commit.

    ``last_on``: the last day for which a scan was asked; never two for one day. ``error``: why the
    last one could not be ordered.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    line = models.ForeignKey(Line, on_delete=models.CASCADE, related_name="schedules")
    recipe = models.CharField(max_length=40)
    hour = models.PositiveSmallIntegerField()
    last_on = models.DateField(null=True)
    error = models.TextField(default="")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = OfScopeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "recipe"], name="schedule_once"),
            models.CheckConstraint(name="schedule_at_an_hour", condition=Q(hour__lte=23)),
            CompositeForeignKey(
                name="schedule_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="schedule_line_of_asset",
                fields=["line", "asset"],
                to_table="scopes_line",
                to_columns=["id", "asset_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"schedule {self.pk}"
