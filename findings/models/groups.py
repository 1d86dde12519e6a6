"""Findings that are one thing to fix."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.urls import reverse

from core.models import User
from scopes.models import Scope


class GroupQuerySet(models.QuerySet["FindingGroup"]):
    def visible_to(self, user: User | AnonymousUser) -> "GroupQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))


class FindingGroup(models.Model):
    """One weakness that several findings tell of: by two tools, on two lines, in two copies.

    A group closes nothing: each of its findings ends by its own evidence. Split up, the row stays
    for its history.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = GroupQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "scope"], name="group_and_scope")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("group", args=[self.pk])

    @property
    def members(self) -> models.QuerySet:
        """Its findings, oldest first."""
        return self.findings.order_by("pk")
