"""Accounts of programmes, which administrators of a scope make and end. Their tokens: services/tokens.py."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User, UserKind
from core.permissions import SERVICE_ROLES, Permission, Role
from scopes.access import check_may
from scopes.models import Membership, Scope, ServiceAccount

MAX_NAME = 80


@transaction.atomic
def create_service_account(
    *, scope: Scope, name: str, role: str, by: User, at: datetime
) -> ServiceAccount:
    """Make an account of kind service, a member of the scope with a role for services.

    It cannot sign in: it has no password, only tokens. Raises NotAllowed, BadInput that names the
    member, WrongState where the name is taken.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput("name", f"must have 1 to {MAX_NAME} characters that can be seen")
    if role not in SERVICE_ROLES:
        raise BadInput("role", f"is none of: {', '.join(SERVICE_ROLES)}")
    user = User.objects.create_user(
        f"service-{scope.pk}-{secrets.token_hex(4)}", first_name=name, kind=UserKind.SERVICE
    )
    Membership.objects.create(scope=scope, user=user, role=Role(role))
    try:
        with transaction.atomic():
            account = ServiceAccount.objects.create(
                scope=scope, user=user, name=name, role=role, created_at=at, created_by=by
            )
    except IntegrityError as error:
        raise WrongState("A service account of this scope has this name already.") from error
    append_event(
        scope_id=scope.pk, action="service_account.created", subject="service_account",
        subject_id=account.pk, by=by, at=at,
        data={"name": name, "role": role, "account": user.username},
    )  # fmt: skip
    return account


@transaction.atomic
def end_service_account(*, account: ServiceAccount, by: User, at: datetime) -> ServiceAccount:
    """Close the account for good: none of its tokens opens any more."""
    check_may(by, Permission.ADMINISTER, account.scope_id)
    account = ServiceAccount.objects.select_for_update(of=("self",)).get(pk=account.pk)
    if account.ended_at is None:
        account.ended_at, account.ended_by = at, by
        account.save(update_fields=["ended_at", "ended_by"])
        User.objects.filter(pk=account.user_id).update(is_active=False)
        append_event(
            scope_id=account.scope_id, action="service_account.ended", subject="service_account",
            subject_id=account.pk, by=by, at=at, data={"name": account.name},
        )  # fmt: skip
    return account
