"""From the event log to what is to be done to tickets. The chain of a scope is the queue, a cursor the place in it.

Steps are inserted and the cursor is moved in one transaction that holds the connection's row. An event
may move a whole set of findings without naming them: so after the events, each ticket whose finding stands
elsewhere than its ticket was told gets a step, once, under the place of the last event that was read.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from core.events import chain_of
from core.models import ChainHead, Event
from findings.models import Comment, Finding
from findings.statuses import OPEN, Status
from tickets.models import Ticket, TicketStep, TrackerConnection
from tickets.services import tracker_words as words
from tickets.services.chains import AT_ONCE, behind, events_after, in_parts
from tickets.services.tickets import new_marker
from tickets.services.tracker_rules import ask_by_rules
from tickets.statuses import (
    LIVE_TICKET,
    THERE,
    Reopens,
    StepKind,
    StepState,
    Talks,
    TicketState,
    TrackerState,
)
from tickets.trackers.mapping import account_of, username_of

MOST_PARTS = 100  # of a round; what is beyond is for the next one


def relay_trackers(*, at: datetime) -> int:
    """Write down what is to be done because of what happened since the last time; return how many steps."""
    return sum(relay_tracker(pk, at=at) for pk in behind(TrackerConnection.objects.live()))


def relay_tracker(tracker_id: int, *, at: datetime) -> int:
    """Relay one connection until it is up to date; return how many steps were made."""
    return in_parts(partial(_relay_some, tracker_id, at), most=MOST_PARTS)


@transaction.atomic
def _relay_some(tracker_id: int, at: datetime) -> tuple[int, bool]:
    rows = TrackerConnection.objects.select_for_update(skip_locked=True, no_key=True)
    tracker = rows.filter(pk=tracker_id).exclude(state=TrackerState.ENDED).first()
    if tracker is None:  # ended, or another worker is at it
        return 0, False
    found = list(events_after(tracker.scope_id, tracker.cursor).defer("data")[: AT_ONCE + 1])
    events, more = found[:AT_ONCE], len(found) > AT_ONCE
    if not events:
        return 0, False
    steps = _of_events(tracker, events, at)
    if not more:  # where findings stand now is told once, not for each event on the way
        steps += _of_findings(tracker, events[-1].seq, at)
    made = TicketStep.objects.bulk_create(_merged(steps))
    tracker.cursor = events[-1].seq
    tracker.save(update_fields=["cursor"])
    if not more:
        ask_by_rules(tracker, at)
    return len(made), True if more else _has_more(tracker)


def _has_more(tracker: TrackerConnection) -> bool:
    """Whether this round itself made events, as new tickets are."""
    head = ChainHead.objects.filter(chain=chain_of(tracker.scope_id), seq__gt=tracker.cursor)
    return head.exists()


# --- by events of tickets and comments -----------------------------------------------------------
def _of_events(
    tracker: TrackerConnection, events: Sequence[Event], at: datetime
) -> list[TicketStep]:
    live = Ticket.objects.filter(connection=tracker, state__in=LIVE_TICKET).select_related(
        "finding__asset", "finding__scope", "finding__assigned_to"
    )
    named = [event.subject_id for event in events if event.subject == "ticket"]
    tickets = {row.pk: row for row in live.filter(pk__in=named)}
    said = _comments(tracker, events)
    of_findings = {
        row.finding_id: row
        for row in live.filter(finding__in=[c.finding_id for c in said.values()])
    }
    asked = {e.subject_id: e.seq for e in events if e.action == "ticket.asked"}
    steps: list[TicketStep] = []
    for event in events:
        talked = of_findings.get(said[event.pk].finding_id) if event.pk in said else None
        if talked is not None and event.seq > asked.get(
            talked.pk, 0
        ):  # what was said before stays here
            plan = {"text": words.commented_text(said[event.pk])}
            steps.append(_step(talked, event.seq, StepKind.COMMENT, plan, at))
        ticket = tickets.get(event.subject_id) if event.subject == "ticket" else None
        if ticket is not None:
            steps += _of_event(tracker, ticket, event, at)
    return steps


def _comments(tracker: TrackerConnection, events: Sequence[Event]) -> dict[int, Comment]:
    """Event → what somebody wrote on a finding; what was taken over from this tracker is not told to it."""
    if tracker.comments != Talks.BOTH:
        return {}
    others = [e.pk for e in events
              if e.action == "finding.commented" and e.actor_id != tracker.actor_id]  # fmt: skip
    data = dict(Event.objects.filter(pk__in=others).values_list("pk", "data"))
    ids = {pk: told.get("comment") for pk, told in data.items()}
    rows = Comment.objects.filter(pk__in=ids.values(), finding__scope=tracker.scope_id)
    known = {row.pk: row for row in rows.select_related("by")}
    return {event: known[pk] for event, pk in ids.items() if pk in known}


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
            "values": words.facts_of(finding, tracker.mapping.get("values", {})),
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
def _of_findings(tracker: TrackerConnection, seq: int, at: datetime) -> list[TicketStep]:
    """What tickets hear of findings that stand elsewhere than they were told, however many those are."""
    steps: list[TicketStep] = []
    moved = list(_moved(tracker))
    for ticket in moved:
        steps += _of_finding(tracker, ticket, seq, at)
    Ticket.objects.bulk_update(moved, ["told_status", "told_band", "told_to"], batch_size=AT_ONCE)
    return steps


def _moved(tracker: TrackerConnection) -> QuerySet[Ticket]:
    rows = Ticket.objects.filter(connection=tracker, state__in=THERE)
    differs = ~Q(finding__status=F("told_status")) | ~Q(finding__priority_band=F("told_band"))
    if tracker.mapping.get("people"):
        told, now = Q(told_to__isnull=False), Q(finding__assigned_to__isnull=False)
        another = told & now & ~Q(finding__assigned_to=F("told_to"))
        differs |= another | (told & ~now) | (now & ~told)
    about = ("finding__asset", "finding__scope", "finding__assigned_to")
    return rows.filter(differs).select_related(*about).order_by("pk")


def _of_finding(
    tracker: TrackerConnection, ticket: Ticket, seq: int, at: datetime
) -> list[TicketStep]:
    """What a ticket hears of its finding; it counts as told with the steps that will."""
    finding, was, band = ticket.finding, ticket.told_status, ticket.told_band
    steps, said = [], []
    if finding.priority_band != band:
        values = words.facts_of(finding, tracker.mapping.get("values", {}))
        plan = {"band": finding.priority_band, "values": values}
        steps.append(_step(ticket, seq, StepKind.FIELDS, plan, at))
        said.append(words.band_text(finding, band))
    if finding.status != was:
        said.append(words.moved_text(finding, was))
    if said:
        steps.append(_step(ticket, seq, StepKind.COMMENT, {"text": "\n".join(said)}, at))
    if (account := _assigned(tracker, ticket)) is not None:
        steps.append(_step(ticket, seq, StepKind.ASSIGN, {"account": account}, at))
    if finding.status == Status.MOBILIZATION_COMPLETE:
        steps.append(_step(ticket, seq, StepKind.CLOSE, {}, at))
    elif _is_back(finding, was) and tracker.reopens == Reopens.ALWAYS:
        steps.append(_step(ticket, seq, StepKind.REOPEN, {}, at))
    ticket.told_status, ticket.told_band = finding.status, finding.priority_band
    ticket.told_to = finding.assigned_to
    return steps


def _assigned(tracker: TrackerConnection, ticket: Ticket) -> str | None:
    """Whom the ticket is to be assigned to there, empty for nobody; None: it stays as it is.

    It is taken from nobody whom the mapping does not name.
    """
    owner = ticket.finding.assigned_to
    if ticket.told_to_id == (owner.pk if owner else None):
        return None
    account = account_of(tracker.mapping, owner.username if owner else None)
    if owner is None and not username_of(tracker.mapping, ticket.assignee_key):
        return None
    return account if account != ticket.assignee_key and (account or owner is None) else None


def _is_back(finding: Finding, was: str) -> bool:
    """Whether it is open again after it had ended, or its verification failed."""
    return finding.status in OPEN and (
        was not in OPEN
        or (was, finding.status) == (Status.AWAITING_VERIFICATION, Status.MOBILIZING)
    )


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
