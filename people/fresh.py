"""The one list of doors that want a fresh sign-in: where a click approves, waives, lets in or makes a key."""

from django.urls import ResolverMatch

from core.permissions import Permission
from findings.lifecycle import TRANSITIONS

PAGES = {  # names of pages that are asked by POST
    # approving, waiving, accepting
    "remediation-review", "verification-waiver", "verification-disposition", "dispute-confirm",
    "standing-approval-give", "discovery-rule-approve", "decide-alone", "scope-policy-put",
    # keys
    "tokens", "token-rotate", "service-account-new", "service-account-token", "connection-key",
    "connection-secret", "webhook-secret", "tracker-key", "tracker-secret",
    # people
    "member-set", "member-remove", "invite", "invitation-withdraw", "person-close", "person-open",
    "person-factors", "person-sessions", "person-role", "sessions-end",
}  # fmt: skip
DOORS = {  # the same at the API, for who comes by a session
    "api:remediation-reviews", "api:remediation-waivers", "api:verification-dispositions",
    "api:dispute-confirm", "api:standing-approval-list", "api:discovery-rule-approve",
    "api:scope-decision-policy", "api:scope-policies", "api:finding-transitions",
    "api:finding-bulk-transitions", "api:token-list", "api:token-rotate",
    "api:service-account-list", "api:service-account-tokens", "api:connection-key",
    "api:connection-webhook-secret", "api:webhook-rotate-secret", "api:tracker-key",
    "api:tracker-webhook-secret", "api:scope-members", "api:scope-remove-member",
    "api:invitation-list", "api:invitation-withdraw",
}  # fmt: skip
DECIDING = {row.name for row in TRANSITIONS if row.permission is Permission.APPROVE}


def asks_fresh(match: ResolverMatch) -> bool:
    """Whether what is sent to this address wants a fresh sign-in."""
    if match.view_name == "finding-transition":
        return match.kwargs.get("name") in DECIDING
    return match.view_name in PAGES or match.view_name in DOORS
