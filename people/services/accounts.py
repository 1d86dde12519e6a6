"""What administrators of the installation do with accounts of people; an event on the system's chain each."""

from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from core.errors import NotAllowed, WrongState
from core.events import append_event
from core.models import InstallationRole, Session, User, UserKind
from scopes.models import ApiToken, limit_of


def may_administer(by: User) -> bool:
    """Whether ``by`` is an administrator of the installation, and signed in: no token is one."""
    return by.installation_role == InstallationRole.ADMIN and by.is_active and limit_of(by) is None


def check_may_administer(by: User | None, user: User | None = None) -> None:
    """Raise NotAllowed unless ``by`` (None: the server's operator) may change the account ``user``.

    Nobody changes their own, and nobody that of a programme: those end where they were made.
    """
    if by is None:
        return
    if not may_administer(by):
        raise NotAllowed("This is for administrators of the installation.")
    if user is not None and user.pk == by.pk:
        raise NotAllowed("Nobody does this to their own account; another administrator has to.")
    if user is not None and user.kind != UserKind.HUMAN:
        raise NotAllowed("The account of a programme is ended where it was made.")


@transaction.atomic
def close_account(*, user: User, by: User | None, at: datetime) -> User:
    """Let nobody in by this account from now on: its sessions and tokens end at once, its roles rest."""
    check_may_administer(by, user)
    user = _locked(user)
    if not user.is_active:
        return user
    user.is_active = False
    user.save(update_fields=["is_active"])
    sessions, _ = Session.objects.filter(user=user).delete()
    tokens = ApiToken.objects.filter(user=user, revoked_at=None).update(
        revoked_at=at, revoked_by=by or user
    )
    _tell("closed", user, by, at, {"sessions": sessions, "tokens": tokens})
    return user


@transaction.atomic
def open_account(*, user: User, by: User | None, at: datetime) -> User:
    """Let the owner of a closed account in again, with the roles from before; tokens have to be made anew."""
    check_may_administer(by, user)
    user = _locked(user)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        _tell("opened", user, by, at, {})
    return user


@transaction.atomic
def reset_factors(*, user: User, by: User | None, at: datetime) -> User:
    """Take every second factor from the account, for who lost theirs; its sessions end at once.

    Whoever asks for this must be known by other means than a mail: it opens the account to its password.
    """
    check_may_administer(by, user)
    user = _locked(user)
    gone, _ = Authenticator.objects.filter(user=user).delete()
    if not gone:
        raise WrongState("This account has no second factor.")
    Session.objects.filter(user=user).delete()
    _tell("factors_reset", user, by, at, {"ended": gone})
    return user


@transaction.atomic
def set_installation_role(
    *, user: User, role: InstallationRole, by: User | None, at: datetime
) -> User:
    """Make somebody an administrator of the installation, or no longer one."""
    check_may_administer(by, user)
    user = _locked(user)
    if user.kind != UserKind.HUMAN or not user.is_active:
        raise WrongState("Only a person whose account is open administers the installation.")
    if user.installation_role != role:
        user.installation_role = role
        user.save(update_fields=["installation_role"])
        _tell("role_set", user, by, at, {"role": str(role) or "none"})
    return user


@transaction.atomic
def end_sessions(*, user: User, by: User, at: datetime, keys: list[str] | None = None) -> int:
    """Sign an account out in the browsers of ``keys`` (None: in all); return in how many.

    One's own, or as an administrator of the installation. Raises NotAllowed.
    """
    if user.pk != by.pk:
        check_may_administer(by, user)
    elif limit_of(by) is not None:
        raise NotAllowed("A token ends no session; sign in.")
    rows = Session.objects.filter(user=user)
    if keys is not None:
        rows = rows.filter(session_key__in=keys)
    gone, _ = rows.delete()
    if gone:
        _tell("sessions_ended", user, by, at, {"ended": gone})
    return gone


def _locked(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _tell(verb: str, user: User, by: User | None, at: datetime, data: dict[str, Any]) -> None:
    append_event(
        scope_id=None, action=f"user.{verb}", subject="user", subject_id=user.pk, by=by, at=at,
        data={"user": user.username, **data},
    )  # fmt: skip
