"""Doing one step: what is asked of the tracker, and what is written down of it. The plan is the step's own.

Whatever may have been done without our hearing of it is looked for before it is done again.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from core.events import append_event
from core.outbound import HostError
from core.text import clean_text
from tickets.models import Ticket, TicketStep
from tickets.services.tracker_readings import take_over
from tickets.statuses import LIVE_TICKET, StepKind, StepState, TicketState
from tickets.trackers.base import Draft, External, Tracker


def perform(tracker: Tracker, step: TicketStep, *, again: bool) -> External | None:
    """Do a step. ``again``: it was tried before. Return how the ticket is then, where it was looked at.

    Raises HostError.
    """
    ticket, kind = step.ticket, step.kind
    if kind == StepKind.CREATE:
        return _create(tracker, step, again=again)
    if kind == StepKind.ADOPT:
        return _read(tracker, step.plan["key"])
    if kind == StepKind.COMMENT:
        if not (again and _has_comment(tracker, step)):
            tracker.comment(ticket.external_id, step.plan["text"], step.marker)
        return None
    if kind == StepKind.FIELDS:
        tracker.update(ticket.external_id, step.plan["band"], step.plan.get("values", {}))
        return None
    if kind == StepKind.ASSIGN:
        tracker.assign(ticket.external_id, step.plan["account"])
        return None  # a closing that is seen here would be no claim
    return _move(tracker, ticket.external_id, is_open=kind == StepKind.REOPEN)


def _create(tracker: Tracker, step: TicketStep, *, again: bool) -> External:
    marker = step.ticket.marker
    known = tracker.find(marker) if again else None
    plan = step.plan
    draft = Draft(title=plan["title"], text=plan["text"], band=plan["band"], marker=marker,
                  values=plan.get("values", {}))  # fmt: skip
    return known or tracker.create(draft)


def _has_comment(tracker: Tracker, step: TicketStep) -> bool:
    remarks = tracker.remarks(step.ticket.external_id)
    return any(step.marker in remark.text for remark in remarks)


def _read(tracker: Tracker, ticket: str) -> External:
    told = tracker.read(ticket)
    if told is None:
        raise HostError("The project has no such ticket, or does not show it to us.", final=True)
    return told


def _move(tracker: Tracker, ticket: str, *, is_open: bool) -> External:
    told = _read(tracker, ticket)
    if told.is_open == is_open:
        return told
    tracker.transition(ticket, is_open=is_open)
    return _read(tracker, ticket)


@transaction.atomic
def record_done(step: TicketStep, told: External | None, *, at: datetime) -> None:
    """Write down that a step is done, and how the ticket is after it."""
    ticket = Ticket.objects.select_for_update(no_key=True).get(pk=step.ticket_id)
    note = ""
    if step.kind == StepKind.ASSIGN:  # so that it is no news when it is read
        Ticket.objects.filter(pk=ticket.pk).update(assignee_key=step.plan["account"])
    if told is not None and ticket.state in LIVE_TICKET:
        was = ticket.state
        take_over(ticket, told)
        ticket.read_at = at
        if step.kind == StepKind.ADOPT:
            ticket.rung_at = at  # what was said in it before is to be known soon
        try:
            with transaction.atomic():
                ticket.save()
        except IntegrityError:
            _fail_ticket(ticket.pk, f"{told.key} is the ticket of another finding.", at)
            note = "It is linked to another finding already."
        if was == TicketState.WAITING and not note:
            append_event(
                scope_id=ticket.scope_id, action="ticket.linked", subject="ticket",
                subject_id=ticket.pk, by=ticket.connection.actor, at=at,
                data={"finding": ticket.finding_id, "key": ticket.key, "made": step.kind},
            )  # fmt: skip
    state = StepState.FAILED if note else StepState.DONE
    _end(step, state, note, at)


@transaction.atomic
def record_failed(step: TicketStep, why: str, *, at: datetime) -> None:
    """Write down that a step cannot be done; a ticket that was to be made or found is over with it."""
    _end(step, StepState.FAILED, why, at)
    if step.kind in (StepKind.CREATE, StepKind.ADOPT):
        _fail_ticket(step.ticket_id, why, at)
    else:
        Ticket.objects.filter(pk=step.ticket_id).update(problem=clean_text(why, 300))


def _fail_ticket(pk: int, why: str, at: datetime) -> None:
    rows = Ticket.objects.filter(pk=pk, state=TicketState.WAITING)
    rows.update(
        state=TicketState.FAILED.value, ended_at=at, problem=clean_text(why, 300), external_id=""
    )
    left = TicketStep.objects.filter(ticket=pk, state=StepState.WAITING)
    left.update(
        state=StepState.FAILED.value, next_attempt_at=None, ended_at=at, note="There is no ticket."
    )


def _end(step: TicketStep, state: StepState, note: str, at: datetime) -> None:
    TicketStep.objects.filter(pk=step.pk, state=StepState.WAITING).update(
        state=state.value, next_attempt_at=None, ended_at=at, note=clean_text(note, 300)
    )
