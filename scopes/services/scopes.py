"""Making scopes. Who is a member: services/members.py."""

from datetime import datetime

from django.db import transaction

from core.events import append_event
from core.models import User
from core.permissions import Role
from scopes.models import Membership, Scope
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
