"""Which gate policy a scope is judged by."""

from datetime import datetime

from django.db import transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from gate import policy as gate_policy
from gate.errors import InputError
from scopes.access import check_may
from scopes.models import (
    Policy,
    Scope,
)
from scopes.versions import Version, versions_of

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
