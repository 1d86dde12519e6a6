"""The findings behind one figure of now, as rows that a list shows."""

from django.db.models.expressions import RawSQL

from core.errors import BadInput
from findings.models import Finding, FindingQuerySet, PriorityChange
from reports.metrics.frame import OPEN_WORDS, Frame, Part, Sql, join, moment
from reports.models import Move
from reports.statuses import Bar, bar_of

OPENING, CLOSING, CLAIMED = "opening", "closing", "claimed"
ASKED = (OPENING, CLOSING, CLAIMED, *(bar.value for bar in Bar))


def findings_behind(frame: Frame, what: str) -> FindingQuerySet:
    """Findings of a frame that ``what`` (of ``ASKED``) counts; each is there once. Raises BadInput."""
    if what not in ASKED:
        raise BadInput("bar", f"{what[:40]!r} is none of: {', '.join(ASKED)}")
    rows = Finding.objects.in_scopes(frame.scopes)
    if what in (OPENING, CLOSING):
        return rows.filter(pk__in=_open_at(frame, opening=what == OPENING))
    if what == Bar.NEW:
        return rows.filter(first_seen_at__gt=frame.since, first_seen_at__lte=frame.until)
    if what == Bar.RESCORED:
        changed = PriorityChange.objects.filter(
            scope__in=frame.scopes, at__gt=frame.since, at__lte=frame.until
        )
        return rows.filter(pk__in=changed.values("finding_id"))
    moves = Move.objects.filter(scope__in=frame.scopes, at__gt=frame.since, at__lte=frame.until)
    if what == CLAIMED:
        moves = moves.filter(target="awaiting_verification", claimed_at__isnull=True)
        return rows.filter(pk__in=moves.values("finding_id"))
    kinds = moves.order_by().values_list("name", "source", "target").distinct()
    wanted = [kind for kind in kinds if bar_of(*kind) == what]
    found = moves.none()
    for name, source, target in wanted:
        found |= moves.filter(name=name, source=source, target=target)
    return rows.filter(pk__in=found.values("finding_id"))


def _open_at(frame: Frame, *, opening: bool) -> RawSQL:
    at = frame.since if opening else frame.until
    sql = Sql(frame)
    part = join(
        "WITH", sql.later("later", at),
        "SELECT f.id FROM findings_finding AS f LEFT JOIN later AS l ON l.finding_id = f.id WHERE",
        sql.of_findings, Part("AND f.first_seen_at <= %s", (moment(at),)),
        f"AND COALESCE(l.state, f.status) IN ({OPEN_WORDS})",
    )  # fmt: skip
    return RawSQL(part.sql, tuple(part.values))  # noqa: S611 - our own words; values are parameters
