"""Writing what a scan means for the findings of a line, a fixed number of statements for any number of results.

Status is the lifecycle's: new findings start where it says, and what ended and is seen again is
returned to be reopened one by one. Call under the lock on the asset.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from core import bulk
from core.text import clean_text
from findings.lifecycle import create_findings
from findings.models import Cause, Finding, Rule, Series, Sighting
from findings.services.reading import is_worse
from findings.services.rescoring import rescore
from findings.services.taking_back import ask_again
from findings.statuses import Presence
from gate import records
from gate.records import Result
from scans.ingest import triage
from scans.ingest.plan import Known, Plan, Seen, plan, presence_of
from scans.ingest.records import Sealed, seal
from scans.ingest.triage import Triage
from scans.models import Scan
from scans.results import ScanResults, keep_index
from scopes.services.ownership import owners_of

FOLLOWED = (
    "current", "spot", "seen_digest", "path", "start_line", "level", "security_severity", "cvss",
    "presence", "seen_until",
)  # fmt: skip
CREATED = (
    "id", "scope", "asset", "line", "series", "tool", "tool_class", "category", "rule", "title",
    "cwes", "described_by", "level", "security_severity", "cvss", "original", "original_sha256",
    "path", "start_line", "spot", "seen_digest", "presence", "first_seen_at", *triage.COLUMNS,
)  # fmt: skip
SIGHTED = ("finding", "scope", "scan_id", "stage", "suppressed", "path", "start_line", "at")


@dataclass(frozen=True, slots=True)
class Merge:
    """What one run of a scan is to its series: planned, then written."""

    scan: Scan
    series: Series
    plan: Plan
    ids: Sequence[int]  # of the new findings, in the order of ``plan.new``


def planned(scan: Scan, run: records.Run, at: datetime) -> Merge:
    """Compare a run with its series; makes the series if it is the first."""
    if scan.line is None:
        raise ValueError("only scans of a line are merged")
    series, _ = Series.objects.get_or_create(
        line=scan.line, tool=run.tool, category=run.category,
        defaults={"scope_id": scan.scope_id, "asset_id": scan.asset_id, "last_at": at},
    )  # fmt: skip
    told = plan(run, _known(series), _stored, scope=scan.facts.get("scope"))
    return Merge(scan, series, told, bulk.new_ids(Finding, len(told.new)))


def _known(series: Series) -> list[Known]:
    rows = Finding.objects.filter(series=series).order_by("pk").values_list(
        "pk", "spot", "seen_digest", "presence", "status", "path", "start_line"
    )  # fmt: skip
    same: dict[str, str] = {}  # the few words and paths are kept once, not for each finding
    return [
        Known(
            pk, spot, digest, same.setdefault(presence, presence), same.setdefault(status, status),
            same.setdefault(path, path), line,
        )
        for pk, spot, digest, presence, status, path, line in rows.iterator(chunk_size=10_000)
    ]  # fmt: skip


def _stored(ids: Collection[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """What findings were last seen as."""
    rows = Finding.objects.filter(pk__in=bulk.listed(ids)).values_list("pk", "current", "original")
    for pk, current, original in rows.iterator():
        yield pk, current or original


def changed(merge: Merge) -> list[int]:
    """The findings that ``write`` will touch."""
    seen = [one.known.pk for one in merge.plan.seen if one.is_news]
    return [*seen, *(finding.pk for finding in merge.plan.gone)]


def write(merge: Merge, at: datetime) -> None:
    """Write the findings of one run: those that changed, those that are gone, those that are new."""
    news = [one for one in merge.plan.seen if one.is_news]
    rated, worse = _rated_anew(news)
    bulk.update(Finding, FOLLOWED, (_followed(one) for one in news))
    if rated:
        rescore(Finding.objects.filter(pk__in=bulk.listed(rated)), cause=Cause.IMPORT, at=at)
    elsewhere = _own_anew(merge, news)
    shown = [one.known.pk for one in news if one.presence != one.known.presence]
    ask_again(merge.scan.asset, {*rated, *elsewhere, *shown}, worse=worse, at=at)
    _end_sightings(merge, news)
    before, now = bulk.moment(merge.series.last_at), bulk.moment(at)
    _write_gone(merge, before)
    _create(merge, at)
    moved = [_sighted(merge.scan, one.known.pk, one.result, one.stage, now)
             for one in news if one.has_moved]  # fmt: skip
    first = (
        _sighted(merge.scan, pk, result, "", now)
        for pk, (result, _) in zip(merge.ids, merge.plan.new, strict=True)
    )
    bulk.insert(Sighting, SIGHTED, moved)
    bulk.insert(Sighting, SIGHTED, first)
    index = keep_index(merge.series, _index(merge))
    ScanResults.objects.create(scan=merge.scan, series=merge.series, index=index)
    Series.objects.filter(pk=merge.series.pk).update(last_scan_id=merge.scan.pk, last_at=at)


def _rated_anew(news: Sequence[Seen]) -> tuple[list[int], list[int]]:
    """Findings of which the report tells another level or score than before; and which of them worse."""
    now = {
        one.known.pk: (one.result.level.value, one.result.security_severity, one.result.cvss)
        for one in news
        if one.is_changed
    }
    if not now:
        return [], []
    rows = Finding.objects.filter(pk__in=bulk.listed(now)).values_list(
        "pk", "level", "security_severity", "cvss"
    )
    before = {pk: (level, score, cvss) for pk, level, score, cvss in rows.iterator()}
    rated = [pk for pk, was in before.items() if was != now[pk]]
    return rated, [pk for pk in rated if is_worse(now[pk], before[pk])]


def _own_anew(merge: Merge, news: Iterable[Seen]) -> list[int]:
    """Findings that are in another file by now; they are whose that is."""
    paths = {one.known.pk: path for one in news if (path := _path(one.result)) != one.known.path}
    if paths:
        owner = owners_of(merge.scan.asset)
        bulk.update(Finding, ("owned_by",), ((pk, owner(path)) for pk, path in paths.items()))
    return list(paths)


def write_again(scan: Scan, before: Scan, at: datetime) -> list[str]:
    """Say that ``scan`` saw what ``before``, the last of its series, saw; return the digests of it."""
    rows = ScanResults.objects.filter(scan=before).select_related("index").order_by("series")
    ScanResults.objects.bulk_create(
        ScanResults(scan=scan, series_id=row.series_id, index_id=row.index_id) for row in rows
    )
    Series.objects.filter(scans__scan=before).update(last_scan_id=scan.pk, last_at=at)
    return [row.index.sha256 for row in rows]


def _index(merge: Merge) -> Iterator[tuple[str, int]]:
    for one in merge.plan.seen:
        yield one.result.pointer, one.known.pk
    for pk, (result, _) in zip(merge.ids, merge.plan.new, strict=True):
        yield result.pointer, pk


def _followed(one: Seen) -> Sequence[Any]:
    result, sealed = one.result, seal(one.result)
    return (
        one.known.pk, sealed.pointed(result.pointer), one.spot, sealed.digest,
        _path(result), result.location.line, result.level.value, result.security_severity,
        result.cvss, one.presence, None,
    )  # fmt: skip


def _write_gone(merge: Merge, before: Any) -> None:
    """What was seen until now keeps when; what had not been seen for longer keeps that."""
    seen = (Presence.PRESENT, Presence.SUPPRESSED)
    absence = merge.plan.absence
    bulk.update(
        Finding, ("presence", "seen_until"),
        ((f.pk, absence, before) for f in merge.plan.gone if f.presence in seen),
    )  # fmt: skip
    bulk.update(
        Finding, ("presence",), ((f.pk, absence) for f in merge.plan.gone if f.presence not in seen)
    )


def _end_sightings(merge: Merge, news: Iterable[Seen]) -> None:
    """The open sightings of what moved, and of what is surely not there."""
    ended = [one.known.pk for one in news if one.has_moved]
    if merge.plan.absence == Presence.ABSENT:
        ended += [finding.pk for finding in merge.plan.gone]
    still = Sighting.objects.filter(finding__in=bulk.listed(ended), ended_by=None)
    still.update(ended_by=merge.scan.pk)


def _sighted(scan: Scan, finding: int, result: Result, stage: str, now: Any) -> Sequence[Any]:
    return (
        finding, scan.scope_id, scan.pk, stage, result.suppressed, _path(result),
        result.location.line, now,
    )  # fmt: skip


def _path(result: Result) -> str:
    return clean_text(result.location.path or "", 1000)


# --- new findings --------------------------------------------------------------------------------
class _Kind(NamedTuple):
    """What new findings of one rule share. ``title`` is empty where each has its own."""

    rule: records.Rule
    name: str
    title: str
    row: int | None


def _create(merge: Merge, at: datetime) -> None:
    if not merge.ids:
        return
    kinds = _kinds(merge)
    news = Triage(merge.scan, merge.plan.run.tool, [result for result, _ in merge.plan.new], at)
    now = bulk.moment(at)
    scan, run = merge.scan, merge.plan.run

    def row(pk: int, result: Result, spot: str, sealed: Sealed) -> Sequence[Any]:
        kind = kinds[result.rule]
        title = kind.title or _title(kind.rule, result)
        path, presence, cwes = _path(result), presence_of(result), result.cwes or kind.rule.cwes
        told = news.of(
            pk, result, rule=kind.name, title=title, path=path, cwes=cwes, presence=presence
        )
        return (
            pk, scan.scope_id, scan.asset_id, scan.line_id, merge.series.pk, run.tool,
            scan.tool_class, run.category, kind.name, title, _listed(cwes), kind.row,
            result.level.value, result.security_severity, result.cvss,
            sealed.pointed(result.pointer), sealed.sha256, path, result.location.line, spot,
            sealed.digest, presence, now, *told,
        )  # fmt: skip

    rows = (
        row(pk, result, spot, seal(result))
        for pk, (result, spot) in zip(merge.ids, merge.plan.new, strict=True)
    )
    create_findings(CREATED, rows, name="prioritize", at=at)
    news.keep()


def _kinds(merge: Merge) -> dict[str, _Kind]:
    """By rule id of the tool, for all rules that new findings are of."""
    rules = {rule.id: rule for rule in merge.plan.run.rules}
    told = _rules(merge, rules)
    found = {}
    for name in {result.rule for result, _ in merge.plan.new}:
        rule, short = rules.get(name, records.Rule(id=name)), clean_text(name, 300)
        title = clean_text(rule.description.split("\n")[0], 300)
        found[name] = _Kind(rule, short, title, told.get(short))
    return found


@lru_cache(maxsize=1024)
def _listed(cwes: tuple[str, ...]) -> str:
    return json.dumps(cwes)


def _rules(merge: Merge, rules: dict[str, records.Rule]) -> dict[str, int]:
    """Keep what the tool says of the rules that new findings are of; rule → row."""
    used = sorted({result.rule for result, _ in merge.plan.new} & rules.keys())
    rows = [
        Rule(
            scope_id=merge.scan.scope_id, tool=merge.plan.run.tool, rule=clean_text(name, 300),
            name=clean_text(rules[name].name, 300), description=rules[name].description,
            help_uri=rules[name].help_uri[:500],
        )
        for name in used
    ]  # fmt: skip
    Rule.objects.bulk_create(
        {row.rule: row for row in rows}.values(), batch_size=100, update_conflicts=True,
        unique_fields=["scope", "tool", "rule"],
        update_fields=["name", "description", "help_uri"],
    )  # fmt: skip
    kept = Rule.objects.filter(scope=merge.scan.scope_id, tool=merge.plan.run.tool)
    return dict(kept.values_list("rule", "pk"))


def _title(rule: records.Rule, result: Result) -> str:
    """Of a rule that says nothing of itself."""
    first = next((line for line in result.message.splitlines() if line.strip()), "")
    return clean_text(first.rstrip(".") or rule.name or result.rule, 300)
