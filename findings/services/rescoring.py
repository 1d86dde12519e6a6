"""Scoring anew: all findings that something is different for, in bulk, with what each priority was before.

What is written: severity (where nobody decided it), the priority with its terms, SSVC's decision, the
due date. Status is never touched. See ``Rescoring`` and ``PriorityChange``.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import bulk, jobs
from core.events import append_event
from core.models import Job, User
from findings.models import (
    Cause,
    Feed,
    Finding,
    FindingCve,
    FindingQuerySet,
    PriorityChange,
    Rescoring,
    ValidationEvidence,
)
from findings.scoring import Scored, Weigher
from findings.services.clocks import set_due
from findings.services.exploits import cves_by_finding, exploits
from findings.services.sums import keep_sums
from findings.statuses import VALIDATING, EvidenceKind
from findings.weights import DEFAULT, Weights, read_weights
from scopes.models import Scope

RESCORE = "rescore"  # the kind of the job
PART = 10_000  # findings that are read, scored and written together
AT_ONCE = 1_000  # findings that are scored where it is asked for; more are a job
WRITTEN = ("severity", "priority", "priority_score", "priority_band", "ssvc")
CHANGED = (
    "finding", "scope", "rescoring", "at", "cause", "from_score", "from_band", "from_ssvc",
    "to_score", "to_band", "to_ssvc", "until_then",
)  # fmt: skip


class Row(NamedTuple):
    """A finding as far as its priority follows from it, and what it is now. ``sum_id``: as ``Scored`` has it."""

    pk: int
    scope_id: int
    level: str
    security_severity: float | None
    cvss: str
    decided: str
    severity: str
    score: int
    band: str
    ssvc: str
    sum_id: UUID


@dataclass(frozen=True, slots=True)
class Rescored:
    """How many findings were looked at, how many priorities changed, and from which band to which."""

    looked_at: int = 0
    changed: int = 0
    bands: Counter[str] = field(default_factory=Counter)  # "P3 to P2" → findings

    def __add__(self, other: "Rescored") -> "Rescored":
        return Rescored(
            self.looked_at + other.looked_at,
            self.changed + other.changed,
            self.bands + other.bands,
        )


class Scorer:
    """Scores findings part by part; ``by`` weighs them instead of what is in force in their scopes."""

    def __init__(self, by: Weights | None = None) -> None:
        self._by = by
        self._weighers: dict[tuple[str, str, int | None], Weigher] = {}

    def score(self, rows: Sequence[Row]) -> Iterator[tuple[Row, Scored]]:
        """Yield each finding with what its priority is: four statements for any number of rows."""
        weighers = self._of_scopes({row.scope_id for row in rows})
        ids = [row.pk for row in rows]
        cves = cves_by_finding(ids)
        known = exploits({cve for named in cves.values() for cve in named})
        validated, proven = _evidence(ids)
        for row in rows:
            yield (
                row,
                weighers[row.scope_id].of(
                    level=row.level, security_severity=row.security_severity, cvss=row.cvss,
                    decided=row.decided, exploited=known.of(cves.get(row.pk, ())),
                    validated=row.pk in validated, proof_of_concept=row.pk in proven,
                ),
            )  # fmt: skip

    def _of_scopes(self, ids: set[int]) -> dict[int, Weigher]:
        """Each time anew: a scope may change while another part of its findings is scored."""
        scopes = Scope.objects.filter(pk__in=ids).select_related("priority_policy")
        return {scope.pk: self._weigher(scope) for scope in scopes}

    def _weigher(self, scope: Scope) -> Weigher:
        key = scope.exposure, scope.criticality, scope.priority_policy_id
        if key not in self._weighers:
            self._weighers[key] = Weigher(
                exposure=scope.exposure, criticality=scope.criticality,
                by=self._by or weights_of(scope),
            )  # fmt: skip
        return self._weighers[key]


def _evidence(ids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Which of these findings are validated, and which have a proof of concept."""
    rows = ValidationEvidence.objects.filter(
        finding__in=bulk.listed(ids), kind__in=[kind.value for kind in VALIDATING]
    )
    validated: set[int] = set()
    proven: set[int] = set()
    for pk, kind in rows.values_list("finding_id", "kind"):
        validated.add(pk)
        if kind == EvidenceKind.PROOF_OF_CONCEPT:
            proven.add(pk)
    return validated, proven


@lru_cache(maxsize=256)
def _read(toml: str) -> Weights:
    return read_weights(toml.encode())


def weights_of(scope: Scope) -> Weights:
    """Return the weights in force in a scope: those of its policy, else those in the code."""
    return _read(scope.priority_policy.toml) if scope.priority_policy else DEFAULT


# --- scoring and writing -------------------------------------------------------------------------
def rescore(
    findings: FindingQuerySet, *, cause: Cause, at: datetime, rescoring: Rescoring | None = None
) -> Rescored:
    """Score findings anew and write what changed; each priority that was another is kept as a change.

    Part by part, each in a transaction of its own where there is none around. No event: the caller
    appends one for the whole set.
    """
    done, after, scorer = Rescored(), 0, Scorer()
    while ids := _ids(findings, after):
        with transaction.atomic():
            done += _rescore_part(ids, scorer, cause, at, rescoring)
        after = ids[-1]
    return done


def rows_of(ids: Sequence[int], *, lock: bool = False) -> list[Row]:
    """Return findings by id as far as their priority follows from them; locked in order on demand."""
    rows = Finding.objects.filter(pk__in=bulk.listed(ids)).order_by("pk")
    if lock:
        rows = rows.select_for_update(of=("self",), no_key=True)
    told = rows.values_list(
        "pk", "scope_id", "level", "security_severity", "cvss", "decided_severity", "severity",
        "priority_score", "priority_band", "ssvc", "priority_id",
    )  # fmt: skip
    return [Row(*row) for row in told.iterator(chunk_size=PART)]


def lock_if_few(scope_id: int) -> None:
    """Lock what ``order_rescoring`` scores at once: for who writes an event before it is asked for."""
    ids = _ids(Finding.objects.filter(scope_id=scope_id), 0)
    if len(ids) <= AT_ONCE:
        rows_of(ids, lock=True)


def _ids(findings: FindingQuerySet, after: int) -> list[int]:
    rows = findings.filter(pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:PART])


def _rescore_part(
    ids: Sequence[int], scorer: Scorer, cause: Cause, at: datetime, rescoring: Rescoring | None
) -> Rescored:
    rows = rows_of(ids, lock=True)
    news = [(row, now) for row, now in scorer.score(rows) if _differs(row, now)]
    keep_sums(now for _, now in news)
    bulk.update(
        Finding, WRITTEN,
        (
            (row.pk, now.severity, now.sum_id.hex, now.score, now.band, now.ssvc)
            for row, now in news
        ),
    )  # fmt: skip
    changes = [(row, now) for row, now in news if _is_change(row, now)]
    moment, run = bulk.moment(at), rescoring.pk if rescoring else None
    bulk.insert(
        PriorityChange, CHANGED,
        (
            (row.pk, row.scope_id, run, moment, cause.value, row.score, row.band, row.ssvc,
             now.score, now.band, now.ssvc, row.sum_id.hex)
            for row, now in changes
        ),
    )  # fmt: skip
    rated = [row.pk for row, now in news if (row.severity, row.band) != (now.severity, now.band)]
    if rated:
        set_due(Finding.objects.filter(pk__in=bulk.listed(rated)))
    bands = Counter(f"{row.band} to {now.band}" for row, now in changes if row.band != now.band)
    return Rescored(len(rows), len(changes), bands)


def _differs(row: Row, now: Scored) -> bool:
    before = (row.severity, row.score, row.band, row.ssvc, row.sum_id)
    return before != (now.severity, now.score, now.band, now.ssvc, now.sum_id)


def _is_change(row: Row, now: Scored) -> bool:
    """Whether what people go by is another."""
    return (row.score, row.band, row.ssvc) != (now.score, now.band, now.ssvc)


# --- a whole scope -------------------------------------------------------------------------------
@transaction.atomic
def order_rescoring(
    *, scope_id: int, cause: Cause, by: User | None, at: datetime,
    feed: Feed | None = None, few: bool = True,
) -> Rescoring:  # fmt: skip
    """Have the findings of a scope scored anew: at once if they are few, else by a job.

    For a feed those alone that name a CVE. ``few``: False makes it a job in any case, where many
    scopes are asked for together. One event when it is done, if a priority changed.
    """
    run = Rescoring.objects.create(
        scope_id=scope_id, cause=cause.value, feed=feed, asked_at=at, asked_by=by
    )
    if not few or len(_next(run, AT_ONCE + 1)) > AT_ONCE:
        jobs.enqueue(kind=RESCORE, subject_id=run.pk, at=at)
        return run
    scorer = Scorer()
    while _do_part(run, scorer, at):
        pass
    return _finish(run, at)


def rescore_job(job: Job) -> None:
    """The job of one rescoring. What a killed worker did is kept; the next one goes on behind it."""
    run = Rescoring.objects.get(pk=job.subject_id)
    more, scorer = run.finished_at is None, Scorer()
    while more:
        with transaction.atomic():
            if not jobs.held(job).exists():
                return
            more = _do_part(run, scorer, timezone.now())
    with transaction.atomic():
        if jobs.finish(job, timezone.now()) and run.finished_at is None:
            _finish(run, timezone.now())


def rescore_scope(job: Job) -> None:
    """The job of a scope that weighs otherwise: a rescoring of its findings."""
    with transaction.atomic():
        at = timezone.now()
        if jobs.finish(job, at):
            order_rescoring(scope_id=job.subject_id, cause=Cause.SCOPE, by=None, at=at)


def _next(run: Rescoring, most: int) -> list[int]:
    """The findings that come next."""
    if run.cause == Cause.FEED:
        named = FindingCve.objects.filter(scope=run.scope_id, finding__gt=run.cursor)
        rows = named.order_by("finding_id").values_list("finding_id", flat=True).distinct()
        return list(rows[:most])
    findings = Finding.objects.filter(scope=run.scope_id, pk__gt=run.cursor).order_by("pk")
    return list(findings.values_list("pk", flat=True)[:most])


def _do_part(run: Rescoring, scorer: Scorer, at: datetime) -> bool:
    """Score what comes next, and say how far it came; False: nothing is left."""
    ids = _next(run, PART)
    if not ids:
        return False
    done = _rescore_part(ids, scorer, Cause(run.cause), at, run)
    run.cursor = ids[-1]
    Rescoring.objects.filter(pk=run.pk).update(
        cursor=run.cursor,
        looked_at=F("looked_at") + done.looked_at,
        changed=F("changed") + done.changed,
    )
    return True


def _finish(run: Rescoring, at: datetime) -> Rescoring:
    """End it, with one event for all that changed."""
    run.refresh_from_db()
    run.finished_at = at
    run.save(update_fields=["finished_at"])
    if run.changed:
        append_event(
            scope_id=run.scope_id, action="priorities.rescored", subject="scope",
            subject_id=run.scope_id, by=run.asked_by, at=at, data=_told(run),
        )  # fmt: skip
    return run


def _told(run: Rescoring) -> dict[str, Any]:
    """What the event says: counts, and a digest over every change."""
    digest, bands = sha256(), Counter[str]()
    rows = run.changes.order_by("id").values_list(
        "finding_id", "from_band", "from_score", "from_ssvc", "to_band", "to_score", "to_ssvc"
    )
    for row in rows.iterator(chunk_size=PART):
        digest.update(f"{' '.join(map(str, row))}\n".encode())
        if row[1] != row[4]:
            bands[f"{row[1]} to {row[4]}"] += 1
    told = {"feed": run.feed.kind, "file": run.feed.digest} if run.feed else {}
    return {
        "cause": run.cause, "looked_at": run.looked_at, "changed": run.changed,
        "bands": dict(sorted(bands.items())), "sha256": digest.hexdigest(), **told,
    }  # fmt: skip


def dry_run(rows: Sequence[Row], by: Weights) -> Rescored:
    """Return what other weights would change of these findings. Writes nothing."""
    told = [(row, now) for row, now in Scorer(by).score(rows) if _is_change(row, now)]
    bands = Counter(f"{row.band} to {now.band}" for row, now in told if row.band != now.band)
    return Rescored(len(rows), len(told), bands)
