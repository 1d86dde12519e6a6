"""Facets of the findings list: each value of a filter with how many rows it would show. One query."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict

from core.listing import toggled
from findings.filters import ASIDE, FindingFilter, aside_by_default
from findings.models import FindingQuerySet
from findings.priority import BANDS
from findings.statuses import ENDED, OPEN, Presence, Severity, Status
from findings.tallies import by_value

MOST = 1_000  # findings that are counted where the tally does not say
TALLIED = {"open", "asset", "tool_class"}  # filters beside the facets that it knows
TOP = 8  # values shown of a facet whose values are not fixed
SEVERAL = (
    "status",
    "severity",
    "priority_band",
    "presence",
    "set_aside",
)  # filters that take many values
FIXED: dict[str, list[str]] = {
    "status": [status.value for status in Status],
    "severity": [severity.value for severity in Severity],
    "priority_band": [name for _, name in BANDS],
    "presence": [presence.value for presence in Presence],
    "set_aside": list(ASIDE),
}
LABELS = {
    "status": "Status",
    "priority_band": "Priority",
    "severity": "Severity",
    "presence": "In the last scan",
    "set_aside": "Set aside by a rule",
    "scope": "Scope",
    "tool": "Tool",
}
DIMENSIONS = tuple(LABELS)


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
    """For each facet, value → number of findings; ``total``: those that all filters let through.

    ``capped``: of the first ``MOST`` findings alone.
    """

    values: Mapping[str, Counter[str]]
    total: int = 0
    capped: bool = False


NOTHING = Counted({name: Counter() for name in DIMENSIONS})


def count_by_dimensions(
    request: HttpRequest, query: QueryDict, findings: FindingQuerySet, scopes: Sequence[int]
) -> Counted:
    """Count the findings that the filters let through, by all facets at once.

    A facet's counts are those together with the other filters. ``scopes``: those that the person sees.
    Filters that the tally knows cost the same for any number of findings; under others at most
    ``MOST`` are counted.
    """
    rest = query.copy()
    chosen = {name: _chosen(query, name) for name in DIMENSIONS if name in query}
    if default := aside_by_default(query):
        chosen["set_aside"] = [ASIDE[word] for word in default]
    for name in (*DIMENSIONS, "cursor", "ordering"):
        rest.pop(name, None)
    if set(rest) <= TALLIED:
        values, number = by_value(DIMENSIONS, given=_given(rest, scopes), chosen=chosen)
        return Counted(values, number)
    rows = FindingFilter(rest, queryset=findings.order_by(), request=request).qs
    found = list(rows.values_list(*DIMENSIONS)[: MOST + 1])
    return _counted(found[:MOST], chosen, capped=len(found) > MOST)


def _chosen(query: QueryDict, name: str) -> list[str]:
    values = query.getlist(name)
    if name == "set_aside":
        return [ASIDE[word] for word in values]
    return values if name in SEVERAL else values[-1:]


def _given(rest: QueryDict, scopes: Sequence[int]) -> dict[str, Sequence[Any]]:
    given: dict[str, Sequence[Any]] = {"scope": scopes}
    if "open" in rest:
        given["status"] = [s.value for s in (OPEN if rest["open"] == "true" else ENDED)]
    if "tool_class" in rest:
        given["tool_class"] = [str(rest["tool_class"])]
    if "asset" in rest:
        given["asset"] = [int(str(rest["asset"]))]
    return given


def _counted(
    found: Sequence[tuple[Any, ...]], chosen: Mapping[str, Sequence[str]], *, capped: bool
) -> Counted:
    values: dict[str, Counter[str]] = {name: Counter() for name in DIMENSIONS}
    number = 0
    for key, n in Counter(found).items():
        row = {name: str(value) for name, value in zip(DIMENSIONS, key, strict=True)}
        hidden = [name for name, wanted in chosen.items() if row[name] not in wanted]
        number += 0 if hidden else n
        for name in hidden if len(hidden) == 1 else () if hidden else DIMENSIONS:
            values[name][row[name]] += n
    return Counted(values, number, capped)


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
    counts = counted.values[name]
    chosen = query.getlist(name) or (aside_by_default(query) if name == "set_aside" else [])
    values = FIXED.get(name) or [value for value, _ in counts.most_common(TOP)]
    values += [value for value in chosen if value not in values and name not in FIXED]
    choices = [
        Choice(
            value=value,
            label=scopes.get(value, value) if name == "scope" else value.replace("_", " "),
            count=counts[ASIDE[value] if name == "set_aside" else value],
            active=value in chosen,
            url=toggled(query, name, value, several=name in SEVERAL),
        )
        for value in values
    ]
    return Facet(name, LABELS[name], choices)
