"""Which policies a scope was judged by, since when and by whose hand: read from the event log."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from core.models import Event, User
from scopes.models import Policy, Scope

MOST = 200  # changes of policy that are looked at, newest first


@dataclass(frozen=True, slots=True)
class Version:
    """A policy was in force in a scope from a moment on. ``by`` None: the system.

    ``since`` None: the log does not say. ``until`` None: it is in force.
    """

    policy: Policy
    since: datetime | None
    by: User | None
    until: datetime | None = None


def versions_of(scope: Scope) -> list[Version]:
    """Return the policies of a scope, newest first: the one in force, and those before it."""
    log = Event.objects.about("scope", scope.pk).filter(scope_id=scope.pk).select_related("actor")
    moves = list(log.filter(action="scope.policy_set").order_by("-id")[:MOST])
    made = log.filter(action="scope.created").first()
    digests = {event.data[end] for event in moves for end in ("from", "to")}
    known = {p.digest: p for p in Policy.objects.filter(digest__in=digests)}
    known[scope.policy.digest] = scope.policy
    first = moves[-1].data["from"] if moves else scope.policy.digest
    starts: list[tuple[str, Event | None]] = [(event.data["to"], event) for event in moves]
    starts += [(first, made)] if len(moves) < MOST else []
    if starts[0][0] != scope.policy.digest:  # set past the services, as no door can
        starts.insert(0, (scope.policy.digest, None))
    return list(_versions((known[digest], event) for digest, event in starts if digest in known))


def _versions(starts: Iterable[tuple[Policy, Event | None]]) -> Iterator[Version]:
    until = None
    for policy, event in starts:
        by = event.actor if event else None
        yield Version(policy, event.at if event else None, by, until)
        until = event.at if event else None
