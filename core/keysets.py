"""The condition of keyset pages: rows that come after (or before) one row in an order of columns."""

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, Expression, F, Field, Func, Model, Q, Value


class _RowIs(Func):
    """``(a, b) < (1, 2)``: said so, an index over (a, b) starts at the very row."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, *sides: Any, compare: str) -> None:
        super().__init__(*sides)
        self.compare = compare

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **more: Any) -> tuple[str, Any]:
        told = [compiler.compile(side) for side in self.get_source_expressions()]
        half = len(told) // 2
        left, right = (", ".join(sql for sql, _ in part) for part in (told[:half], told[half:]))
        values = [value for _, part in told for value in part]
        return f"({left}) {self.compare} ({right})", values


def beyond(
    model: type[Model], order: Sequence[tuple[str, bool]], values: Sequence[Any]
) -> Q | Expression:
    """Return the condition for rows after the one with ``values``; ``order``: column, whether it falls.

    The columns hold no NULL, and the last is unique.
    """
    if len({down for _, down in order}) == 1:
        columns: list[Field[Any, Any]] = [model._meta.get_field(name) for name, _ in order]  # type: ignore[misc]
        sides = [F(name) for name, _ in order]
        told = [Value(v, output_field=c) for v, c in zip(values, columns, strict=True)]
        return _RowIs(*sides, *told, compare="<" if order[0][1] else ">")
    after, same = Q(), Q()
    for (name, down), value in zip(order, values, strict=True):
        after |= same & Q(**{f"{name}__{'lt' if down else 'gt'}": value})
        same &= Q(**{name: value})
    return after
