"""Scopes and their members."""

from datetime import datetime

from django.db import transaction

from core.errors import NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission, Role
from scopes.access import check_may
from scopes.models import (
    Membership,
    Scope,
    ServiceAccount,
)
from scopes.services.policies import default_policy

DEFAULT_SLA_DAYS = {"critical": 7, "high": 30, "medium": 90, "low": 180}


@transaction.atomic
def create_scope(
    *,
    name: str,
    slug: str,
    by: User | None,
    at: datetime,
    owner: str = "",
    criticality: str = "medium",
    exposure: str = "internal",
) -> Scope:
    """Create a scope with the default policy. Its creator becomes its administrator."""
    scope = Scope.objects.create(
        name=name, slug=slug, owner=owner, criticality=criticality, exposure=exposure,
        policy=default_policy(at=at), sla_days=DEFAULT_SLA_DAYS,
        adopted_on=at.date(), created_at=at,
    )  # fmt: skip
    if by is not None:
        Membership.objects.create(scope=scope, user=by, role=Role.ADMIN)
    append_event(
        scope_id=scope.pk, action="scope.created", subject="scope", subject_id=scope.pk,
        by=by, at=at, data={"name": name},
    )  # fmt: skip
    return scope


@transaction.atomic
def set_member(
    *, scope: Scope, user: User, role: Role, by: User | None, at: datetime
) -> Membership:
    """Give ``user`` a role in the scope. Nobody changes their own, nobody that of a service account."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    if by is not None and by.pk == user.pk:
        raise NotAllowed("Nobody changes their own role; another administrator has to.")
    if ServiceAccount.objects.filter(user=user).exists():
        raise WrongState("A service account has one role, in the scope that made it.")
    membership, _ = Membership.objects.update_or_create(
        scope=scope, user=user, defaults={"role": Role(role)}
    )
    append_event(
        scope_id=scope.pk, action="member.set", subject="scope", subject_id=scope.pk,
        by=by, at=at, data={"user": user.username, "role": str(role)},
    )  # fmt: skip
    return membership
