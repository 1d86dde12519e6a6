"""Scopes with their gate policy, and who has which role in them."""

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models

from core.constraints import one_of
from core.models import User
from core.permissions import Permission, Role, roles_with
from scopes.workloads import workload_of


def limit_of(user: User | AnonymousUser) -> Any:
    """Return the token or workload through which ``user`` came; it narrows what they may. None: signed in."""
    return getattr(user, "token", None) or workload_of(user)


class Criticality(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Exposure(StrEnum):
    INTERNAL = "internal"
    PARTNER = "partner"
    INTERNET = "internet"


class PolicyQuerySet(models.QuerySet["Policy"]):
    def visible_to(self, user: User | AnonymousUser) -> "PolicyQuerySet":
        """Policies in use by a scope that ``user`` may read."""
        return self.filter(scopes__in=Scope.objects.visible_to(user)).distinct()


class Policy(models.Model):
    """One immutable version of a gate policy: its exact TOML text, found by digest."""

    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=80, unique=True)
    toml = models.TextField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = PolicyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:15]})"


class ScopeQuerySet(models.QuerySet["Scope"]):
    def visible_to(self, user: User | AnonymousUser) -> "ScopeQuerySet":
        """Scopes in which ``user`` may read."""
        return self.permitting(user, Permission.READ)

    def permitting(self, user: User | AnonymousUser, permission: Permission) -> "ScopeQuerySet":
        """Scopes in which ``user`` has a role that carries ``permission``."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        roles = [role.value for role in roles_with(permission)]
        mine = Membership.objects.filter(user_id=user.pk, role__in=roles)
        limit = limit_of(user)
        if limit is not None:
            if not limit.permits(permission):
                return self.none()
            if limit.scope_id is not None:
                mine = mine.filter(scope_id=limit.scope_id)
        return self.filter(pk__in=mine.values("scope_id"))


class Scope(models.Model):
    """What we protect: a business service or programme with an owner, exposure, SLA and gate policy."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    owner = models.CharField(max_length=120, default="", blank=True)
    criticality = models.CharField(max_length=10, default=Criticality.MEDIUM.value)
    exposure = models.CharField(max_length=10, default=Exposure.INTERNAL.value)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="scopes")
    sla_days = models.JSONField(default=dict)  # severity → days
    adopted_on = models.DateField()
    created_at = models.DateTimeField()

    objects = ScopeQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("criticality", Criticality, "scope_criticality"),
            one_of("exposure", Exposure, "scope_exposure"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person or service has one role in one scope."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10)

    class Meta:
        constraints = [
            one_of("role", Role, "membership_role"),
            models.UniqueConstraint(fields=["scope", "user"], name="membership_once"),
        ]
