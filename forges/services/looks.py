"""Looking at a connection and at one repository: jobs that fetch, write down and ring for what follows.

Every look starts from what is written down, so one that was broken off goes on where it was.
Webhooks only make looks happen sooner; the poll finds what they missed.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import chain, count, islice

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from core import jobs
from core.events import append_event
from core.models import Job
from core.moments import rfc3339
from core.outbound import HostError
from core.text import clean_text
from findings.statuses import OPEN
from forges.hosts.host import Host
from forges.hosts.records import HostRepository
from forges.models import Connection, PullRequest, Repository
from forges.services.alerts import take_alerts
from forges.services.analyses import Desk, list_new, take_of_lines
from forges.services.attempts import host_errors
from forges.services.opening import open_host
from forges.services.ranges import take_ranges, wanted_ranges
from forges.statuses import ConnectionState, PullState
from gate.moments import SKEW
from remediations.statuses import RemediationState
from scans.services.vanishing import candidates
from scopes.models import Asset, AssetKind, Line, LineKind
from scopes.services import create_asset

PAGE = 100
MOST_NAME = 200  # characters of an asset's name
ALIVE = timedelta(hours=6)  # after a push, reports of it may still come


def ask_due_looks(*, at: datetime) -> None:
    """Ring for each live connection that nobody has asked for since the polling time."""
    due = at - timedelta(seconds=settings.FORGE_POLL_SECONDS)
    rows = Connection.objects.live().filter(Q(asked_at__lte=due) | Q(asked_at__isnull=True))
    for connection in rows.order_by("pk"):
        ask_look(connection, at)


@transaction.atomic
def ask_look(connection: Connection, at: datetime) -> None:
    """Queue a look at a connection."""
    Connection.objects.filter(pk=connection.pk).update(asked_at=at)
    key = f"forge_connection:{connection.pk}:{at.isoformat()}"
    jobs.enqueue(kind="forge_connection", subject_id=connection.pk, at=at, key=key)


def look_at_connection(job: Job) -> None:
    """List the account's repositories and the pull requests that changed; queue what is to be read."""
    connection = Connection.objects.select_related("scope", "actor").get(pk=job.subject_id)
    begun = timezone.now()
    if connection.has_ended or _is_served(connection.looked_at, job):
        jobs.finish(job, begun)
        return
    with host_errors(job, connection):
        host = _signed_in(connection)
        seen = [row for page in _pages(host, connection) for row in _write_down(connection, page)]
        _ring_for_repositories(connection, seen, begun)
        _ring_for_pulls(connection, host, begun)
        with transaction.atomic():
            if jobs.finish(job, timezone.now()):
                rows = Connection.objects.live().filter(pk=connection.pk)
                rows.update(looked_at=begun, problem="", state=ConnectionState.ACTIVE)


def _is_served(looked_at: datetime | None, job: Job) -> bool:
    """Whether a look that began after this one was asked for has come to its end."""
    return looked_at is not None and looked_at > job.created_at


def _signed_in(connection: Connection) -> Host:
    """The host, once it has taken our credentials. Raises HostError."""
    host = open_host(connection)
    try:
        host.account()
    except HostError as error:
        if error.final:
            Connection.objects.live().filter(pk=connection.pk).update(state=ConnectionState.REFUSED)
        raise
    return host


def _pages(host: Host, connection: Connection) -> Iterator[list[HostRepository]]:
    told = (one for one in host.repositories() if _is_ours(connection, one))
    while page := list(islice(told, PAGE)):
        yield page


def _is_ours(connection: Connection, told: HostRepository) -> bool:
    name = told.full_name.lower()
    return not told.archived and any(fnmatchcase(name, glob.lower()) for glob in connection.include)


@transaction.atomic
def _write_down(connection: Connection, page: Iterable[HostRepository]) -> list[Repository]:
    """Make or renew the rows of some repositories, each with its asset; return them."""
    told = {one.id: one for one in page}
    known = {r.host_id: r for r in connection.repositories.filter(host_id__in=told)}
    rows = []
    for one in told.values():
        row = known.get(one.id) or Repository(connection=connection, scope=connection.scope)
        row.host_id, row.full_name = one.id, clean_text(one.full_name, 200)
        row.default_branch = clean_text(one.default_branch, 200) or "main"
        row.web_url, row.clone_url = one.web_url[:500], one.clone_url[:500]
        row.pushed_at = one.pushed_at[:40]
        if one.id not in known:
            row.asset = _asset_for(row)
        row.save()
        rows.append(row)
    new = [row.full_name for row in rows if row.host_id not in known]
    if new:
        append_event(
            scope_id=connection.scope_id, action="connection.repositories", subject="connection",
            subject_id=connection.pk, by=connection.actor, at=timezone.now(), data={"new": new},
        )  # fmt: skip
    return rows


def _asset_for(row: Repository) -> Asset:
    """The asset of this name that no repository stands for yet, or a new one."""
    free = Asset.objects.filter(scope=row.scope, name=row.full_name, repositories__isnull=True)
    asset = free.filter(kind=AssetKind.REPOSITORY).first()
    if asset is not None:
        return asset
    return create_asset(
        scope=row.scope, name=_free_name(row), by=None, at=timezone.now(), repository=row.clone_url,
        default_line=row.default_branch,
    )  # fmt: skip


def _free_name(row: Repository) -> str:
    """The repository's name, with the connection's and a number behind it as far as others have it."""
    name, connected = row.full_name, row.connection.name
    alike = Asset.objects.filter(scope=row.scope, name__startswith=name[: MOST_NAME // 2])
    taken = set(alike.values_list("name", flat=True))
    more = (f" ({connected} {number})" for number in count(2))
    ends = chain(("", f" ({connected})"), more)
    names = (f"{name[: MOST_NAME - len(end)]}{end}" for end in ends)
    return next(free for free in names if free not in taken)


def _ring_for_repositories(connection: Connection, seen: list[Repository], at: datetime) -> None:
    """Queue those that were never looked at, or whose last push we have not seen, or may report yet, and
    those whose findings wait: for the reports of a fix, or for what changed."""
    alive = rfc3339(at - ALIVE)
    waiting = set(
        Repository.objects.filter(
            connection=connection, asset__remediations__findings__status__in=OPEN,
            asset__remediations__state__in=[RemediationState.PROPOSED, RemediationState.MERGED],
        ).values_list("pk", flat=True)
    )  # fmt: skip
    absent = candidates().filter(asset__repositories__connection=connection)
    lacking = set(absent.values_list("asset_id", flat=True).distinct())
    for row in seen:
        is_new = row.looked_at is None or row.looked_push != row.pushed_at
        is_alive = row.pushed_at >= alive or row.pk in waiting
        if is_new or is_alive or (row.asset_id in lacking and any(wanted_ranges(row.asset))):
            ring_for_repository(row, at)


@transaction.atomic
def ring_for_repository(row: Repository, at: datetime) -> None:
    """Queue a look at one repository."""
    Repository.objects.filter(pk=row.pk).update(asked_at=at)
    key = f"forge_repository:{row.pk}:{at.isoformat()}"
    jobs.enqueue(kind="forge_repository", subject_id=row.pk, at=at, key=key)


def _ring_for_pulls(connection: Connection, host: Host, at: datetime) -> None:
    """Queue the pull requests that changed since the last look; the first look leaves them to the repositories."""
    if connection.looked_at is None:
        return
    names = dict(connection.repositories.values_list("full_name", "pk"))
    for name, number in host.changed_pulls(rfc3339(connection.looked_at - SKEW)):
        if name in names:
            ring_for_pull(names[name], connection.scope_id, number, at)


@transaction.atomic
def ring_for_pull(repository_id: int, scope_id: int, number: int, at: datetime) -> PullRequest:
    """Queue a look at one pull request, known or not."""
    pull, _ = PullRequest.objects.get_or_create(
        repository_id=repository_id, number=number, defaults={"scope_id": scope_id}
    )
    PullRequest.objects.filter(pk=pull.pk).update(asked_at=at)
    key = f"forge_pull:{pull.pk}:{at.isoformat()}"
    jobs.enqueue(kind="forge_pull", subject_id=pull.pk, at=at, key=key)
    return pull


def look_at_repository(job: Job) -> None:
    """Read one repository: its lines, new reports of each, alerts; at the first look its open pull requests."""
    rows = Repository.objects.select_related("connection__actor", "scope", "asset")
    row = rows.get(pk=job.subject_id)
    begun = timezone.now()
    if row.connection.has_ended or _is_served(row.looked_at, job):
        jobs.finish(job, begun)
        return
    with host_errors(job, row):
        desk = Desk(open_host(row.connection), row)
        for line in _lines(desk):
            list_new(desk, f"refs/heads/{line}")
        take_of_lines(desk)
        take_alerts(desk)
        take_ranges(desk)
        if row.looked_at is None:
            for number in desk.host.open_pulls(desk.told):
                ring_for_pull(row.pk, row.scope_id, number, begun)
        _ring_for_unsettled(row, begun)
        with transaction.atomic():
            if jobs.finish(job, timezone.now()):
                Repository.objects.filter(pk=row.pk).update(
                    looked_at=begun, looked_push=row.pushed_at, problem=""
                )


def _ring_for_unsettled(row: Repository, at: datetime) -> None:
    """Look again at pull requests that wait for reports: those of a fix whose findings are open."""
    waiting = row.pulls.filter(remediation__findings__status__in=OPEN)
    waiting = waiting.filter(Q(state=PullState.OPEN) | Q(state=PullState.MERGED))
    waiting = waiting.exclude(asked_at__gt=F("followed_at"))
    for number in waiting.values_list("number", flat=True).distinct():
        ring_for_pull(row.pk, row.scope_id, number, at)


def _lines(desk: Desk) -> list[str]:
    """The branches that are lines: the default one and protected ones of a release's name; made where missing."""
    row, globs = desk.row, desk.row.connection.release_branches
    names = [row.default_branch]
    if globs:
        protected = desk.host.branches(desk.told)
        names += [n for n in protected if any(fnmatchcase(n, glob) for glob in globs)]
    known = set(row.asset.lines.values_list("name", flat=True))
    Line.objects.bulk_create(
        [
            Line(asset=row.asset, scope_id=row.scope_id, name=name[:200], kind=LineKind.RELEASE)
            for name in dict.fromkeys(names)
            if name not in known
        ],
        ignore_conflicts=True,
    )
    return [name for name in dict.fromkeys(names) if len(name) <= 200]
