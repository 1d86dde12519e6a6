"""Verbs on scopes, assets, people, tokens, pipelines and policies."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User, UserKind
from core.permissions import Permission, Role
from gate import policy as gate_policy
from gate.errors import InputError
from scopes.access import check_may
from scopes.authentication import digest_of
from scopes.models import (
    ApiToken,
    Asset,
    AssetKind,
    Line,
    LineKind,
    Membership,
    PipelineIdentity,
    Policy,
    Scope,
    limit_of,
)
from scopes.versions import Version, versions_of

DEFAULT_SLA_DAYS = {"critical": 7, "high": 30, "medium": 90, "low": 180}
MAX_TOKEN_DAYS = 366
MAX_POLICY_NAME = 80


def read_policy(toml: bytes, name: str = "toml") -> gate_policy.Policy:
    """Return a policy text as the gate reads it. Raises BadInput with the line."""
    try:
        loaded = gate_policy.load(toml, name)
    except InputError as error:
        raise BadInput(error.where, error.what) from error
    if not 0 < len(loaded.name) <= MAX_POLICY_NAME:
        raise BadInput(f"{name}: name", f"must have 1 to {MAX_POLICY_NAME} characters")
    return loaded


@transaction.atomic
def store_policy(*, toml: bytes, name: str, by: User | None, at: datetime) -> Policy:
    """Validate a policy text and store it once per digest. Raises BadInput with the line."""
    loaded = read_policy(toml, name)
    known = Policy.objects.filter(digest=loaded.digest).first()
    if known is not None:
        return known
    policy = Policy.objects.create(
        name=loaded.name, digest=loaded.digest, toml=toml.decode(), created_at=at, created_by=by
    )
    append_event(
        scope_id=None, action="policy.stored", subject="policy", subject_id=policy.pk,
        by=by, at=at, data={"name": policy.name, "digest": policy.digest},
    )  # fmt: skip
    return policy


def default_policy(*, at: datetime) -> Policy:
    """Return the policy that protects out of the box."""
    return store_policy(toml=gate_policy.DEFAULT.to_toml(), name="default", by=None, at=at)


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
def set_policy(*, scope: Scope, policy: Policy, by: User, at: datetime) -> Scope:
    """Judge this scope by another policy from now on."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    before = _locked(scope).policy
    scope.policy = policy
    scope.save(update_fields=["policy"])
    append_event(
        scope_id=scope.pk, action="scope.policy_set", subject="scope", subject_id=scope.pk,
        by=by, at=at, data={"from": before.digest, "to": policy.digest, "name": policy.name},
    )  # fmt: skip
    return scope


def _locked(scope: Scope) -> Scope:
    """Return the scope as it is now, kept from others who would set its policy meanwhile.

    Not joined with the policy: who waits for the row would not find it by the policy of before.
    """
    return Scope.objects.select_for_update(no_key=True).get(pk=scope.pk)


def why_not_in_force(scope: Scope, policy: gate_policy.Policy) -> str:
    """Say why a policy cannot be put in force in the scope as things stand; empty: it can."""
    if policy.digest == scope.policy.digest:
        return "This very policy is in force already."
    used = [version.policy for version in versions_of(scope)]
    if any(p.name == policy.name and p.digest != policy.digest for p in used):
        return (
            f"The name {policy.name!r} already means another policy here. A changed policy needs"
            " another name, so that people can tell them apart."
        )
    return ""


@transaction.atomic
def put_in_force(
    *, scope: Scope, toml: bytes, by: User, at: datetime, replaces: str | None = None
) -> Version:
    """Judge this scope by a policy text from now on; what was closed stays closed.

    A name means one text in a scope: another text needs another name. ``replaces``: the digest that
    the proposal was compared with; WrongState if another policy is in force by now.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    loaded, now = read_policy(toml), _locked(scope)
    current = now.policy
    if replaces is not None and replaces != current.digest:
        raise WrongState(f"Another policy was put in force meanwhile: {current}. Compare again.")
    if refusal := why_not_in_force(now, loaded):
        raise WrongState(refusal)
    policy = store_policy(toml=toml, name="toml", by=by, at=at)
    set_policy(scope=scope, policy=policy, by=by, at=at)
    return Version(policy, at, by)


@transaction.atomic
def set_member(
    *, scope: Scope, user: User, role: Role, by: User | None, at: datetime
) -> Membership:
    """Give ``user`` a role in the scope. Nobody changes their own."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    if by is not None and by.pk == user.pk:
        raise NotAllowed("Nobody changes their own role; another administrator has to.")
    membership, _ = Membership.objects.update_or_create(
        scope=scope, user=user, defaults={"role": Role(role)}
    )
    append_event(
        scope_id=scope.pk, action="member.set", subject="scope", subject_id=scope.pk,
        by=by, at=at, data={"user": user.username, "role": str(role)},
    )  # fmt: skip
    return membership


@transaction.atomic
def create_asset(
    *,
    scope: Scope,
    name: str,
    by: User | None,
    at: datetime,
    kind: str = AssetKind.REPOSITORY.value,
    repository: str = "",
    default_line: str = "main",
) -> Asset:
    """Create an asset with its default line. Raises WrongState when the name is taken."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    try:
        with transaction.atomic():
            asset = Asset.objects.create(
                scope=scope, name=name, kind=kind, repository=repository, created_at=at
            )
    except IntegrityError as error:
        raise WrongState(f"The scope already has an asset called {name}.") from error
    Line.objects.create(asset=asset, scope=scope, name=default_line, kind=LineKind.DEFAULT)
    append_event(
        scope_id=scope.pk, action="asset.created", subject="asset", subject_id=asset.pk,
        by=by, at=at, data={"name": name, "line": default_line},
    )  # fmt: skip
    return asset


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
