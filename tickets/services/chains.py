"""Reading the chains of scopes by a cursor: what webhooks and notices are made from.

A chain has no gaps and its head is locked until the commit: what stands after a cursor is committed,
and nothing is ever inserted before it.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from django.db.models import CharField, F, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from core.events import chain_of
from core.models import ChainHead, Event

AT_ONCE = 500  # events that are read in one transaction
M = TypeVar("M", bound=Model)


def behind(rows: QuerySet[M]) -> list[int]:
    """Return the ids of the rows, with ``scope`` and ``cursor``, whose chain went on."""
    chain = Concat(Value("scope:"), Cast(OuterRef("scope_id"), CharField()))
    head = ChainHead.objects.filter(chain=chain).values("seq")
    late = rows.annotate(head=Subquery(head)).filter(head__gt=F("cursor")).order_by("pk")
    return cast("list[int]", list(late.values_list("pk", flat=True)))


def in_parts(part: Callable[[], tuple[int, bool]], *, most: int | None = None) -> int:
    """Call ``part`` until it says that no more follows, at most ``most`` times; return the sum of its numbers."""
    done, calls, more = 0, 0, True
    while more and calls != most:
        count, more = part()
        done, calls = done + count, calls + 1
    return done


def events_after(scope_id: int, cursor: int) -> QuerySet[Event]:
    """Return the events of a scope's chain after ``cursor``, in their order; take AT_ONCE of them."""
    return Event.objects.filter(chain=chain_of(scope_id), seq__gt=cursor).order_by("seq")
