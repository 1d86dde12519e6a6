"""How many findings there are of each kind."""

from django.contrib.auth.models import AnonymousUser
from django.db import models

from core.models import User
from findings.statuses import OPEN
from scopes.models import Asset, Scope


class TallyQuerySet(models.QuerySet["Tally"]):
    def visible_to(self, user: User | AnonymousUser) -> "TallyQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def open(self) -> "TallyQuerySet":
        return self.filter(status__in=OPEN)


class Tally(models.Model):
    """So many findings of one kind, more or fewer: the sum over equal rows counts. See ``tallies``."""

    scope = models.ForeignKey(
        Scope, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    asset = models.ForeignKey(
        Asset, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    tool = models.CharField(max_length=120)
    tool_class = models.CharField(max_length=10, default="")
    status = models.CharField(max_length=22)
    severity = models.CharField(max_length=8)
    priority_band = models.CharField(max_length=2)
    priority_score = models.SmallIntegerField(default=0)
    presence = models.CharField(max_length=10)
    set_aside = models.CharField(max_length=12, default="")
    n = models.BigIntegerField()

    objects = TallyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.n} {self.status}"
