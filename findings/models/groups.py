"""Findings that are one thing to fix."""

from django.db import models

from core.models import User
from scopes.models import Scope


class FindingGroup(models.Model):
    """One weakness that several findings tell of: by two tools, on two lines, in two copies."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "scope"], name="group_and_scope")]

    def __str__(self) -> str:
        return self.title
