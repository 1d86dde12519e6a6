"""The SLA: a scope's terms, due dates of many findings, pauses, and telling once what is or will be late."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from core import bulk
from core.errors import BadInput, WrongState
from core.events import append_event
from core.jobs import enqueue, finish
from core.models import Job, User
from core.permissions import Permission
from core.text import clean_text
from findings import weights
from findings.models import ClockNotice, ClockPause, Finding, FindingQuerySet, RiskAcceptance
from findings.services.words import text_given
from findings.sla import MOST_DAYS, Clock, Counts, Pause
from findings.statuses import OPEN, Notice, SetAside, Severity, Status
from scopes.access import check_may
from scopes.models import Scope
from scopes.services.assets import lock_assets

AT_ONCE = 20_000  # findings that are read and written together
MOST_HOLIDAYS = 1000
MOST_WARN_DAYS = 90
MOST_TOLD = 20_000  # findings of one kind that one round tells of; the next tells of the rest
NAMED = 500  # findings that an event names
BEFORE_ACCEPTANCE_ENDS = timedelta(days=14)
RATINGS = (*(severity.value for severity in Severity), *weights.NAMES)  # what days are said for
RECOMPUTE = "sla"  # the kind of the job


@dataclass(frozen=True, slots=True)
class Terms:
    """What a scope's SLA says. See ``findings.sla.Clock`` for the shapes."""

    days: Mapping[str, int]
    stage_days: Mapping[str, Mapping[str, int]]
    counts: str
    warn_days: int
    time_zone: str
    working_days: Sequence[int]
    holidays: Sequence[str]

    @classmethod
    def of(cls, scope: Scope) -> "Terms":
        return cls(
            scope.sla_days, scope.sla_stage_days, scope.sla_counts, scope.sla_warn_days,
            scope.time_zone, scope.working_days, scope.holidays,
        )  # fmt: skip


def check_terms(terms: Terms) -> Terms:
    """Return the terms with holidays in order. Raises BadInput, naming the place and the limit."""
    _check_days("days", terms.days)
    for stage, days in terms.stage_days.items():
        if stage not in [status.value for status in OPEN]:
            raise BadInput("stage_days", f"{stage[:40]!r} is no open stage")
        _check_days(f"stage_days: {stage}", days)
    if terms.counts not in list(Counts):
        raise BadInput("counts", f"must be one of: {', '.join(Counts)}")
    if not 0 <= terms.warn_days <= MOST_WARN_DAYS:
        raise BadInput("warn_days", f"must be 0 to {MOST_WARN_DAYS}")
    if not terms.working_days or not set(terms.working_days) <= set(range(1, 8)):
        raise BadInput("working_days", "must be at least one of 1 (Monday) to 7 (Sunday)")
    _check_zone(terms.time_zone)
    holidays = sorted(set(map(_day, terms.holidays)))
    if len(holidays) > MOST_HOLIDAYS:
        raise BadInput("holidays", f"more than allowed ({len(holidays)} > {MOST_HOLIDAYS})")
    told = {"working_days": sorted(set(terms.working_days)), "holidays": holidays}
    return Terms(**{**asdict(terms), **told})


def _check_days(where: str, days: Mapping[str, int]) -> None:
    for name, number in days.items():
        if name not in RATINGS:
            raise BadInput(where, f"{name[:40]!r} is none of: {', '.join(RATINGS)}")
        if not 1 <= number <= MOST_DAYS:
            raise BadInput(f"{where}: {name}", f"must be 1 to {MOST_DAYS} days")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            "time_zone", f"{name[:60]!r} is no time zone, such as Europe/Berlin"
        ) from error


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise BadInput("holidays", f"{text[:40]!r} is no date, such as 2026-12-25") from error


@transaction.atomic
def set_sla(*, scope: Scope, terms: Terms, by: User, at: datetime) -> Scope:
    """Change a scope's SLA and calendar; due dates follow in a job. The event keeps both."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    told = check_terms(terms)
    scope = Scope.objects.select_for_update(no_key=True).get(pk=scope.pk)
    before = Terms.of(scope)
    if before == told:
        return scope
    scope.sla_days, scope.sla_stage_days = dict(told.days), dict(told.stage_days)
    scope.sla_counts, scope.sla_warn_days = told.counts, told.warn_days
    scope.time_zone, scope.working_days = told.time_zone, list(told.working_days)
    scope.holidays = list(told.holidays)
    scope.save(update_fields=["sla_days", "sla_stage_days", "sla_counts", "sla_warn_days",
                              "time_zone", "working_days", "holidays"])  # fmt: skip
    key = f"{RECOMPUTE}:{scope.pk}:{at.isoformat()}"  # each change is a job of its own
    enqueue(kind=RECOMPUTE, subject_id=scope.pk, at=at, key=key)
    append_event(
        scope_id=scope.pk, action="scope.sla_set", subject="scope", subject_id=scope.pk, by=by, at=at,
        data={"before": asdict(before), "after": asdict(told)},
    )  # fmt: skip
    return scope


def recompute_due(job: Job) -> None:
    """The job: all open findings of a scope are due by its SLA of now.

    Imports that may have read an older one are waited for; those that come read the new one.
    """
    with transaction.atomic():
        lock_assets(job.subject_id)
    set_due(Finding.objects.filter(scope=job.subject_id))
    finish(job, timezone.now())


def set_due(findings: QuerySet[Finding]) -> int:
    """Set when those of ``findings`` that are open are due; return how many changed."""
    changed, last = 0, 0
    rows = findings.filter(status__in=OPEN).order_by("pk").values_list("pk", flat=True)
    while ids := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        last = ids[-1]
        changed += _set_due(ids)
    return changed


@transaction.atomic
def _set_due(ids: Sequence[int]) -> int:
    """The same for few. They are locked before anything is read that they are due by: whoever
    changes it afterwards waits for them, and sets them anew."""
    rows = Finding.objects.filter(pk__in=bulk.listed(ids), status__in=OPEN).order_by("pk")
    part = list(
        rows.select_for_update(of=("self",), no_key=True).values_list(
            "pk", "scope_id", "severity", "priority_band", "first_seen_at", "clock_from", "due_at"
        )
    )
    scopes = Scope.objects.filter(pk__in={row[1] for row in part})
    clocks, pauses = {scope.pk: Clock.of(scope) for scope in scopes}, _pauses(ids)
    news = [
        (pk, bulk.moment(due))
        for pk, scope, severity, band, first, again, before in part
        for due in [_due(clocks[scope], severity, band, again or first, pauses.get(pk, ()))]
        if due != before
    ]
    bulk.update(Finding, ("due_at",), news)
    return len(news)


def _pauses(ids: Iterable[int]) -> dict[int, list[ClockPause]]:
    told: dict[int, list[ClockPause]] = defaultdict(list)
    for pause in ClockPause.objects.filter(finding__in=bulk.listed(ids)):
        told[pause.finding_id].append(pause)
    return told


def _due(
    clock: Clock, severity: str, band: str, since: datetime, pauses: Sequence[ClockPause]
) -> datetime | None:
    over = _over(pauses)
    return None if len(over) < len(pauses) else clock.due(severity, band, since, over)


def _over(pauses: Sequence[ClockPause]) -> list[Pause]:
    return [(pause.started_at, pause.ended_at) for pause in pauses if pause.ended_at is not None]


# --- pauses --------------------------------------------------------------------------------------
@transaction.atomic
def pause_clock(*, finding: Finding, party: str, reason: str, by: User, at: datetime) -> ClockPause:
    """Let the clock of an open finding stand still while ``party`` has to act. Raises WrongState."""
    check_may(by, Permission.TRIAGE, finding.scope_id)
    locked = _locked(finding)
    if locked.status not in OPEN:
        raise WrongState(f"The finding is {Status(locked.status).label}: no clock runs.")
    if locked.pauses.filter(ended_at__isnull=True).exists():
        raise WrongState("Its clock stands still already.")
    party = clean_text(party, 200).strip()
    if not party or "\n" in party:
        raise BadInput("party", "must name on one line whom it waits for")
    pause = ClockPause.objects.create(
        finding=locked, scope_id=locked.scope_id, party=party,
        reason=text_given("reason", reason), started_at=at, started_by=by,
    )  # fmt: skip
    Finding.objects.filter(pk=locked.pk).update(due_at=None)
    append_event(
        scope_id=locked.scope_id, action="finding.clock_paused", subject="finding",
        subject_id=locked.pk, by=by, at=at, data={"party": party, "reason": pause.reason},
    )  # fmt: skip
    return pause


@transaction.atomic
def resume_clock(*, pause: ClockPause, by: User, at: datetime) -> ClockPause:
    """End a pause: the due date moves by the time it took. Raises WrongState if it is over."""
    check_may(by, Permission.TRIAGE, pause.scope_id)
    locked = _locked(pause.finding)
    pause = locked.pauses.get(pk=pause.pk)
    if pause.ended_at is not None:
        raise WrongState("The pause is over already.")
    pause.ended_at, pause.ended_by = at, by
    pause.save(update_fields=["ended_at", "ended_by"])
    set_due(Finding.objects.filter(pk=locked.pk))
    append_event(
        scope_id=locked.scope_id, action="finding.clock_resumed", subject="finding",
        subject_id=locked.pk, by=by, at=at, data={"party": pause.party},
    )  # fmt: skip
    return pause


def _locked(finding: Finding) -> Finding:
    return Finding.objects.select_for_update(of=("self",), no_key=True).get(pk=finding.pk)


# --- telling what is late ------------------------------------------------------------------------
Late = tuple[int, int, Any]  # finding, scope, when it was or will be due


def tell_clocks(*, at: datetime) -> int:
    """Say once of each finding that it is due soon, late, late in its stage, or that its acceptance
    ends; one event for each scope and kind. Returns how many were told. For the beat."""
    told = 0
    for kind, late in (
        (Notice.OVERDUE, _overdue(at)),
        (Notice.DUE_SOON, _due_soon(at)),
        (Notice.STAGE_OVERDUE, _late_in_stage(at)),
        (Notice.ACCEPTANCE_ENDS, _ending(at)),
    ):
        told += _tell(kind, list(islice(late, MOST_TOLD)), at)
    return told


@transaction.atomic
def _tell(kind: Notice, late: Sequence[Late], at: datetime) -> int:
    rows = [
        ClockNotice(finding_id=pk, scope_id=scope, kind=kind.value, due_at=due, at=at)
        for pk, scope, due in late
    ]
    ClockNotice.objects.bulk_create(rows, batch_size=1000)
    by_scope: dict[int, list[int]] = defaultdict(list)
    for pk, scope, _ in late:
        by_scope[scope].append(pk)
    for scope, ids in sorted(by_scope.items()):
        sealed = hashlib.sha256(" ".join(map(str, sorted(ids))).encode()).hexdigest()
        append_event(
            scope_id=scope, action=f"sla.{kind}", subject="scope", subject_id=scope, by=None, at=at,
            data={"count": len(ids), "findings": ids[:NAMED], "sha256": sealed},
        )  # fmt: skip
    return len(rows)


def _untold(kind: Notice, due: Any) -> FindingQuerySet:
    """Findings in the queues of which it was not told."""
    told = ClockNotice.objects.filter(finding=OuterRef("pk"), kind=kind.value, due_at=due)
    return Finding.objects.filter(~Exists(told), set_aside=SetAside.NOT.value)


def _overdue(at: datetime) -> Iterable[Late]:
    rows = _untold(Notice.OVERDUE, OuterRef("due_at")).open().filter(due_at__lte=at)
    return rows.order_by("due_at", "pk").values_list("pk", "scope_id", "due_at")[:MOST_TOLD]


def _due_soon(at: datetime) -> Iterator[Late]:
    spans: dict[int, list[int]] = defaultdict(list)
    for pk, days in Scope.objects.filter(sla_warn_days__gt=0).values_list("pk", "sla_warn_days"):
        spans[days].append(pk)
    for days, scopes in sorted(spans.items()):
        rows = _untold(Notice.DUE_SOON, OuterRef("due_at")).open().filter(
            scope__in=scopes, due_at__gt=at, due_at__lte=at + timedelta(days=days)
        )  # fmt: skip
        yield from rows.order_by("due_at", "pk").values_list("pk", "scope_id", "due_at")[:MOST_TOLD]


def _late_in_stage(at: datetime) -> Iterator[Late]:
    """Findings that are in their stage for longer than the scope allows."""
    told = ClockNotice.objects.filter(
        finding=OuterRef("pk"), kind=Notice.STAGE_OVERDUE, due_at__gte=OuterRef("status_since")
    )
    paused = ClockPause.objects.filter(finding=OuterRef("pk"), ended_at__isnull=True)
    for scope in Scope.objects.exclude(sla_stage_days={}).order_by("pk"):
        clock = Clock.of(scope)
        over = Q(pk__in=())
        for stage, days in clock.stage_days.items():
            for name, number in days.items():
                rated = Q(severity=name) | Q(priority_band=name)
                over |= rated & Q(status=stage, status_since__lte=clock.latest_start(number, at))
        rows = Finding.objects.filter(
            over, ~Exists(told), ~Exists(paused), scope=scope, set_aside=""
        )
        for pk, stage, severity, band, since, pauses in _by_stage(rows):
            due = clock.stage_due(stage, severity, band, since, _over(pauses))
            if due is not None and due <= at:
                yield pk, scope.pk, due


def _by_stage(rows: QuerySet[Finding]) -> Iterator[tuple[Any, ...]]:
    """Findings with their pauses, part by part: those longest in their stage come first."""
    ordered = rows.order_by("status_since", "pk").values_list(
        "pk", "status", "severity", "priority_band", "status_since"
    )
    after = Q()
    while part := list(ordered.filter(after)[:AT_ONCE]):
        pauses = _pauses(row[0] for row in part)
        yield from ((*row, pauses.get(row[0], ())) for row in part)
        pk, *_, since = part[-1]
        after = Q(status_since__gt=since) | Q(status_since=since, pk__gt=pk)


def _ending(at: datetime) -> Iterator[Late]:
    """Accepted risks that end soon; each end is told of once."""
    accepted = RiskAcceptance.objects.filter(finding=OuterRef("pk"), approved_at__isnull=False)
    newest = accepted.order_by("-approved_at", "-pk").values("until")[:1]
    rows = Finding.objects.filter(status=Status.RISK_ACCEPTED).annotate(ends=Subquery(newest))
    rows = rows.filter(ends__lte=(at + BEFORE_ACCEPTANCE_ENDS).date())
    ends = [
        (pk, scope, datetime.combine(until, time(), UTC))
        for pk, scope, until in rows.order_by("pk").values_list("pk", "scope_id", F("ends"))
    ]
    kept = ClockNotice.objects.filter(
        finding__in=bulk.listed(pk for pk, _, _ in ends), kind=Notice.ACCEPTANCE_ENDS
    )
    told = set(kept.values_list("finding_id", "due_at"))
    yield from [row for row in ends if (row[0], row[2]) not in told][:MOST_TOLD]
