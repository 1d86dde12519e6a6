"""Verbs on scopes, assets, people, tokens, pipelines and policies."""

from scopes.services.assets import create_asset
from scopes.services.keys import add_pipeline_identity, end_pipeline_identity
from scopes.services.members import remove_member, set_member
from scopes.services.policies import (
    MAX_POLICY_NAME,
    default_policy,
    put_in_force,
    read_policy,
    set_policy,
    store_policy,
    why_not_in_force,
)
from scopes.services.scopes import DEFAULT_SLA_DAYS, create_scope
from scopes.services.tokens import issue_token, revoke_token, rotate_token

__all__ = [
    "DEFAULT_SLA_DAYS",
    "MAX_POLICY_NAME",
    "add_pipeline_identity",
    "create_asset",
    "create_scope",
    "default_policy",
    "end_pipeline_identity",
    "issue_token",
    "put_in_force",
    "read_policy",
    "remove_member",
    "revoke_token",
    "rotate_token",
    "set_member",
    "set_policy",
    "store_policy",
    "why_not_in_force",
]
