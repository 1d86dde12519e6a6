"""Copying what events say of findings' moves into one table, where sets of them are counted.

Each scope's chain is read once, in its order, behind a cursor that is locked meanwhile: no move is
lost, none is there twice. Writes no table but this app's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, OuterRef, Subquery

from core import bulk
from core.events import chain_of
from core.models import ChainHead, Event
from findings.lifecycle import TRANSITIONS
from findings.models import Finding
from findings.statuses import ENDED, Status
from reports.models import Move, MoveCursor
from reports.statuses import IS_OPEN, PLACED
from scopes.models import Scope

ACTIONS = frozenset(f"finding.{row.name}" for row in TRANSITIONS)
AT_ONCE = 5_000  # events that are read and written together
COLUMNS = ("finding", "scope", "at", "name", "source", "target", "opened_at", "claimed_at")
_TOLD_BY_ROWS = (*ENDED, Status.AWAITING_VERIFICATION)


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a finding stands, since when it is open where it was opened again, and when it was claimed."""

    state: str = Status.PRIORITIZED.value
    opened_at: datetime | None = None
    claimed_at: datetime | None = None

    def after(self, target: str, at: datetime) -> "Stand":
        """Where it stands once it moved to ``target``."""
        if target in IS_OPEN and self.state not in IS_OPEN:
            return Stand(target, at, None)
        if target == Status.AWAITING_VERIFICATION and self.claimed_at is None:
            return replace(self, state=target, claimed_at=at)
        return replace(self, state=target)


@dataclass(frozen=True, slots=True)
class Told:
    """One finding's move as an event tells it; ``source`` empty: the event does not say."""

    finding: int
    at: datetime
    name: str
    source: str
    target: str


def catch_up(scopes: Iterable[int]) -> int:
    """Copy what happened in ``scopes`` since the last time; return how many moves were new."""
    return sum(_catch_up(scope) for scope in _behind(list(scopes)))


def catch_up_all() -> int:
    """The same for every scope. For the beat."""
    return catch_up(Scope.objects.values_list("pk", flat=True))


def _behind(scopes: Sequence[int]) -> list[int]:
    """Those whose chain goes on behind the cursor. Two statements."""
    heads = dict(
        ChainHead.objects.filter(chain__in=map(chain_of, scopes)).values_list("chain", "seq")
    )
    done = dict(MoveCursor.objects.filter(scope__in=scopes).values_list("scope_id", "seq"))
    return [pk for pk in scopes if heads.get(chain_of(pk), 0) > done.get(pk, 0)]


def _catch_up(scope: int) -> int:
    MoveCursor.objects.bulk_create([MoveCursor(scope_id=scope)], ignore_conflicts=True)
    copied = 0
    while True:
        with transaction.atomic():
            cursor = MoveCursor.objects.select_for_update(of=("self",)).get(pk=scope)
            head = ChainHead.objects.get(pk=chain_of(scope)).seq
            first = cursor.seq == 0
            events = list(_events(scope, cursor.seq, head)[:AT_ONCE])
            copied += _copy(scope, events)
            over = len(events) < AT_ONCE
            cursor.seq = head if over else events[-1].seq
            cursor.save(update_fields=["seq"])
            if over and first:
                copied += place_untold([scope])
        if over:
            return copied


def _events(scope: int, after: int, until: int) -> Any:
    rows = Event.objects.filter(chain=chain_of(scope), seq__gt=after, seq__lte=until)
    return rows.filter(action__in=ACTIONS).order_by("seq")


def _copy(scope: int, events: Sequence[Event]) -> int:
    told = [move for event in events for move in _told(event)]
    stands = _stands({move.finding for move in told})
    rows = list(_rows(scope, told, stands))
    bulk.insert(Move, COLUMNS, rows)
    return len(rows)


def _told(event: Event) -> Iterator[Told]:
    name, data = event.action.removeprefix("finding."), event.data
    if event.subject == "finding":
        if data["from"] != data["to"]:
            yield Told(event.subject_id, event.at, name, data["from"], data["to"])
        return
    if name == "expire":
        source, target = Status.RISK_ACCEPTED.value, Status.DISCOVERED.value
    else:
        source, target = "", str(data["to"])
    for finding in data["findings"]:
        yield Told(finding, event.at, name, source, target)


def _stands(findings: Iterable[int]) -> dict[int, Stand]:
    """Where each of these stands after the moves that were copied already."""
    rows = Move.objects.filter(finding__in=bulk.listed(findings)).order_by()
    last = rows.values("finding").annotate(last=Max("pk")).values("last")
    return {
        move.finding_id: Stand(move.source, move.opened_at, move.claimed_at).after(
            move.target, move.at
        )
        for move in Move.objects.filter(pk__in=last)
    }


def _rows(scope: int, told: Iterable[Told], stands: dict[int, Stand]) -> Iterator[Sequence[Any]]:
    """What is written of these moves. What no event told is put in where the next one shows it."""

    def row(one: Told, stand: Stand, name: str, target: str) -> Sequence[Any]:
        at = bulk.moment(one.at)
        return (one.finding, scope, at, name, stand.state, target,
                bulk.moment(stand.opened_at), bulk.moment(stand.claimed_at))  # fmt: skip

    for one in told:
        stand = stands.get(one.finding, Stand())
        if one.source and (one.source in IS_OPEN) != (stand.state in IS_OPEN):
            yield row(one, stand, PLACED, one.source)
            stand = stand.after(one.source, one.at)
        elif one.source:
            stand = replace(stand, state=one.source)
        yield row(one, stand, one.name, one.target)
        stands[one.finding] = stand.after(one.target, one.at)


def place_untold(scopes: Iterable[int]) -> int:
    """Add moves for findings that stand where no copied move left them, at the time of their row.

    Such are those of databases that were made up, and of events too large to name each finding.
    """
    last = Move.objects.filter(finding=OuterRef("pk")).order_by("-pk")
    here = last.filter(at=OuterRef("status_since"), target=OuterRef("status"))
    rows = (
        Finding.objects.filter(scope__in=list(scopes), status__in=_TOLD_BY_ROWS)
        .annotate(there=Subquery(here.values("pk")[:1]), before=Subquery(last.values("target")[:1]))
        .filter(there__isnull=True)
        .values_list("pk", "scope_id", "status_since", "before", "status")
        .order_by("pk")
    )
    placed = [  # whole before it is written: the table is read for it
        (pk, scope, bulk.moment(at), PLACED, before or Status.PRIORITIZED.value, now, None, None)
        for pk, scope, at, before, now in rows.iterator(chunk_size=AT_ONCE)
    ]
    bulk.insert(Move, COLUMNS, placed)
    return len(placed)
