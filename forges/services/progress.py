"""How far the looks at a connection are: counts by the database. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, When
from django.urls import reverse

from forges.models import Connection

WAITS = Q(repositories__problem="") & (
    Q(repositories__looked_at__isnull=True)
    | Q(repositories__asked_at__gt=F("repositories__looked_at"))
)
STUCK = timedelta(minutes=30)  # a look that takes longer is not what a page waits for


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` repositories are looked at; ``failed`` have a problem."""

    total: int
    done: int
    failed: int
    is_listing: bool  # the list of repositories itself is being read

    @property
    def is_busy(self) -> bool:
        return self.is_listing or self.done + self.failed < self.total


def with_counts(rows: QuerySet[Connection]) -> QuerySet[Connection]:
    """Add ``n_repositories``, ``n_looked_at`` and ``n_failed`` to connections."""
    one = Count("repositories")
    return rows.annotate(
        n_repositories=one,
        n_failed=Count("repositories", filter=~Q(repositories__problem="")),
        n_waiting=Count("repositories", filter=WAITS),
    ).annotate(
        n_looked_at=Case(
            When(n_repositories=0, then=0),
            default=F("n_repositories") - F("n_failed") - F("n_waiting"),
            output_field=IntegerField(),
        )
    )


def progress_of(connection: Connection, now: datetime) -> Progress:
    """Read the counts of a row that ``with_counts`` gave."""
    asked, looked = connection.asked_at, connection.looked_at
    is_asked = asked is not None and (looked is None or looked < asked)
    is_listing = is_asked and not connection.has_ended and not connection.problem
    is_fresh = asked is not None and now - asked < STUCK
    return Progress(
        total=connection.n_repositories,  # type: ignore[attr-defined]
        done=connection.n_looked_at,  # type: ignore[attr-defined]
        failed=connection.n_failed,  # type: ignore[attr-defined]
        is_listing=is_listing and is_fresh,
    )


def webhook_address(connection: Connection, site: str) -> str:
    """Where the host sends its messages; ``site`` is asked where the server was not told its address."""
    return f"{settings.PUBLIC_URL or site.rstrip('/')}{reverse('hook', args=[connection.hook])}"
