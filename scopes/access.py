"""Who may do what where: the one question every verb asks before it writes."""

from typing import Any, TypeVar, cast

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery

from core.errors import NotAllowed
from core.log_context import tell
from core.models import User
from core.permissions import ROLE_PERMISSIONS, Permission, Role
from scopes.models import Membership, Scope, limit_of

M = TypeVar("M", bound=models.Model)


def with_role(rows: QuerySet[M], user: User) -> QuerySet[M]:
    """The same rows of a scope, each with the role there of who is signed in, for ``remember``."""
    mine = Membership.objects.filter(user_id=user.pk, scope=OuterRef("scope"))
    return cast("QuerySet[M]", rows.annotate(own_role=Subquery(mine.values("role"))))


def remember(user: User, row: Any) -> None:
    """Let ``can`` answer for the scope of a row read ``with_role`` without asking again, for this object.

    Only for pages that show: who changes something asks the database each time.
    """
    if user.is_active and limit_of(user) is None:
        granted = ROLE_PERMISSIONS[Role(row.own_role)] if row.own_role else frozenset[Permission]()
        user.remembered = row.scope_id, granted  # type: ignore[attr-defined]


def can(user: User | None, permission: Permission, scope_id: int) -> bool:
    """Whether ``user`` may do ``permission`` in the scope; None, the system, may through code only."""
    if user is None:
        return True
    remembered, granted = getattr(user, "remembered", (None, ()))
    if remembered == scope_id:
        return permission in granted
    return Scope.objects.permitting(user, permission).filter(pk=scope_id).exists()


def check_may(user: User | None, permission: Permission, scope_id: int) -> None:
    """Raise NotAllowed with a sentence unless ``user`` may do ``permission`` in the scope."""
    tell(scope_id=scope_id, user_id=user.pk if user else None)
    if not can(user, permission, scope_id):
        verb = permission.value.replace("_", " ")
        raise NotAllowed(f"Your role in this scope does not allow you to {verb}.")
