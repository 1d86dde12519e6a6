"""Facets of the findings list: each value of a filter with how many rows it would show. One query."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest, QueryDict

from core.listing import toggled
from findings.filters import FindingFilter
from findings.models import FindingQuerySet, Tally
from findings.priority import BANDS
from findings.statuses import OPEN, Presence, Severity, Status

MOST = 10_000  # findings that are counted where the tally does not say
TALLIED = {"open", "asset"}  # filters beside the facets that it knows
TOP = 8  # values shown of a facet whose values are not fixed
SEVERAL = ("status", "severity", "priority_band", "presence")  # filters that take many values
FIXED: dict[str, list[str]] = {
    "status": [status.value for status in Status],
    "severity": [severity.value for severity in Severity],
    "priority_band": [name for _, name in BANDS],
    "presence": [presence.value for presence in Presence],
}
LABELS = {
    "status": "Status",
    "priority_band": "Priority",
    "severity": "Severity",
    "presence": "In the last scan",
    "scope": "Scope",
    "tool": "Tool",
}
DIMENSIONS = tuple(LABELS)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet; ``url`` switches it on or off."""

    value: str
    label: str
    count: int
    active: bool
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    name: str
    label: str
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many findings there are of each combination. ``capped``: of the first ``MOST`` alone."""

    rows: list[Row]
    capped: bool = False


def count_by_dimensions(
    request: HttpRequest, query: QueryDict, findings: FindingQuerySet
) -> Counted:
    """Count the findings that the other filters let through, by all facets at once.

    Filters that the tally knows cost the same for any number of findings; under others at most
    ``MOST`` are counted.
    """
    rest = query.copy()
    for name in (*DIMENSIONS, "cursor", "ordering"):
        rest.pop(name, None)
    if not set(rest) <= TALLIED:
        rows = FindingFilter(rest, queryset=findings.order_by(), request=request).qs
        found = list(rows.values_list(*DIMENSIONS)[: MOST + 1])
        return Counted(_named(Counter(found[:MOST]).items()), capped=len(found) > MOST)
    return Counted(_named((tuple(key), n) for *key, n in _tallied(request, rest)))


def _named(told: Iterable[tuple[tuple[Any, ...], int]]) -> list[Row]:
    return [{**dict(zip(DIMENSIONS, key, strict=True)), "n": n} for key, n in told]


def _tallied(request: HttpRequest, rest: QueryDict) -> Iterable[tuple[Any, ...]]:
    rows = Tally.objects.visible_to(request.user)
    if "open" in rest:
        rows = rows.open() if rest["open"] == "true" else rows.exclude(status__in=OPEN)
    if "asset" in rest:
        rows = rows.filter(asset=int(str(rest["asset"])))
    return rows.order_by().values_list(*DIMENSIONS).annotate(total=Sum("n")).exclude(total=0)


def total(query: QueryDict, counted: Counted) -> int:
    """Return how many findings all filters together let through, of those that were counted."""
    return sum(
        row["n"] for row in counted.rows if all(_lets(query, name, row) for name in DIMENSIONS)
    )


def facets(query: QueryDict, counted: Counted, scopes: dict[str, str]) -> list[Facet]:
    """Return the facets; a value counts what it shows together with the other filters.

    ``scopes``: id (as text) → name of the scopes that the person sees.
    """
    return [
        _facet(query, counted, name, scopes)
        for name in LABELS
        if name != "scope" or len(scopes) > 1
    ]


def _facet(query: QueryDict, counted: Counted, name: str, scopes: dict[str, str]) -> Facet:
    counts: Counter[str] = Counter()
    for row in counted.rows:
        if all(_lets(query, other, row) for other in DIMENSIONS if other != name):
            counts[str(row[name])] += row["n"]
    chosen = query.getlist(name)
    values = FIXED.get(name) or [value for value, _ in counts.most_common(TOP)]
    values += [value for value in chosen if value not in values and name not in FIXED]
    choices = [
        Choice(
            value=value,
            label=scopes.get(value, value) if name == "scope" else value.replace("_", " "),
            count=counts[value],
            active=value in chosen,
            url=toggled(query, name, value, several=name in SEVERAL),
        )
        for value in values
    ]
    return Facet(name, LABELS[name], choices)


def _lets(query: QueryDict, name: str, row: Row) -> bool:
    wanted = query.getlist(name)
    if not wanted:
        return True
    return str(row[name]) in (wanted if name in SEVERAL else wanted[-1:])
