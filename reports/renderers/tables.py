"""A report as CSV: its figures, one a line, or the findings behind them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reports.renderers.cells import flat, plain

BLOCK = 500  # lines that are handed out together


def figures_csv(snapshot: dict[str, Any]) -> bytes:
    """Return the figures with their definitions' words: UTF-8, one header line."""
    rows: list[Sequence[Any]] = [(name, value) for name, value in flat(snapshot["figures"])]
    return b"".join(_lines([("figure", "value"), *rows]))


def findings_csv(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> Iterator[bytes]:
    """Yield the findings behind a report, safe to be opened in a spreadsheet, in blocks of lines."""
    yield from _lines([columns])
    yield from _lines([row[name] for name in columns] for row in rows)


def _lines(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    for number, row in enumerate(rows, start=1):
        writer.writerow([plain(cell) if isinstance(cell, str) else cell for cell in row])
        if number % BLOCK == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
