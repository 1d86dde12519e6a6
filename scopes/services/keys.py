"""Tokens of people and services; pipelines that come with tokens of their code host."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User, UserKind
from core.permissions import Permission, Role
from scopes.access import check_may
from scopes.authentication import digest_of
from scopes.models import (
    ApiToken,
    Asset,
    Membership,
    PipelineIdentity,
    Scope,
    limit_of,
)

MAX_TOKEN_DAYS = 366


@transaction.atomic
def issue_token(
    *,
    user: User,
    name: str,
    by: User,
    at: datetime,
    days: int = 90,
    permissions: Sequence[str] = (),
    scope: Scope | None = None,
) -> tuple[ApiToken, str]:
    """Make a token for oneself; return the row and the key, which is shown this once.

    ``permissions`` and ``scope`` only ever narrow what the user may. At most 366 days.
    """
    if by.pk != user.pk:
        raise NotAllowed("A token is made by the user it acts for.")
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise BadInput("days", f"{days} is outside 1 to {MAX_TOKEN_DAYS}")
    if limit_of(by) is not None:
        raise NotAllowed("A token cannot make tokens; sign in to make one.")
    for value in permissions:
        if value not in list(Permission):
            raise BadInput("permissions", f"{value[:40]!r} is none of: {', '.join(Permission)}")
    key = f"ctem_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        user=user, name=name, prefix=key[:12], digest=digest_of(key), scope=scope,
        permissions=[Permission(value).value for value in permissions],
        created_at=at, expires_at=at + timedelta(days=days),
    )  # fmt: skip
    append_event(
        scope_id=None, action="token.issued", subject="token", subject_id=token.pk,
        by=by, at=at, data={"name": name, "prefix": token.prefix},
    )  # fmt: skip
    return token, key


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User, at: datetime) -> ApiToken:
    """End a token at once. One's own only."""
    if token.user_id != by.pk:
        raise NotAllowed("Only its owner revokes a token.")
    parent: ApiToken | None = getattr(by, "token", None)
    if parent is not None and parent.pk != token.pk:
        raise NotAllowed("A token revokes only itself; sign in to revoke another.")
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by = at, by
        token.save(update_fields=["revoked_at", "revoked_by"])
        append_event(
            scope_id=None, action="token.revoked", subject="token", subject_id=token.pk,
            by=by, at=at, data={"prefix": token.prefix},
        )  # fmt: skip
    return token


@transaction.atomic
def add_pipeline_identity(
    *,
    asset: Asset,
    issuer: str,
    repository: str,
    by: User | None,
    at: datetime,
    repository_id: str = "",
    workflow: str = "",
    ref: str = "",
) -> PipelineIdentity:
    """Let a pipeline upload for one asset with tokens of its code host; makes its service account.

    All that is given must be in the token. ``workflow``: the file, as the host names it; with
    ``@ref`` only that revision of it. Raises BadInput for an issuer that the operator does not allow,
    WrongState if the pipeline is known already.
    """
    check_may(by, Permission.ADMINISTER, asset.scope_id)
    if issuer not in settings.OIDC_ISSUERS:
        allowed = ", ".join(settings.OIDC_ISSUERS) or "none"
        raise BadInput("issuer", f"is not one that this server takes tokens of: {allowed}")
    account = User.objects.create_user(
        f"pipeline-{asset.pk}-{secrets.token_hex(4)}",
        first_name=f"Pipeline of {repository}"[:150], kind=UserKind.SERVICE,
    )  # fmt: skip
    Membership.objects.create(scope_id=asset.scope_id, user=account, role=Role.PIPELINE)
    asked = {
        "issuer": issuer, "repository": repository, "repository_id": repository_id,
        "workflow": workflow, "ref": ref,
    }  # fmt: skip
    try:
        with transaction.atomic():
            identity = PipelineIdentity.objects.create(
                scope_id=asset.scope_id, asset=asset, user=account, created_at=at, created_by=by,
                **asked,
            )  # fmt: skip
    except IntegrityError as error:
        raise WrongState("This pipeline is known for the asset already.") from error
    append_event(
        scope_id=asset.scope_id, action="pipeline.added", subject="pipeline",
        subject_id=identity.pk, by=by, at=at,
        data={"asset": asset.pk, "account": account.username, **asked},
    )  # fmt: skip
    return identity


@transaction.atomic
def end_pipeline_identity(
    *, identity: PipelineIdentity, by: User, at: datetime
) -> PipelineIdentity:
    """Take no token of the pipeline any more, for good; its account is closed with it."""
    check_may(by, Permission.ADMINISTER, identity.scope_id)
    identity = PipelineIdentity.objects.select_for_update(of=("self",)).get(pk=identity.pk)
    if identity.ended_at is None:
        identity.ended_at, identity.ended_by = at, by
        identity.save(update_fields=["ended_at", "ended_by"])
        User.objects.filter(pk=identity.user_id).update(is_active=False)
        append_event(
            scope_id=identity.scope_id, action="pipeline.ended", subject="pipeline",
            subject_id=identity.pk, by=by, at=at, data={"repository": identity.repository},
        )  # fmt: skip
    return identity
