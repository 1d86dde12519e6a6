"""How a scope weighs what makes a priority. What the text says is read above, in findings."""

from django.contrib.auth.models import AnonymousUser
from django.db import models

from core.models import User
from scopes.models.scope import Scope


class PriorityPolicyQuerySet(models.QuerySet["PriorityPolicy"]):
    def visible_to(self, user: User | AnonymousUser) -> "PriorityPolicyQuerySet":
        """Those in use by a scope that ``user`` may read."""
        return self.filter(scopes__in=Scope.objects.visible_to(user)).distinct()


class PriorityPolicy(models.Model):
    """One immutable version of the weights of priorities: its exact TOML text, found by digest."""

    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=80, unique=True)
    toml = models.TextField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = PriorityPolicyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:15]})"
