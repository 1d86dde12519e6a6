"""Who may do what where: the one question every verb asks before it writes."""

from core.errors import NotAllowed
from core.log_context import tell
from core.models import User
from core.permissions import Permission
from scopes.models import Scope


def can(user: User | None, permission: Permission, scope_id: int) -> bool:
    """Whether ``user`` may do ``permission`` in the scope; None, the system, may through code only."""
    if user is None:
        return True
    return Scope.objects.permitting(user, permission).filter(pk=scope_id).exists()


def check_may(user: User | None, permission: Permission, scope_id: int) -> None:
    """Raise NotAllowed with a sentence unless ``user`` may do ``permission`` in the scope."""
    tell(scope_id=scope_id, user_id=user.pk if user else None)
    if not can(user, permission, scope_id):
        verb = permission.value.replace("_", " ")
        raise NotAllowed(f"Your role in this scope does not allow you to {verb}.")
