"""What one approver of a scope may decide alone; what is not said takes a second person."""

from datetime import datetime

from django.db import transaction

from core.errors import NotAllowed
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import ScopeDecisionPolicy
from scopes.access import check_may
from scopes.models import Scope

WHATS = ("dismissals_alone", "acceptances_alone", "rules_alone")


@transaction.atomic
def set_decision_policy(
    *,
    scope: Scope,
    by: User,
    at: datetime,
    dismissals_alone: bool,
    acceptances_alone: bool,
    rules_alone: bool,
) -> ScopeDecisionPolicy:
    """Say what one approver may decide alone from now on: false positives, accepted risks, rules.

    What was asked before keeps needing two. Whoever sets it approves nothing: roles see to that.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    Scope.objects.select_for_update(no_key=True).get(pk=scope.pk)
    before = ScopeDecisionPolicy.of(scope.pk)
    told = {
        "dismissals_alone": dismissals_alone,
        "acceptances_alone": acceptances_alone,
        "rules_alone": rules_alone,
    }
    was = {name: getattr(before, name) for name in WHATS}
    policy, _ = ScopeDecisionPolicy.objects.update_or_create(
        scope=scope, defaults={**told, "set_at": at, "set_by": by}
    )
    append_event(
        scope_id=scope.pk, action="scope.decision_policy_set", subject="scope", subject_id=scope.pk,
        by=by, at=at, data={"before": was, "after": told},
    )  # fmt: skip
    return policy


def check_second(by: User, asked_by: int, *, alone: bool, still: bool) -> None:
    """Raise NotAllowed if ``by`` asked for it, unless the scope allowed that then, and still does."""
    if by.pk == asked_by and not (alone and still):
        raise NotAllowed("A second person has to confirm: nobody approves their own request.")
