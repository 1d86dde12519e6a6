"""Verbs on tickets: ask for one, link one that is there, unlink. The tracker hears of it in its round."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from scopes.access import check_may
from tickets.models import Ticket, TrackerConnection
from tickets.services.tracker_told import check_ticket
from tickets.statuses import LIVE_TICKET, StepState, TicketState


def new_marker() -> str:
    """Return a word that nobody else writes; a label in Jira."""
    return f"ctem-{secrets.token_hex(10)}"


@transaction.atomic
def ask_ticket(
    *, finding: Finding, tracker: TrackerConnection, by: User, at: datetime, key: str = ""
) -> Ticket:
    """Order a ticket for a finding; with ``key``: link the one that is there.

    Raises NotAllowed, BadInput, WrongState where the finding has one in this tracker already.
    """
    check_may(by, Permission.CLAIM, finding.scope_id)
    key = check_ticket(key) if key else ""
    row = TrackerConnection.objects.select_for_update(no_key=True).get(pk=tracker.pk)
    if row.scope_id != finding.scope_id:
        raise BadInput("connection", "is of another scope than the finding")
    if row.has_ended:
        raise WrongState("The tracker was disconnected.")
    return add_ticket(finding=finding, tracker=row, by=by, at=at, key=key)


def add_ticket(
    *, finding: Finding, tracker: TrackerConnection, by: User | None, at: datetime, key: str = ""
) -> Ticket:
    """Write down that a ticket is wanted, inside the caller's transaction. ``by`` None: by the rule."""
    ticket = Ticket(
        connection=tracker, scope_id=finding.scope_id, finding=finding, marker=new_marker(), key=key,
        told_status=finding.status, told_band=finding.priority_band, asked_at=at, asked_by=by,
    )  # fmt: skip
    try:
        with transaction.atomic():
            ticket.save(force_insert=True)
    except IntegrityError as error:
        raise WrongState(f"{finding} has a ticket in {tracker} already.") from error
    append_event(
        scope_id=ticket.scope_id, action="ticket.asked", subject="ticket", subject_id=ticket.pk,
        by=by or tracker.actor, at=at,
        data={"finding": finding.pk, "tracker": tracker.pk, "key": key, "by_rule": by is None},
    )  # fmt: skip
    return ticket


@transaction.atomic
def unlink_ticket(*, ticket: Ticket, by: User, at: datetime) -> Ticket:
    """Follow it no more; in the tracker it stays as it is. Raises NotAllowed, WrongState."""
    check_may(by, Permission.CLAIM, ticket.scope_id)
    row = Ticket.objects.select_for_update(no_key=True).get(pk=ticket.pk)
    if row.state not in LIVE_TICKET:
        raise WrongState("The ticket is linked no more.")
    row.state, row.ended_at = TicketState.UNLINKED.value, at
    row.save(update_fields=["state", "ended_at"])
    row.steps.filter(state=StepState.WAITING).update(
        state=StepState.FAILED.value, next_attempt_at=None, ended_at=at,
        note="The ticket was unlinked.",
    )  # fmt: skip
    append_event(
        scope_id=row.scope_id, action="ticket.unlinked", subject="ticket", subject_id=row.pk,
        by=by, at=at, data={"finding": row.finding_id, "key": row.key},
    )  # fmt: skip
    return row
