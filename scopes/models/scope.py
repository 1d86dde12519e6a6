"""Scopes with their gate policy, and who has which role in them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from django.contrib.auth.models import AnonymousUser
from django.db import models

from core.constraints import CompositeForeignKey, one_of
from core.models import User
from core.permissions import Permission, Role, roles_with
from scopes.statuses import DataClass
from scopes.workloads import workload_of

FRESH_DAYS = 30  # how old the last scan of a class may be, where a scope does not say


class Limit(Protocol):
    """What narrows what somebody may: the token, or the pipeline's run, through which they came."""

    def permits(self, permission: Permission) -> bool:
        """Whether it lets ``permission`` through, where the user has it."""

    def scope_ids(self) -> Sequence[int] | None:
        """The scopes that it lets through, where the user is a member; None: all."""


def limit_of(user: User | AnonymousUser) -> Limit | None:
    """Return the token or workload through which ``user`` came; it narrows what they may. None: signed in."""
    return getattr(user, "token", None) or workload_of(user)


def is_bound(user: User | AnonymousUser) -> bool:
    """Whether ``user`` came through something that is for some scopes only."""
    limit = limit_of(user)
    return limit is not None and limit.scope_ids() is not None


class Criticality(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Exposure(StrEnum):
    INTERNAL = "internal"
    PARTNER = "partner"
    INTERNET = "internet"


def workweek() -> list[int]:
    """Monday to Friday."""
    return [1, 2, 3, 4, 5]


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
            only = limit.scope_ids()
            if only is not None:
                mine = mine.filter(scope_id__in=only)
        return self.filter(pk__in=mine.values("scope_id"))


class Scope(models.Model):
    """What we protect: a business service or programme with an owner, exposure, SLA and gate policy."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    owner = models.CharField(max_length=120, default="", blank=True)
    criticality = models.CharField(max_length=10, default=Criticality.MEDIUM.value)
    exposure = models.CharField(max_length=10, default=Exposure.INTERNAL.value)
    data_class = models.CharField(max_length=12, default=DataClass.INTERNAL.value)
    regulations = models.JSONField(default=list, blank=True)  # codes, see scopes/regulations.py
    owner_team = models.ForeignKey(
        "scopes.Team", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    expected_classes = models.JSONField(default=list, blank=True)  # empty: by kind of asset
    fresh_days = models.PositiveSmallIntegerField(default=FRESH_DAYS)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="scopes")
    priority_policy = models.ForeignKey(  # null: the weights in the code, findings/weights.py
        "scopes.PriorityPolicy", null=True, on_delete=models.PROTECT, related_name="scopes"
    )
    sla_days = models.JSONField(default=dict)  # severity → days
    sla_stage_days = models.JSONField(default=dict)  # status → severity → days
    sla_counts = models.CharField(max_length=8, default="calendar")  # which days it counts
    sla_warn_days = models.PositiveSmallIntegerField(default=7)  # before a due date it is told
    time_zone = models.CharField(max_length=64, default="UTC")
    working_days = models.JSONField(default=workweek)  # ISO: Monday is 1
    holidays = models.JSONField(default=list)  # ISO dates
    adopted_on = models.DateField()
    created_at = models.DateTimeField()

    objects = ScopeQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("criticality", Criticality, "scope_criticality"),
            one_of("exposure", Exposure, "scope_exposure"),
            one_of("data_class", DataClass, "scope_data_class"),
            models.CheckConstraint(
                condition=models.Q(fresh_days__gte=1, fresh_days__lte=366), name="scope_fresh_days"
            ),
            CompositeForeignKey(
                name="scope_owner_team_of_its_own",
                fields=["owner_team", "id"],
                to_table="scopes_team",
                to_columns=["id", "scope_id"],
            ),
            models.CheckConstraint(
                condition=models.Q(sla_counts__in=["calendar", "business"]), name="scope_sla_counts"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GivenBy(StrEnum):
    """Who gave a role: people of ours, or the group that a single sign-on told of."""

    PEOPLE = "people"
    SSO = "sso"


class Membership(models.Model):
    """A person or service has one role in one scope. What a single sign-on gave it takes back, too."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10)
    given_by = models.CharField(max_length=10, default=GivenBy.PEOPLE.value)

    class Meta:
        constraints = [
            one_of("role", Role, "membership_role"),
            one_of("given_by", GivenBy, "membership_given_by"),
            models.UniqueConstraint(fields=["scope", "user"], name="membership_once"),
        ]
