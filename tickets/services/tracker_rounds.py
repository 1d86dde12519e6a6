"""Rounds: one worker at a time talks to one tracker, outside of transactions, under a lease that it renews.

A round asks who we are where a look is due, reads the tickets somebody rang for and those read longest ago, and
does the steps that wait, those of one ticket in their order. A worker that dies loses its lease; what it had
begun is looked for before it is done again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from core.events import append_event
from core.outbound import HostError
from core.text import clean_text
from tickets.models import Ticket, TicketStep, TrackerConnection
from tickets.services.tracker_opening import open_tracker
from tickets.services.tracker_readings import record_reading, record_unread
from tickets.services.tracker_steps import perform, record_done, record_failed
from tickets.services.tracker_talks import is_unheard, record_remarks
from tickets.statuses import THERE, StepKind, StepState, TrackerState
from tickets.trackers.base import NotLetIn, Tracker

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]

LEASE = timedelta(minutes=3)  # longer than what is asked between two renewals
POLL = timedelta(minutes=10)  # between looks that nobody asked for: messages may be lost
MOST_READ = 100  # tickets that a look reads, those read longest ago first
MOST_FAILED = 3  # tickets one after the other that the tracker fails to tell
MOST_STEPS = 200  # of a round
MOST_ATTEMPTS = 12  # of a step that the tracker fails for reasons of its own
PAUSES = (60, 120, 300, 900, 1800, 3600)  # seconds
LONGEST_PAUSE = 6 * 3600.0


class LostLease(Exception):
    """Somebody else talks to the tracker now, or it was disconnected."""


def due_trackers(at: datetime) -> list[int]:
    """Connections that nobody talks to and that have something to be done now."""
    mine = Ticket.objects.filter(connection=OuterRef("pk"))
    steps = TicketStep.objects.filter(
        ticket__connection=OuterRef("pk"), state=StepState.WAITING, next_attempt_at__lte=at
    )
    rows = TrackerConnection.objects.filter(_free(at)).annotate(
        rung=Exists(mine.filter(state__in=THERE, rung_at__isnull=False)), waits=Exists(steps)
    )
    has_work = Q(rung=True) | Q(waits=True) | _look_due(at)
    due = rows.filter(Q(asked_at__isnull=False) | Q(state=TrackerState.ACTIVE) & has_work)
    return list(due.exclude(state=TrackerState.ENDED).order_by("pk").values_list("pk", flat=True))


def _free(at: datetime) -> Q:
    rests = Q(rest_until__gt=at)
    return (Q(lease_until__isnull=True) | Q(lease_until__lt=at)) & ~rests


def _look_due(at: datetime) -> Q:
    return Q(asked_at__isnull=False) | Q(looked_at__isnull=True) | Q(looked_at__lt=at - POLL)


def serve(tracker_id: int, *, clock: Clock = timezone.now) -> bool:
    """Make one round; False: it is not due, or somebody else is at it. Raises LostLease."""
    row = _take(tracker_id, clock())
    if row is None:
        return False
    try:
        tracker = open_tracker(row)
        if TrackerConnection.objects.filter(_look_due(clock()), pk=row.pk).exists():
            _look(row, tracker, clock)
        _read_rung(row, tracker, clock)
        _do_steps(row, tracker, clock)
        _hold(row, clock(), problem="", rest_until=None)
    except NotLetIn as error:
        _refuse(row, error.sentence, clock())
    except HostError as error:
        wait = min(error.retry_after or PAUSES[0], LONGEST_PAUSE)
        _hold(row, clock(), problem=clean_text(error.sentence, 300),
              rest_until=clock() + timedelta(seconds=wait))  # fmt: skip
    _hold(row, clock(), lease_until=None)
    return True


@transaction.atomic
def _take(tracker_id: int, at: datetime) -> TrackerConnection | None:
    rows = TrackerConnection.objects.select_for_update(skip_locked=True, no_key=True)
    row = rows.filter(_free(at), pk=tracker_id).exclude(state=TrackerState.ENDED).first()
    if row is None or (row.state == TrackerState.REFUSED and row.asked_at is None):
        return None
    row.lease, row.lease_until = row.lease + 1, at + LEASE
    row.save(update_fields=["lease", "lease_until"])
    return row


def _hold(row: TrackerConnection, at: datetime, **members: object) -> None:
    """Renew the lease and write members, if it is ours still. Raises LostLease."""
    mine = TrackerConnection.objects.filter(pk=row.pk, lease=row.lease)
    if not mine.update(**{"lease_until": at + LEASE, **members}):
        raise LostLease


@transaction.atomic
def _refuse(row: TrackerConnection, why: str, at: datetime) -> None:
    """Stop until other credentials are told; who made the connection may want to know. Raises LostLease."""
    was = TrackerConnection.objects.values_list("state", flat=True).get(pk=row.pk)
    _hold(row, at, state=TrackerState.REFUSED.value, problem=why, asked_at=None)
    if was != TrackerState.REFUSED:
        append_event(
            scope_id=row.scope_id, action="tracker.refused", subject="tracker", subject_id=row.pk,
            by=None, at=at, data={"reason": why},
        )  # fmt: skip


def _look(row: TrackerConnection, tracker: Tracker, clock: Clock) -> None:
    """Ask who we are, and read the tickets that were read longest ago."""
    began, asked = clock(), row.asked_at
    who = tracker.who_am_i()
    _hold(row, clock(), state=TrackerState.ACTIVE.value, who=clean_text(who, 200))
    tickets = Ticket.objects.filter(connection=row, state__in=THERE)
    before = tickets.filter(Q(read_at__isnull=True) | Q(read_at__lt=began - POLL / 2))
    _read(row, tracker, before.order_by(F("read_at").asc(nulls_first=True), "pk"), clock)
    _hold(row, clock(), looked_at=began)
    waits = TrackerConnection.objects.filter(pk=row.pk, lease=row.lease, asked_at=asked)
    waits.update(asked_at=None)  # who asked since then is heard in the next round


def _read_rung(row: TrackerConnection, tracker: Tracker, clock: Clock) -> None:
    rung = Ticket.objects.filter(connection=row, state__in=THERE, rung_at__isnull=False)
    _read(row, tracker, rung.order_by("rung_at", "pk"), clock)


def _read(
    row: TrackerConnection, tracker: Tracker, tickets: QuerySet[Ticket], clock: Clock
) -> None:
    """Read tickets. One that the tracker fails to tell is left for the next look; several: it is down."""
    failed = 0
    for ticket in list(tickets.select_related("connection")[:MOST_READ]):
        _hold(row, clock())
        try:
            _read_one(row, tracker, ticket, clock)
            failed = 0
        except NotLetIn:
            raise
        except HostError as error:
            failed += 1
            if error.retry_after is not None or failed == MOST_FAILED:
                raise
            _hold(row, clock())
            record_unread(ticket, error.sentence, at=clock())


def _read_one(row: TrackerConnection, tracker: Tracker, ticket: Ticket, clock: Clock) -> None:
    try:
        told = tracker.read(ticket.external_id)
    except HostError as error:
        if not error.final or isinstance(error, NotLetIn):
            raise
        told = None  # this one is not shown to us; the others may be
    _hold(row, clock())
    now = record_reading(ticket, told, at=clock())
    if told is not None and now.state in THERE and is_unheard(now):
        remarks = tracker.remarks(now.external_id)
        _hold(row, clock())
        record_remarks(now, remarks, version=now.version, at=clock())


def _do_steps(row: TrackerConnection, tracker: Tracker, clock: Clock) -> None:
    """Do what waits, oldest first; of a ticket nothing before what came before it has ended."""
    for _ in range(MOST_STEPS):
        step = _next(row, clock())
        if step is None:
            return
        _hold(row, clock())
        again = step.attempts > 0
        step.attempts += 1
        step.save(update_fields=["attempts"])  # counted before it is tried: a crash was a try
        try:
            told = perform(tracker, step, again=again)
        except NotLetIn:
            raise
        except HostError as error:
            _hold(row, clock())
            _failed(step, error, clock())
            if not error.final:
                raise
        else:
            _hold(row, clock())
            record_done(step, told, at=clock())


def _next(row: TrackerConnection, at: datetime) -> TicketStep | None:
    waiting = TicketStep.objects.filter(ticket__connection=row, state=StepState.WAITING)
    before = waiting.filter(ticket=OuterRef("ticket"), pk__lt=OuterRef("pk"))
    due = waiting.filter(~Exists(before), next_attempt_at__lte=at)
    return due.select_related("ticket").order_by("pk").first()


def _failed(step: TicketStep, error: HostError, at: datetime) -> None:
    if error.final or (step.attempts >= MOST_ATTEMPTS and step.kind != StepKind.CREATE):
        record_failed(step, error.sentence, at=at)
        return
    pause = PAUSES[min(step.attempts, len(PAUSES)) - 1]
    wait = min(max(error.retry_after or 0.0, pause), LONGEST_PAUSE)
    step.next_attempt_at = at + timedelta(seconds=wait)
    step.note = clean_text(error.sentence, 300)
    step.save(update_fields=["next_attempt_at", "note"])
