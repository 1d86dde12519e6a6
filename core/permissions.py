"""The one table of roles. Who has which role where is kept in scopes; what a role may is here."""

from enum import StrEnum


class Permission(StrEnum):
    """One thing that a person or service may do in a scope."""

    READ = "read"
    UPLOAD_SCAN = "upload_scan"
    PROPOSE_FIX = "propose_fix"
    TRIAGE = "triage"  # prioritize, validate, assign, disposition as out of scope
    CLAIM = "claim"  # say "fixed", comment, link tickets
    REVIEW = "review"  # never one's own fix
    DISPOSE = "dispose"  # dispositions and disputes
    APPROVE = "approve"  # waive, accept a risk, confirm a false positive; never one's own request
    ADMINISTER = "administer"  # people, tokens, policies, connections


class Role(StrEnum):
    """A membership's role. pipeline and ticketing are for services."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    DEVELOPER = "developer"
    APPROVER = "approver"
    ADMIN = "admin"
    PIPELINE = "pipeline"
    TICKETING = "ticketing"


SERVICE_ROLES = (Role.PIPELINE, Role.TICKETING)
RANKS = {  # nobody gives or takes a role of a higher rank than their own
    Role.VIEWER: 0,
    Role.TICKETING: 0,
    Role.PIPELINE: 1,
    Role.DEVELOPER: 1,
    Role.ANALYST: 2,
    Role.APPROVER: 3,
    Role.ADMIN: 4,
}
STRONG_ROLES = (Role.APPROVER, Role.ADMIN)  # whose word closes, waives or lets others in

P = Permission
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({P.READ}),
    Role.ANALYST: frozenset(
        {P.READ, P.UPLOAD_SCAN, P.PROPOSE_FIX, P.TRIAGE, P.CLAIM, P.REVIEW, P.DISPOSE}
    ),
    Role.DEVELOPER: frozenset({P.READ, P.UPLOAD_SCAN, P.PROPOSE_FIX, P.CLAIM, P.REVIEW}),
    Role.APPROVER: frozenset(
        {P.READ, P.UPLOAD_SCAN, P.PROPOSE_FIX, P.TRIAGE, P.CLAIM, P.REVIEW, P.DISPOSE, P.APPROVE}
    ),
    Role.ADMIN: frozenset({P.READ, P.UPLOAD_SCAN, P.PROPOSE_FIX, P.TRIAGE, P.CLAIM, P.ADMINISTER}),
    Role.PIPELINE: frozenset({P.READ, P.UPLOAD_SCAN, P.PROPOSE_FIX, P.CLAIM}),
    Role.TICKETING: frozenset({P.READ, P.CLAIM}),
}


def roles_with(permission: Permission) -> list[Role]:
    """Return the roles that carry ``permission``."""
    return [role for role, granted in ROLE_PERMISSIONS.items() if permission in granted]
