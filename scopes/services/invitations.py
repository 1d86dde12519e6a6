"""Inviting people to a scope by mail, withdrawing that, and accepting it. The mail: people/mails.py."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.jobs import enqueue
from core.models import User, UserKind
from core.permissions import RANKS, SERVICE_ROLES, Permission, Role
from core.sealing import seal
from scopes.access import check_may
from scopes.key_text import digest_of
from scopes.models import Invitation, Membership, Scope
from scopes.services.members import check_may_give, set_member

SEND = "invitation"  # kind of the job
INVITED_DAYS = 7
MOST_OPEN = 200  # invitations of one scope that wait at a time
ENDED = "This invitation was used, withdrawn, or is too old. Ask for another one."


@transaction.atomic
def invite(
    *, scope: Scope, email: str, role: str, by: User, at: datetime
) -> tuple[Invitation, str]:
    """Invite who reads ``email`` to the scope, for seven days; an open invitation there is replaced.

    Return the row and the link's key: mailed where a server for mail is set, else to be handed over by
    who invites. Whether the address has an account is told to nobody. Raises NotAllowed, BadInput that
    names the member, WrongState where too many wait.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    email = _checked_email(email)
    if role not in [one.value for one in Role if one not in SERVICE_ROLES]:
        raise BadInput("role", "is none that people have")
    check_may_give(by=by, role=Role(role), scope_id=scope.pk)
    Scope.objects.select_for_update(no_key=True).get(pk=scope.pk)
    waiting = Invitation.objects.filter(scope=scope, accepted_at=None, withdrawn_at=None)
    waiting.filter(email=email).update(withdrawn_at=at, withdrawn_by=by, sealed_key="")
    if waiting.filter(expires_at__gt=at).count() >= MOST_OPEN:
        raise WrongState(f"{MOST_OPEN} invitations wait already; withdraw some.")
    key = secrets.token_urlsafe(32)
    invitation = Invitation(
        scope=scope, email=email, role=Role(role), digest=digest_of(key), created_at=at,
        created_by=by, expires_at=at + timedelta(days=INVITED_DAYS),
    )  # fmt: skip
    if settings.EMAIL_HOST:
        invitation.sealed_key = seal(key, context=invitation.context)
    invitation.save()
    if settings.EMAIL_HOST:
        enqueue(kind=SEND, subject_id=invitation.pk, at=at)
    _tell("invited", invitation, by, at)
    return invitation, key


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, by: User, at: datetime) -> Invitation:
    """End an invitation that nobody has accepted."""
    check_may(by, Permission.ADMINISTER, invitation.scope_id)
    check_may_give(by=by, role=Role(invitation.role), scope_id=invitation.scope_id)
    invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if invitation.accepted_at is not None:
        raise WrongState("The invitation was accepted; take the member out instead.")
    if invitation.withdrawn_at is None:
        invitation.withdrawn_at, invitation.withdrawn_by, invitation.sealed_key = at, by, ""
        invitation.save(update_fields=["withdrawn_at", "withdrawn_by", "sealed_key"])
        _tell("withdrawn", invitation, by, at)
    return invitation


def open_invitation(key: str, *, at: datetime) -> Invitation | None:
    """The invitation that a link's key opens now; None: none, for whatever reason."""
    rows = Invitation.objects.open(at).select_related("scope", "created_by")
    return rows.filter(digest=digest_of(key)).first()


@transaction.atomic
def join(*, invitation: Invitation, by: User, at: datetime) -> Membership:
    """Accept an invitation with the account that one has: its mail address must be the invited one.

    Who is a member already keeps a higher role. Raises NotAllowed, WrongState.
    """
    if by.kind != UserKind.HUMAN or by.email.casefold() != invitation.email.casefold():
        raise NotAllowed("This invitation is for another mail address than that of your account.")
    return _accept(invitation, by, at)


@transaction.atomic
def join_newly(
    *, invitation: Invitation, username: str, name: str, password: str, at: datetime
) -> User:
    """Accept an invitation with a new account of that mail address.

    Raises BadInput that names the member; WrongState where the address has an account.
    """
    if User.objects.filter(email__iexact=invitation.email, is_active=True).exists():
        raise WrongState("There is an account with this mail address: sign in with it.")
    first, _, last = _checked_name(name).partition(" ")
    user = User(
        username=_checked_username(username), first_name=first, last_name=last,
        email=invitation.email, kind=UserKind.HUMAN,
    )  # fmt: skip
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise BadInput("password", " ".join(error.messages)) from error
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise BadInput("username", "is taken") from error
    _accept(invitation, user, at)
    return user


def _accept(invitation: Invitation, user: User, at: datetime) -> Membership:
    rows = Invitation.objects.open(at).select_for_update(of=("self",))
    invitation_now = rows.filter(pk=invitation.pk).select_related("scope", "created_by").first()
    if invitation_now is None or not _still_may(invitation_now):
        raise WrongState(ENDED)
    invitation_now.accepted_at, invitation_now.accepted_by = at, user
    invitation_now.sealed_key = ""
    invitation_now.save(update_fields=["accepted_at", "accepted_by", "sealed_key"])
    scope, role = invitation_now.scope, Role(invitation_now.role)
    held = Membership.objects.filter(scope=scope, user=user).first()
    if held is None or RANKS[Role(held.role)] < RANKS[role]:
        held = set_member(
            scope=scope, user=user, role=role, by=None, at=at, invited_by=invitation_now.created_by
        )
    _tell("accepted", invitation_now, user, at)
    return held


def _still_may(invitation: Invitation) -> bool:
    """Whether who invited may give that role still: what they lost, their invitations lost too."""
    try:
        check_may_give(
            by=invitation.created_by, role=Role(invitation.role), scope_id=invitation.scope_id
        )
    except NotAllowed:
        return False
    return True


def _checked_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise BadInput("email", "is no mail address") from error
    return email


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= 150 or not name.isprintable():
        raise BadInput("name", "must have 1 to 150 characters that can be seen")
    return name


def _checked_username(username: str) -> str:
    username = username.strip()
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError as error:
        raise BadInput("username", "may have letters, digits and @.+-_ alone") from error
    if not 0 < len(username) <= 150:
        raise BadInput("username", "must have 1 to 150 characters")
    if User.objects.filter(username__iexact=username).exists():
        raise BadInput("username", "is taken")
    return username


def _tell(verb: str, invitation: Invitation, by: User, at: datetime) -> None:
    append_event(
        scope_id=invitation.scope_id, action=f"invitation.{verb}", subject="invitation",
        subject_id=invitation.pk, by=by, at=at,
        data={"email": invitation.email, "role": invitation.role},
    )  # fmt: skip
