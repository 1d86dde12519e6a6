"""Series of scans and what tools say of their rules."""

from django.db import models

from core.constraints import CompositeForeignKey
from scopes.models import Asset, Line, Scope


class Rule(models.Model):
    """What a tool says about one of its rules: kept once, for all findings of a scope."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    tool = models.CharField(max_length=120)
    rule = models.CharField(max_length=300)
    name = models.CharField(max_length=300, default="")
    description = models.TextField(default="")
    help_uri = models.CharField(max_length=500, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "tool", "rule"], name="rule_once"),
            models.UniqueConstraint(fields=["id", "scope"], name="rule_and_scope"),
        ]

    def __str__(self) -> str:
        return self.rule


class Series(models.Model):
    """The scans of one line by one tool under one category: each is compared with the one before."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="series")
    tool = models.CharField(max_length=120)
    category = models.CharField(max_length=200, default="")
    last_scan_id = models.BigIntegerField(null=True)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "tool", "category"], name="series_once"),
            models.UniqueConstraint(
                fields=["id", "line", "asset", "scope"], name="series_and_place"
            ),
            CompositeForeignKey(
                name="series_line_of_asset",
                fields=["line", "asset"],
                to_table="scopes_line",
                to_columns=["id", "asset_id"],
            ),
            CompositeForeignKey(
                name="series_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="series_scan_in_scope",
                fields=["last_scan_id", "scope"],
                to_table="scans_scan",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.category}".strip()
