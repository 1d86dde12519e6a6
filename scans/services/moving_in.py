"""Moving in from another tracker: open findings with what people decided there; closures become history.

Findings are matched as those of a scan are, against the series of their tool on the line, so that the
next real scan finds them again. All of a file or nothing; the same file twice changes nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from core import bulk
from core.errors import BadInput, TooLarge
from core.events import append_event
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from findings.models import Finding, Series
from findings.services import moving_in as findings_in
from findings.services.moving_in import Brought, NewFinding, Request
from findings.statuses import KeySource
from gate import catalogue
from gate.errors import InputError
from gate.formats.content import Content
from gate.records import Run
from scans.history import HistorySource
from scans.ingest.plan import Known, Plan, plan
from scans.ingest.records import seal
from scans.ingest.runs import MAX_CATEGORY, MAX_TOOL
from scans.models import Tool
from scans.moving_in.github import DEPENDABOT, SECRETS
from scans.moving_in.reading import bad_input
from scans.moving_in.rows import Asked, Note, OpenRow
from scans.services.history import Imported, keep_closures, read_export
from scans.statuses import ToolClass
from scopes.access import check_may
from scopes.models import Asset, Line, Scope

NAMES = {
    HistorySource.DEFECTDOJO: "DefectDojo",
    HistorySource.GITHUB: "GitHub",
    HistorySource.CSV: "a table",
}
CLASSES = {DEPENDABOT: ToolClass.SCA, SECRETS: ToolClass.SECRETS}  # that no catalogue has
MOST_BY_DOOR = 20_000  # rows of a file that is read while somebody waits


@dataclass
class MovedIn:
    """What moving in did, or with ``dry_run`` would do."""

    dry_run: bool
    rows: int = 0
    new: int = 0
    matched: int = 0  # findings that scans had found already
    known: int = 0  # that came from there before
    counts: Counter[str] = field(default_factory=Counter)  # keys, notes, dismissals, ...
    tools: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    history: Imported | None = None

    @property
    def changes(self) -> int:
        """How many rows were written."""
        told = self.history.new + self.history.changed if self.history else 0
        return self.new + sum(self.counts.values()) + told


def move_in(
    *,
    line: Line,
    source: HistorySource,
    name: str,
    content: Content,
    by: User,
    at: datetime,
    columns: Mapping[str, str] | None = None,
    tool: str = "",
    category: str = "",
    dry_run: bool = False,
    most_rows: int | None = None,
) -> MovedIn:
    """Take over what a file of another tracker says of one line of an asset.

    ``tool``: of all findings, where the file does not say; ``category``: that of the scans to come.
    Requests are made by ``by``, a person or service. Raises NotAllowed for who does not administer the
    scope; BadInput and TooLarge, which name the file, the row and the limit.
    """
    check_may(by, Permission.ADMINISTER, line.scope_id)
    tool, category = clean_text(tool, MAX_TOOL), clean_text(category, MAX_CATEGORY)
    try:
        export = read_export(source, name, content, at=at, columns=columns, tool=tool)
    except InputError as error:
        raise bad_input(error) from error
    number = len(export.open) + len(export.closed)
    if most_rows is not None and number > most_rows:
        raise TooLarge(name, f"more rows than are read here ({number} > {most_rows}): "
                             "use manage.py move_in")  # fmt: skip
    with transaction.atomic():
        Scope.objects.select_for_update(no_key=True).get(pk=line.scope_id)  # before any asset
        asset = Asset.objects.select_for_update(no_key=True).get(pk=line.asset_id)
        told = MovedIn(dry_run, rows=number, skipped=export.skipped, problems=export.problems)
        for own_tool, rows in _by_tool(export.open).items():
            _Move(line, source, own_tool, category, by, at).do(rows, told)
        told.history = keep_closures(
            scope=line.scope, source=source, export=export, by=by, at=at, asset=asset
        )
        if dry_run:
            transaction.set_rollback(True)  # counted as it would be, to the last row
        elif told.changes:
            _tell(line, source, told, _digest(export.open), by, at)
    return told


def _by_tool(rows: Sequence[OpenRow]) -> dict[str, list[OpenRow]]:
    """What each tool found. Of rows with one key the last counts, as a later page of an export."""
    found: dict[str, list[OpenRow]] = {}
    for row in {row.key: row for row in rows}.values():
        found.setdefault(clean_text(row.result.tool, MAX_TOOL), []).append(row)
    return dict(sorted(found.items()))


def _digest(rows: Sequence[OpenRow]) -> str:
    """SHA-256 over the keys that came, so that the one event seals what was taken over."""
    return hashlib.sha256("\n".join(sorted(row.key for row in rows)).encode()).hexdigest()


def _tell(
    line: Line, source: HistorySource, told: MovedIn, sha256: str, by: User, at: datetime
) -> None:
    append_event(
        scope_id=line.scope_id, action="scope.moved_in", subject="scope", subject_id=line.scope_id,
        by=by, at=at,
        data={"source": source.value, "asset": line.asset_id, "line": line.pk, "rows": told.rows,
              "new": told.new, "matched": told.matched, "known": told.known,
              "counts": {name: n for name, n in told.counts.items() if n}, "keys_sha256": sha256},
    )  # fmt: skip


@dataclass
class _Move:
    """The rows of one tool."""

    line: Line
    source: HistorySource
    tool: str
    category: str
    by: User
    at: datetime

    @property
    def where(self) -> str:
        return NAMES[self.source]

    def do(self, rows: Sequence[OpenRow], told: MovedIn) -> None:
        series, _ = Series.objects.get_or_create(
            line=self.line, tool=self.tool, category=self.category,
            defaults={"scope_id": self.line.scope_id, "asset_id": self.line.asset_id,
                      "last_at": self.at},
        )  # fmt: skip
        told.tools[self.tool] = len(rows)
        keys = findings_in.known_keys(self.line.pk, self._key_source, (row.key for row in rows))
        came = [row for row in rows if row.key not in keys]
        planned = self._planned(series, came, set(keys.values()))
        row_of = {id(row.result): row for row in came}
        seen = [(one.known.pk, row_of[id(one.result)]) for one in planned.seen]
        new = [row_of[id(result)] for result, _ in planned.new]
        ids = findings_in.create(
            series, self.line.scope, self._tool_class(),
            [self._new(row, spot) for row, (_, spot) in zip(new, planned.new, strict=True)],
            at=self.at,
        )  # fmt: skip
        findings_in.set_first_seen((pk, row.first_seen) for pk, row in seen if row.first_seen)
        again = [(keys[row.key], row) for row in rows if row.key in keys]
        brought = [
            *(self._brought(pk, row, is_new=True) for pk, row in zip(ids, new, strict=True)),
            *(self._brought(pk, row) for pk, row in seen),
            *(self._brought(pk, row, is_known=True) for pk, row in again),
        ]
        told.counts += findings_in.bring(self.line.scope, brought, by=self.by, at=self.at)
        findings_in.follow_rules(self.line.scope, ids, at=self.at)
        told.new, told.matched = told.new + len(new), told.matched + len(seen)
        told.known += len(again)

    @property
    def _key_source(self) -> KeySource:
        return KeySource(self.source.value)

    def _planned(self, series: Series, rows: Sequence[OpenRow], without: Collection[int]) -> Plan:
        """Rows against the findings of the series, as a report would be that says nothing of absence."""
        run = Run(pointer="", tool=self.tool, results=tuple(row.result for row in rows))
        return plan(run, [k for k in _known(series) if k.pk not in without], _stored, scope=None)

    def _tool_class(self) -> str:
        row = catalogue.tool(self.tool)
        told = CLASSES.get(self.tool) or (row.tool_class if row else "") or ToolClass.SAST
        tool, _ = Tool.objects.get_or_create(name=self.tool, defaults={"tool_class": str(told)})
        return tool.tool_class

    def _new(self, row: OpenRow, spot: str) -> NewFinding:
        sealed, place = seal(row.result), row.result.location
        return NewFinding(
            rule=clean_text(row.result.rule, 300), title=clean_text(row.title, 300),
            cwes=row.result.cwes, level=row.result.level.value,
            security_severity=row.result.security_severity, cvss=clean_text(row.cvss, 200),
            decided_severity=row.severity if row.is_decided else "",
            original=sealed.pointed(row.result.pointer), original_sha256=sealed.sha256,
            digest=sealed.digest, spot=spot, path=clean_text(place.path or "", 1000), line=place.line,
            first_seen_at=row.first_seen or self.at, seen_until=row.last_seen or row.first_seen or self.at,
        )  # fmt: skip

    def _brought(
        self, pk: int, row: OpenRow, *, is_new: bool = False, is_known: bool = False
    ) -> Brought:
        """What comes along. Of what came before only keys and notes: decisions are made once."""
        keys = [(self._key_source, row.key, row.url)]
        keys += [(KeySource.TICKET, ticket.key, ticket.url) for ticket in row.tickets]
        notes = [self._said(note) for note in row.notes]
        if is_known:
            return Brought(pk, tuple(keys), tuple(notes))
        request, over = self._request(row)
        if over:
            notes.append((over, self.at))
        severity = None
        if is_new and row.is_decided:
            why = row.decided_because or "no reason is told"
            severity = row.severity, f"Decided in {self.where}: {why}"[:5000]
        return Brought(pk, tuple(keys), tuple(notes), request, severity)

    def _said(self, note: Note) -> tuple[str, datetime]:
        when = f", {note.at:%Y-%m-%d}" if note.at else ""
        who = f", by {note.by}" if note.by else ""
        return f"From {self.where}{who}{when}:\n\n{note.text}", note.at or self.at

    def _request(self, row: OpenRow) -> tuple[Request | None, str]:
        """The request for what was decided there; or, of what is over, the words for a note."""
        decision = row.decision
        if decision.what is Asked.NOTHING:
            return None, ""
        who = f" by {decision.by}" if decision.by else ""
        why = f": {decision.reason}" if decision.reason else ", without a reason"
        if decision.what is Asked.FALSE_POSITIVE:
            return Request(f"Dismissed in {self.where}{who}{why}"), ""
        told = f"The risk was accepted in {self.where}{who}{why}"
        until = findings_in.last_day(decision.until, self.at)
        if until is None:
            return None, f"{told}. That ended on {decision.until}."
        end = "" if decision.until else ". It had no end there."
        return Request(f"{told}{end}", until), ""


def _known(series: Series) -> list[Known]:
    rows = Finding.objects.filter(series=series).order_by("pk").values_list(
        "pk", "spot", "seen_digest", "presence", "status", "path", "start_line"
    )  # fmt: skip
    return [Known(*row) for row in rows.iterator(chunk_size=10_000)]


def _stored(ids: Collection[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = Finding.objects.filter(pk__in=bulk.listed(ids)).values_list("pk", "current", "original")
    for pk, current, original in rows.iterator():
        yield pk, current or original


def line_named(asset: Asset, name: str) -> Line:
    """The line of this name, or the default one for no name. Raises BadInput."""
    rows = asset.lines.select_related("scope", "asset")
    line = rows.filter(name=name).first() if name else rows.filter(kind="default").first()
    if line is None:
        raise BadInput("line", f"{asset.name} has no line {name[:200]!r}")
    return line
