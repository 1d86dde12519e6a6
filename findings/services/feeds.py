"""Bringing feeds in: from a file, or from the address that the operator configured, once a day.

A feed is replaced whole, in one transaction; what it says is joined to findings by their CVEs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from core import blobs, bulk, jobs
from core.errors import BadInput
from core.events import append_event
from core.locks import wait_for_others
from core.models import Job, JobState, User
from core.outbound import HostError, Reply, fetch
from findings.feeds import MOST_BYTES, Read, read_feed
from findings.models import (
    Cause,
    CweName,
    EpssScore,
    Feed,
    FeedKind,
    FindingCve,
    KevEntry,
    Rescoring,
)
from findings.services.rescoring import AT_ONCE, order_rescoring

FETCH = "feed"  # the kind of the job; its subject is the place of the feed's kind in KINDS
KINDS = tuple(FeedKind)
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
SECONDS = 120.0  # for one answer
STALE_AFTER = dict(
    zip(KINDS, (timedelta(days=7), timedelta(days=7), timedelta(days=400)), strict=True)
)
ROWS: dict[FeedKind, tuple[type[Model], tuple[str, ...]]] = {
    FeedKind.KEV: (KevEntry, ("cve", "added_on", "due_on", "ransomware")),
    FeedKind.EPSS: (EpssScore, ("cve", "score", "percentile")),
    FeedKind.CWE: (CweName, ("number", "name")),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. ``is_new``: the file is another than the one that counted before."""

    feed: Feed
    is_new: bool
    rescorings: list[Rescoring]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a feed is. ``feed`` None: none was ever imported; ``error``: of the last time it was fetched."""

    kind: FeedKind
    feed: Feed | None
    is_stale: bool
    address: str  # from which it is fetched, empty: from nowhere
    error: str


def import_feed(
    *, kind: FeedKind, data: bytes, source: str, by: User | None, at: datetime
) -> Imported:
    """Read a feed and let it count from now on; priorities that follow from it are worked out anew.

    The file that counts already changes nothing but when it was checked. Raises BadInput or TooLarge
    with the place, and changes nothing then.
    """
    read = read_feed(kind, data, source)
    raw = blobs.store(data, at=at)
    with transaction.atomic():
        wait_for_others(f"feed:{kind}")
        now = Feed.objects.filter(kind=kind).order_by("-pk").first()
        if now is not None and now.raw_id == raw.pk:
            now.checked_at = at
            now.save(update_fields=["checked_at"])
            return Imported(now, False, [])
        feed = Feed.objects.create(
            kind=kind.value, source=source[:500], raw=raw, version=read.version,
            published_on=read.published_on, rows=len(read.rows), imported_at=at, imported_by=by,
            checked_at=at,
        )  # fmt: skip
        _replace(kind, read)
        append_event(
            scope_id=None, action="feed.imported", subject="feed", subject_id=feed.pk, by=by, at=at,
            data={"kind": kind.value, "sha256": feed.digest, "rows": feed.rows,
                  "published_on": str(read.published_on or ""), "source": feed.source},
        )  # fmt: skip
        return Imported(feed, True, _rescore_all(feed, by, at))


def _replace(kind: FeedKind, read: Read) -> None:
    model, names = ROWS[kind]
    model._default_manager.all().delete()
    bulk.insert(model, names, read.rows)


def _rescore_all(feed: Feed, by: User | None, at: datetime) -> list[Rescoring]:
    """One for each scope with findings that name a CVE; names of weaknesses change no priority."""
    if feed.kind == FeedKind.CWE:
        return []
    few = len(FindingCve.objects.values_list("pk")[: AT_ONCE + 1]) <= AT_ONCE
    scopes = FindingCve.objects.order_by("scope_id").values_list("scope_id", flat=True).distinct()
    return [
        order_rescoring(scope_id=pk, cause=Cause.FEED, by=by, at=at, feed=feed, few=few)
        for pk in list(scopes)
    ]


# --- from elsewhere ------------------------------------------------------------------------------
def fetch_file(kind: FeedKind, url: str) -> bytes:
    """Return the file at an address of a configured host. Raises HostError; BadInput for another host.

    Never call it in a transaction. Redirects are followed on the same host alone.
    """
    configured = settings.FEED_URLS[kind]
    host = urlsplit(url).netloc
    if not configured or host != urlsplit(configured).netloc:
        raise BadInput(
            "address",
            f"is on another host than CTEM_FEED_{kind.upper()}_URL, the only one that is asked",
        )
    for _ in range(MOST_REDIRECTS + 1):
        reply = fetch("GET", url, limit=MOST_BYTES, timeout=SECONDS)
        if reply.status not in REDIRECTS:
            break
        url = _next_address(url, reply, host)
    if reply.status != 200:
        raise reply.error(host)
    return reply.body


def _next_address(url: str, reply: Reply, host: str) -> str:
    there = urljoin(url, reply.headers.get("location", ""))
    if urlsplit(there).netloc != host or urlsplit(there).scheme != urlsplit(url).scheme:
        raise HostError(f"{host} sends us to another host.", final=True)
    return there


def order_feeds(*, at: datetime) -> list[Job]:
    """Have each feed with an address fetched, once a day. For the beat."""
    return [
        jobs.enqueue(kind=FETCH, subject_id=index, at=at, key=f"{FETCH}:{kind}:{at:%Y-%m-%d}")
        for index, kind in enumerate(KINDS)
        if settings.FEED_URLS[kind]
    ]


def fetch_feed(job: Job) -> None:
    """The job: fetch one feed and import it. What cannot be used is told, and tried again tomorrow."""
    kind = KINDS[job.subject_id]
    url = settings.FEED_URLS[kind]
    if not url:
        jobs.finish(job, timezone.now())
        return
    try:
        data = fetch_file(kind, url)
        import_feed(kind=kind, data=data, source=url, by=None, at=timezone.now())
    except HostError as error:
        if not error.final:
            raise
        jobs.finish(job, timezone.now(), state=JobState.FAILED, error=error.sentence)
    except BadInput as error:
        jobs.finish(job, timezone.now(), state=JobState.FAILED, error=str(error))
    else:
        jobs.finish(job, timezone.now())


def freshness(at: datetime) -> list[Freshness]:
    """Return how old each feed is, in two statements."""
    current = {feed.kind: feed for feed in Feed.objects.current()}
    last: dict[int, Job] = {}
    for job in Job.objects.filter(kind=FETCH).order_by("-pk")[:30]:
        last.setdefault(job.subject_id, job)
    told = []
    for index, kind in enumerate(KINDS):
        feed, newest = current.get(kind), last.get(index)
        stale = feed is not None and at - _as_of(feed) > STALE_AFTER[kind]
        failed = newest.error if newest and newest.state != JobState.DONE else ""
        told.append(Freshness(kind, feed, stale, settings.FEED_URLS[kind], failed))
    return told


def _as_of(feed: Feed) -> datetime:
    """The moment that the feed speaks of: the day it names, else when it was seen last."""
    if feed.published_on is None:
        return feed.checked_at
    return datetime.combine(feed.published_on, time(), UTC)
