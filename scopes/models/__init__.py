"""Scopes, assets, lines, members, invitations, teams, tokens, accounts, policies: rows and reads, no verbs."""

from scopes.models.assets import Asset, AssetKind, AssetQuerySet, Line, LineKind
from scopes.models.invitations import Invitation, InvitationQuerySet
from scopes.models.keys import (
    ApiToken,
    PipelineIdentity,
    PipelineIdentityQuerySet,
    ServiceAccount,
    ServiceAccountQuerySet,
    TokenQuerySet,
)
from scopes.models.links import AssetAlias, AssetLink, AssetLinkQuerySet
from scopes.models.ownership import CodeOwners, CodeOwnersQuerySet
from scopes.models.priorities import PriorityPolicy, PriorityPolicyQuerySet
from scopes.models.scope import (
    FRESH_DAYS,
    Criticality,
    Exposure,
    GivenBy,
    Membership,
    Policy,
    PolicyQuerySet,
    Scope,
    ScopeQuerySet,
    is_bound,
    limit_of,
)
from scopes.models.teams import Team, TeamMember, TeamQuerySet

__all__ = [
    "FRESH_DAYS",
    "ApiToken",
    "Asset",
    "AssetAlias",
    "AssetKind",
    "AssetLink",
    "AssetLinkQuerySet",
    "AssetQuerySet",
    "CodeOwners",
    "CodeOwnersQuerySet",
    "Criticality",
    "Exposure",
    "GivenBy",
    "Invitation",
    "InvitationQuerySet",
    "Line",
    "LineKind",
    "Membership",
    "PipelineIdentity",
    "PipelineIdentityQuerySet",
    "Policy",
    "PolicyQuerySet",
    "PriorityPolicy",
    "PriorityPolicyQuerySet",
    "Scope",
    "ScopeQuerySet",
    "ServiceAccount",
    "ServiceAccountQuerySet",
    "Team",
    "TeamMember",
    "TeamQuerySet",
    "TokenQuerySet",
    "is_bound",
    "limit_of",
]
