"""What Prometheus is told: requests as the web processes counted them, everything else from the rows.

Rows are right across processes and restarts and need no code where the work is done. Requests are the
one thing that leaves no row: gunicorn.conf.py gives its processes a folder that they share.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import Error, models
from django.db.models import Count, F, Min, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

import ctem
from core import jobs
from core.models import Job, JobState
from ctem.jobs import HANDLERS, last_sweep
from findings.models import Feed, Finding, Tally
from findings.statuses import Status
from forges.models import Connection
from forges.statuses import ConnectionState
from gate.strict import moment
from reports.metrics.backlog import BANDS, bars_of, flows
from reports.metrics.frame import Frame
from reports.statuses import Bar
from scans import certificates
from scans.models import Clearance, Scan, Verification
from scans.statuses import ENDED, ScanState, Verdict
from scopes.models import Scope

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
IMPORT_SECONDS = (1, 5, 15, 60, 300, 900, 3600)  # from the upload to the end, waiting included

OWN = CollectorRegistry()  # of this process; under gunicorn only the shared folder is read
REQUESTS = Counter(
    "ctem_http_requests", "Requests answered", ["view", "method", "status"], registry=OWN
)
LATENCY = Histogram(
    "ctem_http_request_seconds", "Time to answer", ["view", "method"], registry=OWN,
    buckets=REQUEST_SECONDS,
)  # fmt: skip


def observe(view: str, method: str | None, status: int, seconds: float) -> None:
    """Count one answered request; nothing where nobody may read it."""
    if settings.METRICS_TOKEN:
        verb = method if method in METHODS else "other"
        REQUESTS.labels(view, verb, status).inc()
        LATENCY.labels(view, verb).observe(seconds)


def exposition() -> bytes:
    """Return everything in Prometheus' text format."""
    registry = OWN
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    from_rows = CollectorRegistry(auto_describe=False)
    from_rows.register(Rows())
    return generate_latest(registry) + generate_latest(from_rows)


class Rows(Collector):
    """Reads the rows at each look; a database that does not answer hides its own metrics alone."""

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield what stands in files, then what stands in rows."""
        build = GaugeMetricFamily("ctem_build_info", "What runs here", labels=["version"])
        build.add_metric([ctem.__version__], 1)
        yield build
        yield from _files()
        try:
            rows = [
                *_jobs(timezone.now()), *_feeds(), *_imports(), *_gate(), *_connections(),
                *_findings(timezone.now()),
            ]  # fmt: skip
        except Error:
            rows = []
        yield GaugeMetricFamily("ctem_database_up", "The database answers", value=bool(rows))
        yield from rows


def _files() -> Iterator[Metric]:
    swept = last_sweep()
    yield GaugeMetricFamily(
        "ctem_last_sweep_timestamp_seconds",
        "When beat, broker and worker last did something together; 0: never",
        value=swept.timestamp() if swept else 0,
    )
    listed, now = certificates.key_list(), timezone.now()
    signs = certificates.usable(listed, now)
    ends = (moment(signs.key.not_after) if signs else None) or datetime.fromtimestamp(0, UTC)
    yield GaugeMetricFamily(
        "ctem_certificate_key_expires_timestamp_seconds",
        "When the key that signs certificates ends; 0: there is none yet",
        value=ends.timestamp(),
    )


def _jobs(now: datetime) -> Iterator[Metric]:
    """Depth and age of the queue, and how jobs ended, for every kind that there is."""
    counts = {
        (row["kind"], row["state"]): row["n"]
        for row in Job.objects.values("kind", "state").annotate(n=Count("pk"))
    }
    kinds = sorted({*HANDLERS, *(kind for kind, _ in counts)})
    waiting = GaugeMetricFamily("ctem_jobs", "Jobs that are not over", labels=["kind", "state"])
    ended = CounterMetricFamily("ctem_jobs_ended", "Jobs that are over", labels=["kind", "state"])
    for kind in kinds:
        for state in JobState:
            live = state in (JobState.QUEUED, JobState.RUNNING)
            (waiting if live else ended).add_metric([kind, state], counts.get((kind, state), 0))
    yield waiting
    yield ended
    oldest = dict(jobs.due(now).values_list("kind").annotate(Min("next_attempt_at")))
    age = GaugeMetricFamily(
        "ctem_job_oldest_due_seconds", "How long the oldest due job waits", labels=["kind"]
    )
    for kind in kinds:
        age.add_metric([kind], (now - oldest[kind]).total_seconds() if kind in oldest else 0)
    yield age


def _feeds() -> Iterator[Metric]:
    """Of each kind that is here; what was never imported has no line."""
    seen = GaugeMetricFamily(
        "ctem_feed_checked_timestamp_seconds", "When a feed was seen last", labels=["kind"]
    )
    for kind, at in Feed.objects.current().values_list("kind", "checked_at"):
        seen.add_metric([kind], at.timestamp())
    yield seen


def _imports() -> Iterator[Metric]:
    """How scans ended; of those that were read: how long it took, and how much was in them."""
    counts = dict(Scan.objects.filter(state__in=ENDED).values_list("state").annotate(Count("pk")))
    over = CounterMetricFamily("ctem_imports", "Scans that are over", labels=["state"])
    for state in ENDED:
        over.add_metric([state], counts.get(state, 0))
    yield over
    took = F("finished_at") - F("created_at")
    within = {
        f"le_{n}": Count("pk", filter=Q(took__lte=timedelta(seconds=n))) for n in IMPORT_SECONDS
    }
    results = Cast(KeyTextTransform("results", "counts"), models.BigIntegerField())
    done = Scan.objects.filter(state=ScanState.DONE, finished_at__isnull=False)
    all_of_it = done.annotate(
        took=models.ExpressionWrapper(took, output_field=models.DurationField())
    ).aggregate(n=Count("pk"), whole=Sum("took"), results=Sum(results), **within)
    buckets = [(str(float(n)), float(all_of_it[f"le_{n}"])) for n in IMPORT_SECONDS]
    whole = all_of_it["whole"] or timedelta()
    yield HistogramMetricFamily(
        "ctem_import_seconds",
        "From a report's arrival to its end, waiting included",
        buckets=[*buckets, ("+Inf", float(all_of_it["n"]))],
        sum_value=whole.total_seconds(),
    )
    yield CounterMetricFamily(
        "ctem_import_results", "Results in reports that were read", value=all_of_it["results"] or 0
    )


def _gate() -> Iterator[Metric]:
    verdicts = dict(Verification.objects.values_list("verdict").annotate(Count("pk")))
    judged = CounterMetricFamily("ctem_judgements", "Judgements of the gate", labels=["verdict"])
    for verdict in Verdict:
        judged.add_metric([verdict], verdicts.get(verdict, 0))
    yield judged
    live = dict(Clearance.objects.values_list("live").annotate(Count("pk")))
    cleared = GaugeMetricFamily("ctem_clearances", "Certificates of closure", labels=["state"])
    cleared.add_metric(["live"], live.get(True, 0))
    cleared.add_metric(["revoked"], live.get(False, 0))
    yield cleared


def _findings(now: datetime) -> Iterator[Metric]:
    """What is open, late and came to an end lately. Labels are words of ours: their number is bounded."""
    told = Tally.objects.order_by().values_list("status", "priority_band").annotate(Sum("n"))
    counts = {(status, band): n for status, band, n in told}
    stand = GaugeMetricFamily(
        "ctem_findings", "Findings by where they stand", labels=["status", "priority"]
    )
    for status in Status:
        for band in BANDS:
            stand.add_metric([status, band], counts.get((status.value, band), 0))
    yield stand
    late = Finding.objects.overdue(now).count()
    yield GaugeMetricFamily("ctem_findings_overdue", "Open findings that are late", value=late)
    ended = GaugeMetricFamily(
        "ctem_findings_changed", "Moves of the last 30 days, by why", labels=["cause"]
    )
    frame = Frame(tuple(Scope.objects.values_list("pk", flat=True)), now - timedelta(days=30), now)
    for bar, bands in bars_of(flows(frame)).items():
        if bar is not Bar.RESCORED:
            ended.add_metric([bar], sum(bands.values()))
    yield ended


def _connections() -> Iterator[Metric]:
    counts = dict(Connection.objects.values_list("state").annotate(Count("pk")))
    family = GaugeMetricFamily("ctem_connections", "Connections to code hosts", labels=["state"])
    for state in ConnectionState:
        family.add_metric([state], counts.get(state, 0))
    yield family
