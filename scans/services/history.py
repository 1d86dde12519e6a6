"""Taking in closures from elsewhere, for the question whether fixes were scanned. Nobody's findings here."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import BadInput
from core.events import append_event
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from gate.errors import InputError
from gate.formats.content import Content
from scans.history import ClosedHow, HistoricClosure, HistorySource
from scans.moving_in import defectdojo, github, tables
from scans.moving_in.reading import Reader, bad_input
from scans.moving_in.rows import ClosedRow, Export
from scopes.access import check_may
from scopes.models import Asset, Scope

FIELDS = (
    "asset_id", "asset_name", "url", "tool", "rule", "title", "severity", "closed_at", "how", "reason",
    "fix_url", "fix_commit", "merged_at", "origin", "agent", "scanned", "evidence", "links",
)  # fmt: skip
AT_ONCE = 2000  # rows of one statement
EVIDENCE: tuple[str, ...] = (
    "merged_at", "scanned", "evidence", "links", "origin", "agent", "fix_url",
)  # fmt: skip
WHOSE = ("asset_id", "asset_name")


@dataclass(frozen=True, slots=True)
class Files:
    """What was exported, each with its name: closures, and for GitHub what tells of their fixes."""

    closed: tuple[str, Content]
    pulls: tuple[str, Content] | None = None
    analyses: tuple[str, Content] | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or with ``dry_run`` would do."""

    dry_run: bool
    new: int
    changed: int
    unchanged: int
    open: int  # rows that are open there: no history
    skipped: Mapping[str, int]
    scanned: Mapping[str, int]  # answer → how many of what was fixed
    problems: tuple[str, ...]


def read_history(
    source: HistorySource, files: Files, *, at: datetime,
    columns: Mapping[str, str] | None = None, tool: str = "",
) -> Export:  # fmt: skip
    """Read an export. Raises BadInput that names the file, the row and the limit."""
    try:
        export = read_export(source, *files.closed, at=at, columns=columns, tool=tool)
        if source is HistorySource.GITHUB:
            pulls = _read(files.pulls, github.read_pulls, at)
            analyses = _read(files.analyses, github.read_analyses, at)
            return github.with_evidence(export, pulls or [], analyses)
    except InputError as error:
        raise bad_input(error) from error
    return export


def read_export(
    source: HistorySource, name: str, content: Content, *, at: datetime,
    columns: Mapping[str, str] | None = None, tool: str = "",
) -> Export:  # fmt: skip
    """What one file of one tracker says. Raises InputError."""
    reader = Reader(name, content, at)
    if source is HistorySource.GITHUB:
        return github.read_alerts(reader)
    if source is HistorySource.CSV:
        return tables.read(reader, content, columns, tool)
    if reader.is_json():
        return defectdojo.read(reader, tool)
    return tables.read_defectdojo(reader, content, tool)


def _read(file: tuple[str, Content] | None, read: Any, at: datetime) -> Any:
    return None if file is None else read(Reader(*file, at))


def import_history(
    *,
    scope: Scope,
    source: HistorySource,
    files: Files,
    by: User | None,
    at: datetime,
    asset: Asset | None = None,
    columns: Mapping[str, str] | None = None,
    tool: str = "",
    dry_run: bool = False,
) -> Imported:
    """Keep the closures of an export, all or none; the same file twice changes nothing.

    ``asset``: whose they are, where the export names none. Later evidence about a fix replaces
    earlier, never the other way: what is known is not forgotten for a file that says less.
    Raises NotAllowed for who does not administer the scope, BadInput.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    if asset is not None and asset.scope_id != scope.pk:
        raise BadInput("asset", "is of another scope")
    export = read_history(source, files, at=at, columns=columns, tool=tool)
    with transaction.atomic():
        Scope.objects.select_for_update(no_key=True).get(pk=scope.pk)  # two imports of one file
        return keep_closures(
            scope=scope, source=source, export=export, by=by, at=at, asset=asset, dry_run=dry_run
        )


@transaction.atomic
def keep_closures(
    *, scope: Scope, source: HistorySource, export: Export, by: User | None, at: datetime,
    asset: Asset | None = None, dry_run: bool = False,
) -> Imported:  # fmt: skip
    """Write the closures of an export that was read, with one event. The caller has locked the scope.

    Raises BadInput for a key by which another asset's closure is known.
    """
    rows = _rows(scope, source, export.closed, asset, by, at)
    known = {
        row.key: row for row in HistoricClosure.objects.filter(scope=scope, source=source.value)
    }
    _check_whose(known, rows)
    new = [row for key, row in rows.items() if key not in known]
    changed = [old for key, row in rows.items() if (old := known.get(key)) and _renew(old, row)]
    told = Imported(
        dry_run=dry_run, new=len(new), changed=len(changed),
        unchanged=len(rows) - len(new) - len(changed), open=len(export.open),
        skipped=export.skipped, problems=export.problems,
        scanned=dict(Counter(r.scanned for r in rows.values() if r.how == ClosedHow.FIXED)),
    )  # fmt: skip
    if dry_run or not (new or changed):
        return told
    HistoricClosure.objects.bulk_create(new, batch_size=AT_ONCE)
    HistoricClosure.objects.bulk_update(changed, FIELDS_OF_UPDATE, batch_size=AT_ONCE)
    append_event(
        scope_id=scope.pk, action="scope.history_imported", subject="scope", subject_id=scope.pk,
        by=by, at=at,
        data={"source": source.value, "new": told.new, "changed": told.changed,
              "unchanged": told.unchanged, "scanned": dict(told.scanned)},
    )  # fmt: skip
    return told


FIELDS_OF_UPDATE = [field.removesuffix("_id") for field in FIELDS]


def _rows(
    scope: Scope, source: HistorySource, closed: Sequence[ClosedRow], asset: Asset | None,
    by: User | None, at: datetime,
) -> dict[str, HistoricClosure]:  # fmt: skip
    """By key; of rows with one key the last counts, as a later page of an export."""
    assets = dict(Asset.objects.filter(scope=scope).values_list("name", "pk"))
    return {
        key: _row(scope, source, one, key, asset, assets, by, at)
        for one in closed
        for key in [clean_text(one.key, 300)]
    }


def _row(
    scope: Scope, source: HistorySource, one: ClosedRow, key: str, asset: Asset | None,
    assets: Mapping[str, int], by: User | None, at: datetime,
) -> HistoricClosure:  # fmt: skip
    name = one.asset or (asset.name if asset else "")
    return HistoricClosure(
        scope=scope, source=source.value, key=key, url=one.url,
        asset_id=asset.pk if asset else assets.get(name), asset_name=clean_text(name, 200),
        tool=clean_text(one.tool, 120), rule=clean_text(one.rule, 300),
        title=clean_text(one.title, 300), severity=one.severity, closed_at=one.closed_at,
        how=one.how.value, reason=clean_text(one.reason), fix_url=one.fix_url,
        fix_commit=clean_text(one.fix_commit, 64), merged_at=one.merged_at, origin=one.origin,
        agent=clean_text(one.agent, 120), scanned=one.scanned.value,
        evidence=clean_text(one.evidence, 500), links=list(one.links), imported_at=at,
        imported_by=by,
    )  # fmt: skip


def _check_whose(known: Mapping[str, HistoricClosure], rows: Mapping[str, HistoricClosure]) -> None:
    """Raise BadInput for a key that is another asset's: numbers of two tables may be the same."""
    for key, row in rows.items():
        owner = known[key].asset_id if key in known else None
        if None not in (owner, row.asset_id) and owner != row.asset_id:
            raise BadInput(f"key {key[:80]!r}", f"is of {known[key].asset_name[:80]!r} already")


def _renew(old: HistoricClosure, new: HistoricClosure) -> bool:
    """Take over what differs; evidence of a fix, and whose it is, is not lost to an export without it."""
    kept = EVIDENCE if old.merged_at is not None and new.merged_at is None else ()
    kept += WHOSE if new.asset_id is None else ()
    fields: Iterable[str] = [field for field in FIELDS if field not in kept]
    differ = [field for field in fields if getattr(old, field) != getattr(new, field)]
    for field in differ:
        setattr(old, field, getattr(new, field))
    return bool(differ)
