"""The article's question: of the last N findings that were closed, was the fix scanned before it merged?

Reads only. What the server saw itself counts: when a report arrived, or when our own runner ran. A
time that somebody declared proves nothing; where only such a time says "before", it is unknown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from core.models import User
from findings.models import Finding
from gate.strict import moment
from remediations.models import Remediation
from remediations.statuses import Origin
from scans.history import ClosedHow, HistoricClosure, Scanned
from scans.models import Clearance, Scan
from scans.statuses import Purpose
from scopes.models import Scope

HERE = "here"  # the source of what was proven in this product
MOST_ASKED = 100  # lines of one answer
ORIGINS = {  # what ``origin=`` may ask for
    "ai": (Origin.AI_ASSISTED, Origin.AI_GENERATED),
    **{origin.value: (origin,) for origin in Origin},
}


class History(StrEnum):
    """Whether closures that were told from elsewhere are part of the answer."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class LastClosed:
    """The answer for one finding, with the scan that it rests on."""

    finding: Finding
    remediation: Remediation
    clearance: Clearance
    scanned_before_merge: Scanned
    scan: Scan | None
    reason: str


def last_closed(findings: QuerySet[Finding], *, n: int, origin: str = "") -> list[LastClosed]:
    """Answer for the ``n`` of ``findings`` that were proven last; ``origin``: a key of ORIGINS.

    Four queries, whatever ``n`` is.
    """
    clearances = Clearance.objects.filter(live=True, finding__in=findings).select_related(
        "finding__scope", "remediation"
    )
    if origin:
        clearances = clearances.filter(remediation__origin__in=ORIGINS[origin])
    rows = list(clearances.order_by("-issued_at", "-pk")[:n])
    scans = _scans_of([row.remediation for row in rows])
    return [_answer(row, scans.get(row.remediation_id, [])) for row in rows]


def _scans_of(fixes: Sequence[Remediation]) -> dict[int, list[Scan]]:
    """Scans of the fixed content by fix, oldest first: linked to it, or of the line it merged to."""
    columns = ("id", "asset_id", "line_id", "remediation_id", "purpose", "commit", "tree", "facts",
               "source", "tool", "created_at")  # fmt: skip
    wanted = Q(remediation__in=[fix.pk for fix in fixes], purpose=Purpose.FIX) | Q(
        line__in={fix.line_id for fix in fixes},
        commit__in={fix.merge_commit for fix in fixes} - {""},
    )
    scans = list(Scan.objects.done().filter(wanted).only(*columns).order_by("pk"))
    return {fix.pk: [scan for scan in scans if _is_of_fix(scan, fix)] for fix in fixes}


def _is_of_fix(scan: Scan, fix: Remediation) -> bool:
    linked = scan.remediation_id == fix.pk or scan.line_id == fix.line_id
    commits = {fix.head_commit, fix.merge_commit} - {""}
    trees = {fix.head_tree, fix.merge_tree} - {""}
    return linked and (scan.commit in commits or scan.tree in trees)


def _answer(clearance: Clearance, scans: Iterable[Scan]) -> LastClosed:
    fix = clearance.remediation
    first = next(iter(scans), None)
    scanned, reason = _judge(first, fix.merged_at)
    return LastClosed(clearance.finding, fix, clearance, scanned, first, reason)


def _judge(first: Scan | None, merged_at: datetime | None) -> tuple[Scanned, str]:
    if first is None or merged_at is None:
        return Scanned.UNKNOWN, "No scan of exactly the fixed content is linked to the fix."
    if first.created_at <= merged_at:
        return Scanned.BEFORE, f"{first} was here before the fix merged."
    said = moment(str(first.facts.get("finished_at", "")))
    if said is not None and said <= merged_at:
        return (
            Scanned.UNKNOWN,
            f"{first} came after the merge; that it was made before is only declared.",
        )
    return Scanned.AFTER, f"{first}, the first of the fix, came after the merge."


# --- with what was closed elsewhere ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Closed:
    """One line of the answer. ``source``: here (proven by the gate), or where a closure was told.

    What was told is a claim: it has no finding, no certificate and no scan of ours. ``before_adoption``:
    closed before the scope's adoption date, and so counted apart as well.
    """

    source: str
    reference: str
    title: str
    scope: Scope
    closed_at: datetime
    origin: str
    agent: str
    merged_at: datetime | None
    scanned_before_merge: Scanned
    reason: str
    links: tuple[str, ...] = ()
    finding: Finding | None = None
    remediation: Remediation | None = None
    clearance: Clearance | None = None
    scan: Scan | None = None

    @property
    def before_adoption(self) -> bool:
        return self.closed_at.date() < self.scope.adopted_on

    @property
    def verified_at(self) -> datetime | None:
        return self.finding.verified_at if self.finding else None


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer, newest closure first: the same by page, API and command."""

    n: int
    origin: str
    history: History
    rows: tuple[Closed, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each answer was given."""
        given = Counter(row.scanned_before_merge.value for row in self.rows)
        return {answer.value: given[answer.value] for answer in Scanned}

    @property
    def told(self) -> int:
        """How many of the lines were told from elsewhere."""
        return sum(row.source != HERE for row in self.rows)


def answer_last_closed(
    user: User | AnonymousUser,
    *,
    n: int,
    origin: str = "",
    scopes: Iterable[int] | None = None,
    history: History = History.EXCLUDE,
) -> Answer:
    """Answer for what ``user`` may see, of ``scopes`` (ids) where they are given; five queries at most."""
    visible = Scope.objects.visible_to(user)
    return last_closed_of(
        visible if scopes is None else visible.filter(pk__in=list(scopes)),
        n=n, origin=origin, history=history,
    )  # fmt: skip


def last_closed_of(
    scopes: QuerySet[Scope], *, n: int, origin: str = "", history: History = History.EXCLUDE
) -> Answer:
    """The same for all of ``scopes``, whoever asks: for the command, which an operator runs."""
    rows: list[Closed] = []
    if history is not History.ONLY:
        found = last_closed(Finding.objects.filter(scope__in=scopes), n=n, origin=origin)
        rows += [_of_here(row) for row in found]
    if history is not History.EXCLUDE:
        rows += _told_elsewhere(scopes, n, origin)
    rows.sort(key=lambda row: row.closed_at, reverse=True)
    return Answer(n, origin, history, tuple(islice(rows, n)))


def _of_here(row: LastClosed) -> Closed:
    return Closed(
        source=HERE, reference=str(row.finding), title=row.finding.title, scope=row.finding.scope,
        closed_at=row.clearance.issued_at, origin=row.remediation.origin,
        agent=row.remediation.agent, merged_at=row.remediation.merged_at,
        scanned_before_merge=row.scanned_before_merge, reason=row.reason, finding=row.finding,
        remediation=row.remediation, clearance=row.clearance, scan=row.scan,
    )  # fmt: skip


def _told_elsewhere(scopes: QuerySet[Scope], n: int, origin: str) -> list[Closed]:
    """What was fixed elsewhere. What was dismissed there had no fix to be scanned."""
    rows = HistoricClosure.objects.filter(scope__in=scopes, how=ClosedHow.FIXED)
    if origin:
        rows = rows.filter(origin__in=ORIGINS[origin])
    return [
        Closed(
            source=row.source, reference=row.key, title=row.title, scope=row.scope,
            closed_at=row.closed_at, origin=row.origin, agent=row.agent, merged_at=row.merged_at,
            scanned_before_merge=Scanned(row.scanned), reason=row.evidence, links=tuple(row.links),
        )
        for row in rows.select_related("scope").order_by("-closed_at", "-pk")[:n]
    ]  # fmt: skip
