"""Writing what comes along with findings that move in: keys, notes, requests. A fixed number of statements.

What people decided elsewhere is a request here, made by who imports it and confirmed by nobody: the
name of the one there is text. Nothing is accepted, dismissed or closed by moving in.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db.models import Exists, OuterRef

from core import bulk
from core.models import User
from core.text import clean_text
from findings.discovery import rules_in_force
from findings.guards import UNDECIDED
from findings.lifecycle import create_findings
from findings.models import (
    Comment,
    Dismissal,
    ExternalKey,
    Finding,
    RiskAcceptance,
    Series,
    SeverityDecision,
)
from findings.scoring import Scored, Weigher
from findings.services.applying import settle
from findings.services.clocks import set_due
from findings.services.exploits import exploits, keep_cves
from findings.services.reading import tags_of_assets
from findings.services.rescoring import weights_of
from findings.services.sums import keep_sums
from findings.services.words import MAX_TEXT
from findings.sla import Clock
from findings.statuses import OPEN, KeySource, Presence
from gate.cvss import cves_in
from scopes.models import Scope
from scopes.services.ownership import owners_of

DAYS_WITHOUT_END = 90  # asked for where an accepted risk had no end there
AT_ONCE = 5000  # rows of one statement
CREATED = (
    "id", "scope", "asset", "line", "series", "tool", "tool_class", "category", "rule", "title", "cwes",
    "level", "security_severity", "cvss", "severity", "decided_severity", "original",
    "original_sha256", "path", "start_line", "spot", "seen_digest", "presence", "first_seen_at",
    "seen_until", "due_at", "owned_by", "priority", "priority_score", "priority_band", "ssvc",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A finding that no scan here has seen. ``original``: the result as JSON text, with its digests."""

    rule: str
    title: str
    cwes: tuple[str, ...]
    level: str
    security_severity: float | None
    cvss: str
    decided_severity: str
    original: str
    original_sha256: str
    digest: str
    spot: str
    path: str
    line: int | None
    first_seen_at: datetime
    seen_until: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """What people decided there. ``until`` None: a dismissal; else an accepted risk and its last day."""

    reason: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """What comes along with one finding. ``keys``: (source, key, url); ``notes``: (text, when)."""

    finding: int
    keys: tuple[tuple[KeySource, str, str], ...] = ()
    notes: tuple[tuple[str, datetime], ...] = ()
    request: Request | None = None
    severity: tuple[str, str] | None = None  # decided there: severity, reason


def create(
    series: Series, scope: Scope, tool_class: str, rows: Sequence[NewFinding], *, at: datetime
) -> Sequence[int]:
    """Add findings of a series, prioritized; their ids in the order of ``rows``.

    No scan has seen them: their presence is unknown until the next one of the series. What people decided
    of them there comes next (``bring``), then the scope's rules (``follow_rules``).
    """
    scope = Scope.objects.select_related("priority_policy").get(pk=scope.pk)  # as it is by now
    ids = bulk.new_ids(Finding, len(rows))
    clock, named = Clock.of(scope), [cves_in([row.rule]) for row in rows]
    known = exploits({cve for cves in named for cve in cves})
    owner = owners_of(series.asset)
    weigher = Weigher(exposure=scope.exposure, criticality=scope.criticality, by=weights_of(scope))
    place = (scope.pk, series.asset_id, series.line_id, series.pk, series.tool, tool_class,
             series.category)  # fmt: skip

    ratings = [
        weigher.of(
            level=row.level, security_severity=row.security_severity, cvss=row.cvss,
            decided=row.decided_severity, exploited=known.of(cves),
        )
        for row, cves in zip(rows, named, strict=True)
    ]  # fmt: skip

    def values(pk: int, row: NewFinding, rated: Scored) -> Sequence[Any]:
        due = clock.due(rated.severity, rated.band, row.first_seen_at)
        return (
            pk, *place, row.rule, row.title, _listed(row.cwes), row.level, row.security_severity,
            row.cvss, rated.severity, row.decided_severity, row.original, row.original_sha256, row.path,
            row.line, row.spot, row.digest, Presence.UNKNOWN.value, bulk.moment(row.first_seen_at),
            bulk.moment(row.seen_until), bulk.moment(due), owner(row.path),
            rated.sum_id.hex, rated.score, rated.band, rated.ssvc,
        )  # fmt: skip

    keep_sums(ratings)
    told = (values(*row) for row in zip(ids, rows, ratings, strict=True))
    create_findings(CREATED, told, name="prioritize", at=at)
    keep_cves((pk, scope.pk, cves) for pk, cves in zip(ids, named, strict=True) if cves)
    return ids


def follow_rules(scope: Scope, findings: Iterable[int], *, at: datetime) -> None:
    """Do to new findings what the scope's rules say, but where people decided: after ``bring``."""
    if rules := rules_in_force(scope.pk, at):
        rows = Finding.objects.filter(pk__in=bulk.listed(findings))
        settle(rows, rules, tags_of_assets(scope.pk), at=at)


@lru_cache(maxsize=1024)
def _listed(cwes: tuple[str, ...]) -> str:
    return json.dumps(cwes)


def set_first_seen(rows: Iterable[tuple[int, datetime]]) -> int:
    """Findings that somebody saw before we did: earlier only. Due dates follow. Returns how many."""
    wanted = dict(rows)
    known = Finding.objects.filter(pk__in=bulk.listed(wanted)).values_list("pk", "first_seen_at")
    earlier = [(pk, bulk.moment(wanted[pk])) for pk, first in known if wanted[pk] < first]
    bulk.update(Finding, ("first_seen_at",), earlier)
    if earlier:
        set_due(Finding.objects.filter(pk__in=bulk.listed([pk for pk, _ in earlier])))
    return len(earlier)


def bring(scope: Scope, rows: Sequence[Brought], *, by: User, at: datetime) -> Counter[str]:
    """Write keys, notes, requests and decided severities; what is there already is left. Counts of what is new."""
    counts: Counter[str] = Counter()
    counts["keys"] = _keep_keys(scope, rows)
    counts["notes"] = _keep_notes(rows, by)
    counts += _ask(rows, by, at)
    decided = [row for row in rows if row.severity]
    SeverityDecision.objects.bulk_create(
        [
            SeverityDecision(finding_id=row.finding, scope_id=scope.pk, severity=row.severity[0],
                             reason=row.severity[1], at=at, by=by)
            for row in decided if row.severity
        ], batch_size=AT_ONCE,
    )  # fmt: skip
    counts["severities"] = len(decided)
    return counts


def _keep_keys(scope: Scope, rows: Sequence[Brought]) -> int:
    ids = {row.finding for row in rows if row.keys}
    known = {
        (row.finding_id, row.source, row.key): row
        for row in ExternalKey.objects.filter(finding__in=bulk.listed(ids))
    }
    told = {
        (row.finding, source.value, clean_text(key, 300)): url
        for row in rows for source, key, url in row.keys
    }  # fmt: skip
    new = [(*key, url) for key, url in told.items() if key not in known]
    bulk.insert(
        ExternalKey, ("finding", "scope", "source", "key", "url"),
        ((finding, scope.pk, source, key, url) for finding, source, key, url in new),
    )  # fmt: skip
    moved = [
        (known[key].pk, url) for key, url in told.items()
        if key in known and url and known[key].url != url
    ]  # fmt: skip
    bulk.update(ExternalKey, ("url",), moved)
    return len(new) + len(moved)


def _keep_notes(rows: Sequence[Brought], by: User) -> int:
    """Add what no comment says yet, word for word."""
    told = {
        (row.finding, _sealed(body)): (body, when)
        for row in rows for text, when in row.notes
        for body in [clean_text(text, MAX_TEXT)]
    }  # fmt: skip
    ids = {finding for finding, _ in told}
    there = Comment.objects.filter(finding__in=bulk.listed(ids)).values_list("finding_id", "body")
    known = {(finding, _sealed(body)) for finding, body in there.iterator()}
    new = [(key[0], *said) for key, said in told.items() if key not in known]
    bulk.insert(
        Comment, ("finding", "body", "at", "by"),
        ((finding, body, bulk.moment(when), by.pk) for finding, body, when in new),
    )  # fmt: skip
    return len(new)


def _sealed(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _ask(rows: Sequence[Brought], by: User, at: datetime) -> Counter[str]:
    """Requests for findings that are open, and that nobody asks about already."""
    wanted = {row.finding: row.request for row in rows if row.request}
    asked = (
        m.objects.filter(UNDECIDED, finding=OuterRef("pk")) for m in (Dismissal, RiskAcceptance)
    )
    free = Finding.objects.filter(
        *(~Exists(rows) for rows in asked), pk__in=bulk.listed(wanted), status__in=OPEN
    )
    open_ones = [(pk, wanted[pk]) for pk in free.order_by("pk").values_list("pk", flat=True)]
    dismissals = [(pk, one) for pk, one in open_ones if one.until is None]
    risks = [(pk, one, one.until) for pk, one in open_ones if one.until is not None]
    moment = bulk.moment(at)
    for model, names, values in (
        (Dismissal, (), ((pk, one.reason, moment, by.pk, False) for pk, one in dismissals)),
        (RiskAcceptance, ("until",),
         ((pk, one.reason, moment, by.pk, False, until) for pk, one, until in risks)),
    ):  # fmt: skip
        columns = ("finding", "reason", "requested_at", "requested_by", "alone", *names)
        bulk.insert(model, columns, values)
    return Counter(dismissals=len(dismissals), acceptances=len(risks))


def last_day(until: date | None, at: datetime) -> date | None:
    """The last day to ask for: as it was there, some days where there was none; None: it is over."""
    today = at.astimezone(UTC).date()
    if until is None:
        return today + timedelta(days=DAYS_WITHOUT_END)
    return until if until > today else None


def known_keys(line_id: int, source: KeySource, keys: Iterable[str]) -> dict[str, int]:
    """Key → finding, of those of a line that came from there before."""
    found: dict[str, int] = {}
    rest = iter(keys)
    while part := list(islice(rest, AT_ONCE)):
        rows = ExternalKey.objects.filter(finding__line=line_id, source=source.value, key__in=part)
        found |= dict(rows.values_list("key", "finding_id"))
    return found
