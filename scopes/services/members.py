"""Who is a member of a scope: the one rule by which roles are given and taken, for pages and API alike."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from core.errors import NotAllowed, WrongState
from core.events import append_event
from core.models import User, UserKind
from core.permissions import RANKS, Permission, Role
from scopes.access import check_may
from scopes.models import GivenBy, Membership, Scope, ServiceAccount, TeamMember

LAST = "This is the last administrator of the scope; make somebody else one first."


def check_may_give(*, by: User | None, role: Role, scope_id: int) -> None:
    """Raise NotAllowed unless ``by`` may give or take ``role`` in the scope: never one above their own.

    None, the system, may through code only.
    """
    check_may(by, Permission.ADMINISTER, scope_id)
    if by is None:
        return
    own = Membership.objects.filter(scope=scope_id, user=by).values_list("role", flat=True).first()
    if own is None or RANKS[Role(role)] > RANKS[Role(own)]:
        raise NotAllowed("Nobody gives or takes a role above their own.")


@transaction.atomic
def set_member(
    *,
    scope: Scope,
    user: User,
    role: Role,
    by: User | None,
    at: datetime,
    given_by: GivenBy = GivenBy.PEOPLE,
    invited_by: User | None = None,
) -> Membership:
    """Give ``user`` a role in the scope. Nobody changes their own, nobody that of a service account.

    ``invited_by``: whose invitation the user accepted, for the event.
    Raises NotAllowed, WrongState where it would leave the scope without an administrator.
    """
    check_may_give(by=by, role=role, scope_id=scope.pk)
    if by is not None and by.pk == user.pk:
        raise NotAllowed("Nobody changes their own role; another administrator has to.")
    if ServiceAccount.objects.filter(user=user).exists():
        raise WrongState("A service account has one role, in the scope that made it.")
    held = _held(scope.pk, user)
    if held is not None and held.role != role:
        _check_may_lose(held, by=by)
    membership, _ = Membership.objects.update_or_create(
        scope=scope, user=user, defaults={"role": Role(role), "given_by": given_by}
    )
    append_event(
        scope_id=scope.pk, action="member.set", subject="scope", subject_id=scope.pk,
        by=by or invited_by, at=at,
        data={"user": user.username, "role": str(role), **_how(given_by)},
    )  # fmt: skip
    return membership


@transaction.atomic
def remove_member(*, scope: Scope, user: User, by: User | None, at: datetime) -> None:
    """Take ``user`` out of the scope and off its teams; what they did stays theirs.

    Nobody removes themselves. Raises NotAllowed; WrongState for the last administrator, for a service
    account, and for who is no member.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    held = _held(scope.pk, user)
    if held is None:
        raise WrongState("This account is no member of the scope.")
    check_may_give(by=by, role=Role(held.role), scope_id=scope.pk)
    if by is not None and by.pk == user.pk:
        raise NotAllowed("Nobody removes themselves; another administrator has to.")
    if user.kind != UserKind.HUMAN:
        raise WrongState("An account of a programme is ended where it was made.")
    _check_may_lose(held, by=by)
    TeamMember.objects.filter(scope=scope, user=user).delete()
    held.delete()
    append_event(
        scope_id=scope.pk, action="member.removed", subject="scope", subject_id=scope.pk,
        by=by, at=at, data={"user": user.username, "role": held.role},
    )  # fmt: skip


def _how(given_by: GivenBy) -> dict[str, str]:
    return {} if given_by is GivenBy.PEOPLE else {"given_by": str(given_by)}


def is_last_admin(membership: Membership) -> bool:
    """Whether nobody else who can sign in administers the scope."""
    return (
        membership.role == Role.ADMIN
        and not admins_of(membership.scope_id).exclude(user=membership.user_id).exists()
    )


def admins_of(scope_id: int) -> QuerySet[Membership]:
    """Memberships of people who administer the scope and whose account is open."""
    return Membership.objects.filter(
        scope=scope_id, role=Role.ADMIN, user__is_active=True, user__kind=UserKind.HUMAN
    )


def _held(scope_id: int, user: User) -> Membership | None:
    """The membership, with every administrator of the scope locked: two who leave at once wait in line."""
    list(admins_of(scope_id).select_for_update(of=("self",)).order_by("pk"))
    rows = Membership.objects.select_for_update(of=("self",))
    return rows.filter(scope=scope_id, user=user).first()


def _check_may_lose(held: Membership, *, by: User | None) -> None:
    """Raise unless the role may go: not one above that of ``by``, not that of the last administrator."""
    check_may_give(by=by, role=Role(held.role), scope_id=held.scope_id)
    if is_last_admin(held):
        raise WrongState(LAST)
