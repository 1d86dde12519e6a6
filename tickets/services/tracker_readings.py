"""What the tracker tells of a ticket, written down. Closed there before its finding is proven, it is a claim.

The claim is made by the connection's service account through the table of transitions: at most the
finding awaits verification. Nothing here completes one.
"""

from datetime import datetime

from django.db import transaction

from core.errors import Refused
from core.events import append_event
from core.text import clean_text
from findings.models import Finding
from findings.services import perform_transition
from findings.statuses import OPEN, Status
from tickets.models import Ticket
from tickets.services.tracker_talks import assigned_there
from tickets.statuses import LIVE_TICKET, THERE, StepKind, StepState, TicketState
from tickets.trackers.base import External


@transaction.atomic
def record_reading(ticket: Ticket, told: External | None, *, at: datetime) -> Ticket:
    """Write down how a ticket is there; None: it is not there, or not for us to see.

    ``ticket`` is as it was before the tracker was asked: who rang since then is heard once more.
    """
    row = Ticket.objects.select_for_update(no_key=True).get(pk=ticket.pk)
    if row.state not in THERE:  # unlinked meanwhile
        return row
    row.read_at = at
    row.rung_at = None if row.rung_at == ticket.rung_at else row.rung_at
    if told is None:
        row.problem = "The tracker does not show this ticket any more."
        row.save(update_fields=["read_at", "rung_at", "problem"])
        return row
    was, was_with = row.state, row.assignee_key
    take_over(row, told)
    row.save()
    if row.assignee_key != was_with and not _assigning(row):
        assigned_there(row, at)
    if was == TicketState.OPEN and not told.is_open and not _is_ours(row):
        _closed_there(row, at)
    return row


@transaction.atomic
def record_unread(ticket: Ticket, why: str, *, at: datetime) -> None:
    """Write down that a ticket could not be read; the others come first now, the next look tries again."""
    row = Ticket.objects.select_for_update(no_key=True).get(pk=ticket.pk)
    if row.state not in THERE:
        return
    row.read_at, row.problem = at, clean_text(f"It could not be read: {why}", 300)
    row.rung_at = None if row.rung_at == ticket.rung_at else row.rung_at
    row.save(update_fields=["read_at", "problem", "rung_at"])


def take_over(row: Ticket, told: External) -> None:
    """Set the members that the tracker tells."""
    row.external_id, row.key = clean_text(told.id, 64), clean_text(told.key, 64)
    row.address, row.status_there = clean_text(told.address, 500), clean_text(told.status, 100)
    row.version, row.problem = clean_text(told.version, 60), ""
    row.assignee, row.assignee_key = (
        clean_text(told.assignee, 200),
        clean_text(told.assignee_key, 128),
    )
    row.state = (TicketState.OPEN if told.is_open else TicketState.CLOSED).value


def _is_ours(row: Ticket) -> bool:
    """Whether we tried to close it ourselves and did not hear what became of that."""
    closing = row.steps.filter(kind=StepKind.CLOSE, state=StepState.WAITING, attempts__gt=0)
    return closing.exists()


def _assigning(row: Ticket) -> bool:
    """Whether somebody was assigned here, and the ticket has not heard of it: then that holds."""
    return row.steps.filter(kind=StepKind.ASSIGN, state=StepState.WAITING).exists()


def _closed_there(row: Ticket, at: datetime) -> None:
    """Take the closing as a claim, if the finding is open; the relay tells the ticket what is missing."""
    finding = Finding.objects.get(pk=row.finding_id)
    if finding.status not in OPEN:
        return
    reason = f"The ticket {row.key} was closed ({row.status_there or 'closed'})."
    claimed, refused = False, ""
    if finding.status != Status.AWAITING_VERIFICATION:
        try:
            finding = perform_transition(
                finding=finding, name="claim", by=row.connection.actor, at=at,
                brought={"reason": reason},
            )  # fmt: skip
            claimed = True
        except Refused as error:
            refused = str(error)
    if claimed:  # the comment on the closing says it
        Ticket.objects.filter(pk=row.pk).update(told_status=finding.status)
    append_event(
        scope_id=row.scope_id, action="ticket.closed_there", subject="ticket", subject_id=row.pk,
        by=row.connection.actor, at=at,
        data={"finding": row.finding_id, "key": row.key, "status": row.status_there, "claimed": claimed,
              "refused": refused},
    )  # fmt: skip


def ring_ticket(tracker_id: int, external_id: str, at: datetime) -> bool:
    """Have the ticket with this id read soon; False: it is none of ours."""
    rows = Ticket.objects.filter(connection=tracker_id, external_id=external_id)
    return bool(external_id) and rows.filter(state__in=LIVE_TICKET).update(rung_at=at) > 0
