"""Scopes, assets, lines, memberships, teams, API tokens, pipelines, gate policies: rows and reads, no verbs."""

from scopes.models.assets import Asset, AssetKind, AssetQuerySet, Line, LineKind
from scopes.models.keys import ApiToken, PipelineIdentity, PipelineIdentityQuerySet, TokenQuerySet
from scopes.models.scope import (
    Criticality,
    Exposure,
    Membership,
    Policy,
    PolicyQuerySet,
    Scope,
    ScopeQuerySet,
    limit_of,
)
from scopes.models.teams import Team, TeamMember, TeamQuerySet

__all__ = [
    "ApiToken",
    "Asset",
    "AssetKind",
    "AssetQuerySet",
    "Criticality",
    "Exposure",
    "Line",
    "LineKind",
    "Membership",
    "PipelineIdentity",
    "PipelineIdentityQuerySet",
    "Policy",
    "PolicyQuerySet",
    "Scope",
    "ScopeQuerySet",
    "Team",
    "TeamMember",
    "TeamQuerySet",
    "TokenQuerySet",
    "limit_of",
]
