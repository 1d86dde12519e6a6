"""Which findings to compare for suggestions: bounded reads, however many findings there are.

The comparison is in ``alike``. A read starts from one finding or from one asset, and takes the most
urgent of what an index leads to.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from findings.alike import Known, Suggestion, about, one_fix, same_weakness
from findings.models import Finding, FindingQuerySet
from findings.statuses import OPEN
from scopes.models import Asset

MOST_OF_PLACE = 500  # findings at the same path that one is compared with
MOST_OF_ASSET = 1_000  # findings of an asset, most urgent first
DEPENDENCIES = ("sca", "container")
COLUMNS = (
    "pk", "line_id", "line__name", "tool", "tool_class", "rule", "path", "start_line", "cwes",
    "priority_score", "title", "group_id", "status",
)  # fmt: skip
TOLD = (
    "seen_code",
    "seen_words",
    "seen_end",
    "seen_aliases",
    "seen_prints",
)  # members of the result as last seen


@dataclass(frozen=True, slots=True)
class Suggested:
    """What one fix could close, and what is likely one weakness; findings by number, for showing."""

    one_fix: list[Suggestion]
    same: list[Suggestion]
    findings: dict[int, Finding]


def suggest_for_finding(finding: Finding) -> Suggested:
    """What could be closed together with one finding. Three statements."""
    here = Finding.objects.filter(asset=finding.asset_id)
    rows = _read(here.filter(path=finding.path), MOST_OF_PLACE) if finding.path else []
    alike = here.filter(rule=finding.rule)
    if finding.tool_class in DEPENDENCIES:
        alike = here.filter(tool_class=finding.tool_class, status__in=OPEN)
    rows += _read(alike.filter(line=finding.line_id), MOST_OF_ASSET)
    known = list({row.pk: row for row in [*rows, *_read(here.filter(pk=finding.pk), 1)]}.values())
    return _shown(about(one_fix(known), finding.pk), about(same_weakness(known), finding.pk))


def suggest_for_asset(asset: Asset) -> Suggested:
    """What could be closed together among the most urgent open findings of an asset. Two statements."""
    known = _read(Finding.objects.open().filter(asset=asset), MOST_OF_ASSET)
    return _shown(one_fix(known), same_weakness(known))


def _shown(fixes: list[Suggestion], same: list[Suggestion]) -> Suggested:
    named = {pk for one in (*fixes, *same) for pk in one.findings}
    rows = Finding.objects.filter(pk__in=named).select_related("line")
    found = rows.defer("original", "current").in_bulk() if named else {}
    return Suggested(fixes, same, found)


def _read(rows: FindingQuerySet, most: int) -> list[Known]:
    """The most urgent of ``rows``; of the results that they keep only what is compared leaves the database."""
    first = rows.order_by("-priority_score", "-pk")
    told = first.annotate(
        seen_code=_seen("location__snippet"),
        seen_words=_seen("message"),
        seen_end=_seen("location__end_line"),
        seen_aliases=_seen("aliases"),
        seen_prints=_seen("fingerprints"),
    )
    return [_known(*row) for row in told.values_list(*COLUMNS, *TOLD)[:most]]


def _seen(member: str) -> Any:
    return Coalesce(KT(f"current__{member}"), KT(f"original__{member}"))


def _known(
    pk: int, line: int, branch: str, tool: str, tool_class: str, rule: str, path: str,
    start: int | None, cwes: Iterable[str], priority: int, title: str, group: int | None,
    status: str, snippet: Any, message: Any, end: Any, aliases: Any, prints: Any,
) -> Known:  # fmt: skip
    return Known(
        pk=pk, line=line, branch=branch, tool=tool, tool_class=tool_class, rule=rule, path=path,
        start=start, end=int(end) if str(end or "").isdigit() else None, cwes=frozenset(cwes),
        priority=priority, title=title, group=group, is_open=status in OPEN,
        snippet=str(snippet or ""), message=str(message or ""), aliases=_texts(aliases), prints=str(prints or ""),
    )  # fmt: skip


def _texts(told: Any) -> tuple[str, ...]:
    """Texts of a list, which databases answer as JSON text."""
    return tuple(map(str, json.loads(told))) if isinstance(told, str) and told else ()
