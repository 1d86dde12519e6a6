"""What other trackers call our findings."""

from django.db import models

from core.constraints import CompositeForeignKey, one_of
from findings.models.finding import Finding
from findings.statuses import KeySource
from scopes.models import Scope


class ExternalKey(models.Model):
    """A finding has this key in another tracker: the row it came from, or a ticket about it."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="external_keys")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=10)
    key = models.CharField(max_length=300)
    url = models.CharField(max_length=500, default="")

    class Meta:
        constraints = [
            one_of("source", KeySource, "external_key_source"),
            models.UniqueConstraint(fields=["finding", "source", "key"], name="external_key_once"),
            CompositeForeignKey(
                name="external_key_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["scope", "source", "key"], name="external_key_of_scope")]

    def __str__(self) -> str:
        return self.key
