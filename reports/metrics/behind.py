"""The findings behind a frame's figures: what was open at its beginning or end, or moved in between.

First those that account for the change, then the rest of what is open; both by id.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core import bulk
from findings.statuses import Status
from reports.metrics.backlog import Bar
from reports.metrics.frame import OPEN_WORDS, Frame, Part, Sql, join, moment, rows_of, stream_of
from reports.models import Move
from reports.statuses import IS_OPEN, bar_of

COLUMNS = (
    "finding", "scope", "asset", "title", "severity", "priority_before", "priority", "score",
    "open_before", "status_at_end", "claimed", "causes", "first_seen_at", "due_at", "result_sha256",
)  # fmt: skip
CLAIMED = "claimed"


@dataclass(frozen=True, slots=True)
class Behind:
    """One finding behind the figures. ``causes``: bars, as often as it moved so, oldest first."""

    finding: int
    scope: int
    asset: int
    title: str
    severity: str
    priority_before: str  # at the beginning
    priority: str  # at the end
    score: int
    open_before: bool
    status: str  # at the end
    claimed: int  # first claims in the time
    causes: Sequence[str]
    first_seen_at: datetime
    due_at: datetime | None
    result_sha256: str

    @property
    def is_open(self) -> bool:
        return self.status in IS_OPEN

    def values(self) -> tuple[Any, ...]:
        """In the order of ``COLUMNS``, as text and numbers."""
        return (
            self.finding, self.scope, self.asset, self.title, self.severity, self.priority_before,
            self.priority, self.score, "yes" if self.open_before else "no", self.status, self.claimed,
            " ".join(self.causes), _told(self.first_seen_at), _told(self.due_at), self.result_sha256,
        )  # fmt: skip


def _told(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")


def behind(frame: Frame) -> Iterator[Behind]:
    """Yield them. Inside a transaction; no more than those that account for the change are held."""
    causes, claims = _causes(frame)
    moved = {*causes, *claims, *_first_seen(frame), *_rescored(frame)}
    yield from _read(frame, moved, causes, claims, with_moved=True)
    yield from _read(frame, moved, causes, claims, with_moved=False)


def _causes(frame: Frame) -> tuple[dict[int, list[str]], dict[int, int]]:
    rows = Move.objects.filter(
        scope__in=frame.scopes, at__gt=frame.since, at__lte=frame.until
    ).order_by("at", "pk")
    causes: dict[int, list[str]] = defaultdict(list)
    claims: dict[int, int] = defaultdict(int)
    told = rows.values_list("finding_id", "name", "source", "target", "claimed_at")
    for finding, name, source, target, claimed in told.iterator(chunk_size=10_000):
        bar = bar_of(name, source, target)
        if bar is not None:
            causes[finding].append(bar.value)
        if target == Status.AWAITING_VERIFICATION.value and claimed is None:
            claims[finding] += 1
    return causes, claims


def _first_seen(frame: Frame) -> Iterator[int]:
    sql = Sql(frame)
    within = Part("AND f.first_seen_at > %s AND f.first_seen_at <= %s",
                  (moment(frame.since), moment(frame.until)))  # fmt: skip
    rows = rows_of(join("SELECT f.id FROM findings_finding AS f WHERE", sql.of_findings, within))
    return (pk for (pk,) in rows)


def _rescored(frame: Frame) -> Iterator[int]:
    sql = Sql(frame)
    rows = rows_of(Part(
        f"SELECT DISTINCT finding_id FROM findings_prioritychange WHERE scope_id IN ({sql.marks})"  # noqa: S608
        " AND at > %s AND at <= %s AND from_band <> to_band",
        (*frame.scopes, moment(frame.since), moment(frame.until)),
    ))  # fmt: skip
    return (pk for (pk,) in rows)


def _read(
    frame: Frame,
    moved: set[int],
    causes: Mapping[int, Sequence[str]],
    claims: Mapping[int, int],
    *,
    with_moved: bool,
) -> Iterator[Behind]:
    for row in stream_of(_statement(frame, moved if with_moved else None)):
        pk, scope, asset, title, severity, was, band, score, before, now, first, due, digest = row
        if not with_moved and pk in moved:
            continue
        seen = _aware(first)
        was_open = before in IS_OPEN and seen <= frame.since
        told = list(causes.get(pk, ()))
        if frame.since < seen <= frame.until:
            told.insert(0, Bar.NEW.value)
        elif was_open and was != band:
            told.insert(0, Bar.RESCORED.value)
        yield Behind(
            pk, scope, asset, title, severity, was, band, score, was_open, now,
            claims.get(pk, 0), told, seen, _aware(due) if due else None, digest,
        )  # fmt: skip


def _aware(value: Any) -> datetime:
    """A moment as the database tells it to who asks it directly."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _statement(frame: Frame, only: set[int] | None) -> Part:
    """Those of ``only``; None: what is open at the end of the frame."""
    sql = Sql(frame)
    now = "COALESCE(after.state, f.status)"
    band = "COALESCE(weighed.band, f.priority_band)"
    some = Part(f"AND {now} IN ({OPEN_WORDS})")
    if only is not None:
        text, values = bulk.listed(sorted(only)).as_sql(None, None)  # type: ignore[arg-type]
        some = Part(f"AND f.id IN {text}", values)
    return join(
        "WITH", sql.later("earlier", frame.since), ",", sql.later("after", frame.until), ",",
        sql.weighed("was", frame.since), ",", sql.weighed("weighed", frame.until),
        "SELECT f.id, f.scope_id, f.asset_id, f.title, f.severity, COALESCE(was.band, f.priority_band),",
        f"{band}, f.priority_score, COALESCE(earlier.state, f.status), {now}, f.first_seen_at, f.due_at,",
        "f.original_sha256 FROM findings_finding AS f",
        "LEFT JOIN earlier ON earlier.finding_id = f.id LEFT JOIN after ON after.finding_id = f.id",
        "LEFT JOIN was ON was.finding_id = f.id LEFT JOIN weighed ON weighed.finding_id = f.id",
        "WHERE", sql.of_findings, Part("AND f.first_seen_at <= %s", (moment(frame.until),)), some,
        "ORDER BY f.id",
    )  # fmt: skip
