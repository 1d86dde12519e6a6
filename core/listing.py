"""Lists of pages: filters from the URL, keyset pages, links that change one part of the URL.

A page never counts the rows behind it: it reads one more than it shows.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, QueryDict
from django_filters import FilterSet

from core.errors import BadInput
from core.keysets import beyond
from core.text import is_clean

PAGE_SIZE = 50
CURSOR = "cursor"
FORWARD, BACK = "n", "p"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows; ``next`` and ``previous`` are cursors, empty at the ends."""

    rows: Sequence[Any]
    next: str = ""
    previous: str = ""


@dataclass
class Listing:
    """What a list page shows: the rows, the filters in force, and the links between its states."""

    page: Page
    query: QueryDict
    filterset: FilterSet
    errors: list[str] = field(default_factory=list)
    address: QueryDict | None = None  # where it says less than ``query``: a view by name

    @property
    def next_url(self) -> str:
        return self._beside(self.page.next)

    @property
    def previous_url(self) -> str:
        return self._beside(self.page.previous)

    def _beside(self, cursor: str) -> str:
        here = self.query if self.address is None else self.address
        return with_values(here, {CURSOR: cursor}) if cursor else ""

    @property
    def is_filtered(self) -> bool:
        return any(name not in (CURSOR, "ordering") for name in self.query)


def given(request: HttpRequest) -> QueryDict:
    """Return the query without empty values: an empty field of a form is no filter."""
    kept = QueryDict(mutable=True)
    for name, values in request.GET.lists():
        filled = [value for value in values if value]
        if filled:
            kept.setlist(name, filled)
    return kept


def with_values(query: QueryDict, values: dict[str, str | list[str] | None]) -> str:
    """Return the link to this list with some parameters changed (None: left out)."""
    changed = query.copy()
    changed.pop(CURSOR, None)
    for name, value in values.items():
        changed.pop(name, None)
        if value:
            changed.setlist(name, value if isinstance(value, list) else [value])
    return f"?{changed.urlencode()}" if changed else "?"


def toggled(query: QueryDict, name: str, value: str, *, several: bool = True) -> str:
    """Return the link to this list with one value of a filter switched on or off."""
    values = query.getlist(name)
    if value in values:
        return with_values(query, {name: [v for v in values if v != value]})
    return with_values(query, {name: [*values, value] if several else [value]})


def listing(
    request: HttpRequest,
    filterset_class: type[FilterSet],
    queryset: QuerySet[Any],
    *,
    size: int = PAGE_SIZE,
    query: QueryDict | None = None,
    error: str = "",
) -> Listing:
    """Filter an ordered queryset by the URL and read one page of it.

    A filter that cannot be used shows nothing and says why: an ignored filter would lie.
    ``query``: what the URL means, where it names a view; ``error``: what else is wrong with it.
    """
    address = given(request)
    query = address if query is None else query
    filterset = filterset_class(query, queryset=queryset, request=request)
    errors = [error] if error else _errors(query, filterset)
    if errors:
        return Listing(Page([]), query, filterset, errors, address)
    page = keyset_page(filterset.qs, query.get(CURSOR, ""), size)
    return Listing(page, query, filterset, address=address)


def _errors(query: QueryDict, filterset: FilterSet) -> list[str]:
    errors = [
        f"{name}: there is no such filter."
        for name in query
        if name not in filterset.filters and name != CURSOR
    ]
    errors += [
        f"{name}: holds a character that cannot be stored."
        for name, values in query.lists()
        if not all(map(is_clean, values))
    ]
    if not filterset.is_valid():
        for name, messages in filterset.errors.items():
            errors += [f"{name}: {message}" for message in messages]
    return errors


def keyset_page(queryset: QuerySet[Any], cursor: str, size: int) -> Page:
    """Read the page of an ordered queryset that ``cursor`` points to; an empty one is the first.

    The queryset's ordering must end in a unique column and use plain columns without NULLs.
    Raises BadInput for a cursor that was not made here.
    """
    order = [(str(name).lstrip("-"), str(name).startswith("-")) for name in queryset.query.order_by]
    back = cursor.startswith(BACK)
    if back:
        queryset = queryset.order_by(*(("" if down else "-") + name for name, down in order))
    if cursor:
        values = _decode(cursor, queryset.model, [name for name, _ in order])
        turned = [(name, down != back) for name, down in order]
        queryset = queryset.filter(beyond(queryset.model, turned, values))
    rows = list(queryset[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if back:
        rows.reverse()
    return Page(
        rows,
        next=_encode(FORWARD, rows[-1], order) if rows and (more or back) else "",
        previous=_encode(BACK, rows[0], order) if rows and (more if back else cursor) else "",
    )


def _encode(direction: str, row: Model, order: list[tuple[str, bool]]) -> str:
    values = [getattr(row, name) for name, _ in order]
    told = [v.isoformat() if isinstance(v, date | datetime) else v for v in values]
    return direction + base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def _decode(cursor: str, model: type[Model], names: list[str]) -> list[Any]:
    try:
        padded = cursor[1:] + "=" * (-len(cursor[1:]) % 4)
        told = json.loads(base64.urlsafe_b64decode(padded))
        if cursor[0] not in (FORWARD, BACK) or len(told) != len(names):
            raise ValueError
        columns = [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]
        return [column.to_python(value) for column, value in zip(columns, told, strict=True)]
    except (ValueError, TypeError, ValidationError) as error:
        raise BadInput("cursor", "does not belong to this list; start at its first page") from error
