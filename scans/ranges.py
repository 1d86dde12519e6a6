"""What changed between two scanned commits of a line: rows and reads. Evidence for what is no longer there."""

from django.db import models

from core.constraints import CompositeForeignKey
from core.models import Blob
from scans.statuses import FactSource
from scopes.models import Asset, Scope


class RangeDiff(models.Model):
    """The diff from one commit of a line to a later one that contains it, as git or the code host says.

    Nobody uploads it: who can tell a diff can tell a wrong one. ``unparsed``: files that parsed at the
    base and do not at the head. Append-only.
    """

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    base_commit = models.CharField(max_length=64)
    head_commit = models.CharField(max_length=64)
    diff = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")  # git diff -M
    unparsed = models.JSONField(default=list)
    source = models.CharField(max_length=8)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(  # what our git or the code host said, never what was sent
                name="range_diff_source",
                condition=models.Q(
                    source__in=[FactSource.MEASURED.value, FactSource.FETCHED.value]
                ),
            ),
            models.UniqueConstraint(
                fields=["asset", "base_commit", "head_commit"], name="range_diff_once"
            ),
            CompositeForeignKey(
                name="range_diff_asset_in_scope",
                fields=["asset", "scope"],
                to_table="scopes_asset",
                to_columns=["id", "scope_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.base_commit[:12]}..{self.head_commit[:12]}"
