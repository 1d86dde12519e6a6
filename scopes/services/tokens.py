"""The life of an API token: made, rotated, revoked. A key is returned once, and in no event."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scopes.access import check_may
from scopes.key_text import SHOWN, digest_of, new_key
from scopes.models import ApiToken, Scope, ServiceAccount, limit_of

TOKEN_DAYS = 90  # where nobody says how long
MAX_OVERLAP_DAYS = 7
MAX_NAME = 80


@transaction.atomic
def issue_token(
    *,
    user: User,
    name: str,
    by: User,
    at: datetime,
    days: int | None = None,
    permissions: Sequence[str] = (),
    scopes: Sequence[Scope] = (),
) -> tuple[ApiToken, str]:
    """Make a token, for oneself or for a service account of a scope that one administers.

    Return the row and the key, which is shown this once. ``permissions`` and ``scopes`` only ever
    narrow what the user may; none: all of the user's. ``days``: at most settings.MAX_TOKEN_DAYS.
    Raises NotAllowed, BadInput that names the member, WrongState for an account that has ended.
    """
    account = _account_of(user)
    _check_may_make(user, account, by)
    key = new_key()
    token = ApiToken.objects.create(
        user=user, name=_checked_name(name), prefix=key[:SHOWN], digest=digest_of(key),
        scopes=[account.scope_id] if account else sorted({scope.pk for scope in scopes}),
        permissions=_checked_permissions(permissions),
        created_at=at, created_by=by, expires_at=at + _life(days),
    )  # fmt: skip
    _tell(token, account, "issued", by, at, {"name": token.name, **_shown(token)})
    return token, key


@transaction.atomic
def rotate_token(
    *, token: ApiToken, by: User, at: datetime, overlap_days: int = 1, days: int | None = None
) -> tuple[ApiToken, str]:
    """Give a token another key and another end; return the row and the key, shown this once.

    The key of before opens for ``overlap_days`` more (0 to 7; 0: no more at once), never past the end
    that it had. A key of before that one ends at once. What the token may stays.
    """
    account = _account_of(token.user)
    _check_may_make(token.user, account, by)
    if not 0 <= overlap_days <= MAX_OVERLAP_DAYS:
        raise BadInput("overlap_days", f"{overlap_days} is outside 0 to {MAX_OVERLAP_DAYS}")
    token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
    if token.revoked_at is not None or token.expires_at <= at:
        raise WrongState("The token has ended; make another one.")
    key = new_key()
    token.old_digest = token.digest
    token.old_until = min(token.expires_at, at + timedelta(days=overlap_days))
    token.digest, token.prefix = digest_of(key), key[:SHOWN]
    token.expires_at = at + _life(days)
    token.save(update_fields=["old_digest", "old_until", "digest", "prefix", "expires_at"])
    told = {**_shown(token), "old_until": token.old_until.isoformat()}
    _tell(token, account, "rotated", by, at, told)
    return token, key


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User, at: datetime) -> ApiToken:
    """End a token at once, with every key of it: one's own, or of a service account that one administers."""
    account = _account_of(token.user)
    if token.user_id != by.pk:
        if account is None:
            raise NotAllowed("Only its owner revokes a token.")
        check_may(by, Permission.ADMINISTER, account.scope_id)
    if limit_of(by) is not None and getattr(limit_of(by), "pk", None) != token.pk:
        raise NotAllowed("A token revokes only itself; sign in to revoke another.")
    token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by = at, by
        token.save(update_fields=["revoked_at", "revoked_by"])
        _tell(token, account, "revoked", by, at, {"prefix": token.prefix})
    return token


def _account_of(user: User) -> ServiceAccount | None:
    return ServiceAccount.objects.filter(user_id=user.pk).first()


def _check_may_make(user: User, account: ServiceAccount | None, by: User) -> None:
    """Raise unless ``by``, signed in, may make keys that act as ``user``."""
    if account is not None:
        check_may(by, Permission.ADMINISTER, account.scope_id)
        if account.ended_at is not None:
            raise WrongState("The service account has ended.")
    elif by.pk != user.pk:
        raise NotAllowed("A token is made by the user it acts for.")
    if limit_of(by) is not None:
        raise NotAllowed("A token cannot make tokens; sign in to make one.")


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise BadInput("name", f"must have 1 to {MAX_NAME} characters")
    return name


def _checked_permissions(permissions: Sequence[str]) -> list[str]:
    for value in permissions:
        if value not in list(Permission):
            raise BadInput("permissions", f"{value[:40]!r} is none of: {', '.join(Permission)}")
    return [Permission(value).value for value in dict.fromkeys(permissions)]


def _life(days: int | None) -> timedelta:
    most = settings.MAX_TOKEN_DAYS
    days = min(TOKEN_DAYS, most) if days is None else days
    if not 1 <= days <= most:
        raise BadInput("days", f"{days} is outside 1 to {most}")
    return timedelta(days=days)


def _shown(token: ApiToken) -> dict[str, Any]:
    return {
        "prefix": token.prefix,
        "permissions": token.permissions,
        "scopes": token.scopes,
        "until": token.expires_at.isoformat(),
    }


def _tell(
    token: ApiToken,
    account: ServiceAccount | None,
    verb: str,
    by: User,
    at: datetime,
    data: dict[str, Any],
) -> None:
    append_event(
        scope_id=account.scope_id if account else None, action=f"token.{verb}", subject="token",
        subject_id=token.pk, by=by, at=at,
        data={**data, "account": account.name} if account else data,
    )  # fmt: skip
