"""From the event log to what is to be done to tickets. The chain of a scope is the queue, a cursor the place in it.

Steps are inserted and the cursor is moved in one transaction that holds the connection's row. An event
may move a whole set of findings without naming them: so after the events, each ticket whose finding stands
elsewhere than its ticket was told gets a step, once, under the place of the last event that was read.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Concat

from core.events import chain_of
from core.models import ChainHead, Event
from findings.models import Finding
from findings.statuses import OPEN, Status
from tickets.models import Ticket, TicketStep, TrackerConnection
from tickets.services import tracker_words as words
from tickets.services.tickets import add_ticket, new_marker
from tickets.statuses import (
    LIVE_TICKET,
    THERE,
    Reopens,
    StepKind,
    StepState,
    TicketState,
    TrackerState,
)

AT_ONCE = 500  # events, or tickets, that are read in one transaction
MOST_BY_RULE_AT_ONCE = 20


def relay_trackers(*, at: datetime) -> int:
    """Write down what is to be done because of what happened since the last time; return how many steps."""
    return sum(relay_tracker(pk, at=at) for pk in _behind())


def _behind() -> list[int]:
    chain = Concat(Value("scope:"), Cast(OuterRef("scope_id"), CharField()))
    head = ChainHead.objects.filter(chain=chain).values("seq")
    rows = TrackerConnection.objects.live().annotate(head=Subquery(head))
    return list(rows.filter(head__gt=F("cursor")).order_by("pk").values_list("pk", flat=True))


def relay_tracker(tracker_id: int, *, at: datetime) -> int:
    """Relay one connection until it is up to date; return how many steps were made."""
    made = 0
    for _ in range(100):  # what is beyond is for the next round
        count, more = _relay_some(tracker_id, at)
        made += count
        if not more:
            break
    return made


@transaction.atomic
def _relay_some(tracker_id: int, at: datetime) -> tuple[int, bool]:
    rows = TrackerConnection.objects.select_for_update(skip_locked=True, no_key=True)
    tracker = rows.filter(pk=tracker_id).exclude(state=TrackerState.ENDED).first()
    if tracker is None:  # ended, or another worker is at it
        return 0, False
    after = Event.objects.filter(chain=chain_of(tracker.scope_id), seq__gt=tracker.cursor)
    events = list(after.defer("data").order_by("seq")[:AT_ONCE])
    if not events:
        return 0, False
    steps = _of_events(tracker, events, at)
    more = len(events) == AT_ONCE
    if not more:  # where findings stand now is told once, not for each event on the way
        moved = list(_moved(tracker)[:AT_ONCE])
        for ticket in moved:
            steps += _of_finding(tracker, ticket, events[-1].seq, at)
    made = TicketStep.objects.bulk_create(_merged(steps))
    tracker.cursor = events[-1].seq
    tracker.save(update_fields=["cursor"])
    if not more:
        _by_rule(tracker, at)
    return len(made), True if more else _has_more(tracker)


def _has_more(tracker: TrackerConnection) -> bool:
    """Whether this round itself made events, as new tickets are."""
    head = ChainHead.objects.filter(chain=chain_of(tracker.scope_id), seq__gt=tracker.cursor)
    return head.exists()


# --- by events of tickets ------------------------------------------------------------------------
def _of_events(
    tracker: TrackerConnection, events: Iterable[Event], at: datetime
) -> list[TicketStep]:
    named = {event.subject_id: event for event in events if event.subject == "ticket"}
    rows = Ticket.objects.filter(connection=tracker, pk__in=named, state__in=LIVE_TICKET)
    tickets = {row.pk: row for row in rows.select_related("finding__asset")}
    steps: list[TicketStep] = []
    for event in events:
        ticket = tickets.get(event.subject_id) if event.subject == "ticket" else None
        if ticket is not None:
            steps += _of_event(tracker, ticket, event, at)
    return steps


def _of_event(
    tracker: TrackerConnection, ticket: Ticket, event: Event, at: datetime
) -> list[TicketStep]:
    finding = ticket.finding
    if event.action == "ticket.asked" and ticket.state == TicketState.WAITING:
        if ticket.key:
            return [_step(ticket, event.seq, StepKind.ADOPT, {"key": ticket.key}, at)]
        plan = {
            "title": words.title_of(finding), "text": words.text_of(finding),
            "band": finding.priority_band,
        }  # fmt: skip
        return [_step(ticket, event.seq, StepKind.CREATE, plan, at)]
    if event.action != "ticket.closed_there" or finding.status not in OPEN:
        return []
    text = {"text": words.closed_there_text(finding)}
    steps = [_step(ticket, event.seq, StepKind.COMMENT, text, at)]
    if tracker.reopens == Reopens.ALWAYS:
        steps.append(_step(ticket, event.seq, StepKind.REOPEN, {}, at))
    return steps


# --- by where findings stand ---------------------------------------------------------------------
def _moved(tracker: TrackerConnection) -> Any:
    rows = Ticket.objects.filter(connection=tracker, state__in=THERE)
    differs = ~Q(finding__status=F("told_status")) | ~Q(finding__priority_band=F("told_band"))
    return rows.filter(differs).select_related("finding__asset").order_by("pk")


def _of_finding(
    tracker: TrackerConnection, ticket: Ticket, seq: int, at: datetime
) -> list[TicketStep]:
    """What a ticket hears of its finding; it counts as told with the steps that will."""
    finding, was, band = ticket.finding, ticket.told_status, ticket.told_band
    steps, said = [], []
    if finding.priority_band != band:
        steps.append(_step(ticket, seq, StepKind.FIELDS, {"band": finding.priority_band}, at))
        said.append(words.band_text(finding, band))
    if finding.status != was:
        said.append(words.moved_text(finding, was))
    steps.append(_step(ticket, seq, StepKind.COMMENT, {"text": "\n".join(said)}, at))
    if finding.status == Status.MOBILIZATION_COMPLETE:
        steps.append(_step(ticket, seq, StepKind.CLOSE, {}, at))
    elif _is_back(finding, was) and tracker.reopens == Reopens.ALWAYS:
        steps.append(_step(ticket, seq, StepKind.REOPEN, {}, at))
    ticket.told_status, ticket.told_band = finding.status, finding.priority_band
    ticket.save(update_fields=["told_status", "told_band"])
    return steps


def _is_back(finding: Finding, was: str) -> bool:
    """Whether it is open again after it had ended, or its verification failed."""
    return finding.status in OPEN and (
        was not in OPEN
        or (was, finding.status) == (Status.AWAITING_VERIFICATION, Status.MOBILIZING)
    )


# --- by the rule ---------------------------------------------------------------------------------
def _by_rule(tracker: TrackerConnection, at: datetime) -> None:
    """Ask for tickets of findings that meet the rule and never had one here, up to its bound."""
    if not tracker.rule:
        return
    mine = Ticket.objects.filter(connection=tracker, asked_by__isnull=True)
    room = tracker.rule["most"] - mine.filter(state__in=["waiting", "open"]).count()
    if room <= 0:
        return
    had = Ticket.objects.filter(connection=tracker, finding=OuterRef("pk"))
    rows = Finding.objects.filter(~Exists(had), scope_id=tracker.scope_id, set_aside="")
    if bands := tracker.rule["bands"]:
        rows = rows.filter(priority_band__in=bands)
    open_ones = [status.value for status in OPEN if status != Status.AWAITING_VERIFICATION]
    rows = rows.filter(status__in=tracker.rule["statuses"] or open_ones)
    for finding in rows.order_by("-priority_score", "-pk")[: min(room, MOST_BY_RULE_AT_ONCE)]:
        add_ticket(finding=finding, tracker=tracker, by=None, at=at)


def _merged(steps: Iterable[TicketStep]) -> list[TicketStep]:
    """One step of a kind for a ticket and a place: the words of two comments in one."""
    kept: dict[tuple[int, int, str], TicketStep] = {}
    for step in steps:
        known = kept.setdefault((step.ticket_id, step.seq, step.kind), step)
        if known is not step and step.kind == StepKind.COMMENT:
            known.plan = {"text": f"{known.plan['text']}\n\n{step.plan['text']}"}
    return list(kept.values())


def _step(
    ticket: Ticket, seq: int, kind: StepKind, plan: dict[str, Any], at: datetime
) -> TicketStep:
    return TicketStep(
        ticket=ticket, scope_id=ticket.scope_id, seq=seq, kind=kind.value, plan=plan,
        marker=new_marker(), state=StepState.WAITING.value, next_attempt_at=at, created_at=at,
    )  # fmt: skip
