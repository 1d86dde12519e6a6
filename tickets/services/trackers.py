"""The life of a connection to a tracker: connect, change, check, renew its secrets, disconnect.

Nobody is asked here: services/tracker_rounds.py does, outside of transactions.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import WrongState
from core.events import append_event, chain_of
from core.models import ChainHead, User, UserKind
from core.permissions import Permission, Role
from scopes.access import check_may
from scopes.models import Scope
from scopes.services import set_member
from tickets.models import TicketStep, TrackerConnection, TrackerMessage
from tickets.services import tracker_told as told
from tickets.services.tracker_opening import seal_for
from tickets.statuses import (
    LIVE_TICKET,
    Reopens,
    StepState,
    Talks,
    TicketState,
    TrackerKind,
    TrackerState,
)
from tickets.trackers.mapping import read_mapping, read_rule

KEPT = timedelta(days=90)  # of steps and messages
ROTATION = timedelta(hours=24)  # for which the webhook secret of before is still taken
_NOTHING: dict[str, Any] = {}


@transaction.atomic
def connect_tracker(
    *,
    scope: Scope,
    kind: str,
    name: str,
    base: str,
    project: str,
    key: str,
    by: User,
    at: datetime,
    account: str = "",
    mapping: Mapping[str, Any] = _NOTHING,
    rule: Mapping[str, Any] = _NOTHING,
    reopens: str = Reopens.ALWAYS.value,
    comments: str = Talks.BOTH.value,
) -> tuple[TrackerConnection, str]:
    """Connect a project of a tracker; return the row and its webhook's secret, shown this once.

    Makes the service account that claims are recorded by, and asks for the first look.
    Raises NotAllowed, BadInput that names the member, WrongState where the name is taken.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    which = told.check_kind(kind)
    row = TrackerConnection(
        scope=scope, kind=which.value, name=told.check_name(name), base=told.check_base(base),
        project=told.check_project(project, which), account=told.check_account(account, which),
        mapping=read_mapping(mapping, which), rule=read_rule(rule),
        reopens=told.check_reopens(reopens), comments=told.check_comments(comments),
        hook=secrets.token_urlsafe(24), cursor=_head(scope),
        asked_at=at, created_at=at, created_by=by,
    )  # fmt: skip
    row.sealed_key = seal_for(row, "key", told.check_key(key))
    secret = secrets.token_urlsafe(32)
    row.sealed_secret = seal_for(row, "secret", secret)
    row.actor = User.objects.create_user(
        _service_name(row), kind=UserKind.SERVICE.value
    )  # without a password
    _save(row)
    set_member(scope=scope, user=row.actor, role=Role.TICKETING, by=None, at=at)
    _tell(row, "connected", by, at, {**_shown(row), "actor": row.actor.username})
    return row, secret


@transaction.atomic
def change_tracker(
    *,
    tracker: TrackerConnection,
    by: User,
    at: datetime,
    name: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    rule: Mapping[str, Any] | None = None,
    reopens: str | None = None,
    comments: str | None = None,
) -> TrackerConnection:
    """Change what is told; None leaves a member as it is. Raises NotAllowed, BadInput, WrongState."""
    row = _live(tracker, by)
    before = _shown(row)
    row.name = row.name if name is None else told.check_name(name)
    row.mapping = row.mapping if mapping is None else read_mapping(mapping, TrackerKind(row.kind))
    row.rule = row.rule if rule is None else read_rule(rule)
    row.reopens = row.reopens if reopens is None else told.check_reopens(reopens)
    row.comments = row.comments if comments is None else told.check_comments(comments)
    after = _shown(row)
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if changed:
        _save(row, ["name", "mapping", "rule", "reopens", "comments"])
        _tell(row, "changed", by, at, changed)
    return row


@transaction.atomic
def check_tracker(*, tracker: TrackerConnection, by: User, at: datetime) -> TrackerConnection:
    """Have the tracker asked within seconds who we are. Raises NotAllowed, WrongState."""
    row = _live(tracker, by)
    row.asked_at, row.rest_until = at, None
    row.save(update_fields=["asked_at", "rest_until"])
    _tell(row, "check_asked", by, at, {})
    return row


@transaction.atomic
def replace_tracker_key(
    *, tracker: TrackerConnection, key: str, by: User, at: datetime, account: str | None = None
) -> TrackerConnection:
    """Sign in with another token from now on; a look tells whether it is taken.

    Raises NotAllowed, BadInput, WrongState.
    """
    row = _live(tracker, by)
    row.account = (
        row.account if account is None else told.check_account(account, TrackerKind(row.kind))
    )
    row.sealed_key = seal_for(row, "key", told.check_key(key))
    row.state, row.problem, row.who = TrackerState.ACTIVE.value, "", ""
    row.asked_at, row.rest_until = at, None
    row.save(update_fields=["account", "sealed_key", "state", "problem", "who", "asked_at",
                            "rest_until"])  # fmt: skip
    _tell(row, "key_replaced", by, at, {"account": row.account})
    return row


@transaction.atomic
def renew_tracker_secret(
    *, tracker: TrackerConnection, by: User, at: datetime
) -> tuple[TrackerConnection, str]:
    """Return another webhook secret, shown this once; the one before is taken for 24 hours.

    Raises NotAllowed, WrongState.
    """
    row = _live(tracker, by)
    secret = secrets.token_urlsafe(32)
    row.sealed_old_secret, row.old_secret_until = row.sealed_secret, at + ROTATION
    row.sealed_secret = seal_for(row, "secret", secret)
    row.save(update_fields=["sealed_old_secret", "old_secret_until", "sealed_secret"])
    _tell(row, "secret_renewed", by, at, {"old_until": row.old_secret_until.isoformat()})
    return row, secret


@transaction.atomic
def disconnect_tracker(*, tracker: TrackerConnection, by: User, at: datetime) -> TrackerConnection:
    """End it for good: secrets wiped, service account off, tickets unlinked; there they stay as they are.

    Raises NotAllowed, WrongState.
    """
    row = _live(tracker, by)
    row.state, row.ended_at, row.ended_by = TrackerState.ENDED.value, at, by
    row.sealed_key = row.sealed_secret = row.sealed_old_secret = ""
    row.old_secret_until = row.lease_until = row.asked_at = None
    row.lease += 1  # whoever talks to it now writes nothing down any more
    row.save(update_fields=["state", "ended_at", "ended_by", "sealed_key", "sealed_secret", "lease",
                            "sealed_old_secret", "old_secret_until", "lease_until",
                            "asked_at"])  # fmt: skip
    User.objects.filter(pk=row.actor_id).update(is_active=False)
    live = row.tickets.filter(state__in=LIVE_TICKET)
    unlinked = live.update(state=TicketState.UNLINKED.value, ended_at=at)  # before steps, as all do
    steps = TicketStep.objects.filter(ticket__connection=row, state=StepState.WAITING)
    dropped = steps.update(
        state=StepState.FAILED.value, next_attempt_at=None, ended_at=at,
        note="The tracker was disconnected.",
    )  # fmt: skip
    _tell(row, "ended", by, at, {"not_done": dropped, "unlinked": unlinked})
    return row


def forget_tracker_history(*, at: datetime) -> int:
    """Delete steps that ended, and messages that came, long ago; return how many. The events stay."""
    steps = TicketStep.objects.exclude(state=StepState.WAITING).filter(ended_at__lt=at - KEPT)
    messages = TrackerMessage.objects.filter(received_at__lt=at - KEPT)
    return steps.delete()[0] + messages.delete()[0]


def _service_name(row: TrackerConnection) -> str:
    project = re.sub(r"[^A-Za-z0-9._-]+", "-", row.project)[:80]
    return f"{row.kind}-{project}-{row.hook[:8]}".lower()


def _live(tracker: TrackerConnection, by: User) -> TrackerConnection:
    """The connection as it is now, locked. Raises NotAllowed, WrongState where it has ended."""
    check_may(by, Permission.ADMINISTER, tracker.scope_id)
    row = TrackerConnection.objects.select_for_update(no_key=True).get(pk=tracker.pk)
    if row.has_ended:
        raise WrongState("The tracker was disconnected; connect it again.")
    return row


def _head(scope: Scope) -> int:
    heads = ChainHead.objects.filter(chain=chain_of(scope.pk))
    return heads.values_list("seq", flat=True).first() or 0


def _save(row: TrackerConnection, members: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=members is None, update_fields=members)
    except IntegrityError as error:
        raise WrongState(f"The scope already has a tracker called {row.name}.") from error


def _shown(row: TrackerConnection) -> dict[str, Any]:
    """What an event holds: never a key, nor the webhook's address."""
    names = ("name", "kind", "base", "project", "account", "mapping", "rule", "reopens",
             "comments")  # fmt: skip
    return {name: getattr(row, name) for name in names}


def _tell(row: TrackerConnection, what: str, by: User, at: datetime, data: dict[str, Any]) -> None:
    append_event(
        scope_id=row.scope_id, action=f"tracker.{what}", subject="tracker", subject_id=row.pk,
        by=by, at=at, data=data,
    )  # fmt: skip
