"""Rows as files that spreadsheets open: CSV, XLSX, JSON. Strangers' text stays text: nothing becomes a formula.

What the rows are is the caller's. Memory is bounded whatever their number.
"""

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from xlsxwriter import Workbook

from core.text import clean_text

Row = Mapping[str, Any]
CSV, XLSX, JSON = (
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ("application/json"),
)
MOST_OF_SHEET = 1_048_575  # rows of an XLSX sheet below its heading
LONGEST_CELL = 32_000  # characters; a sheet takes 32,767
AT_ONCE = 64 * 1024  # bytes
_STARTS = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\x00']")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before what would be one.

    One that begins with an apostrophe gets another, so that ``unguarded`` gives back what went in.
    """
    return f"'{text}" if _STARTS.match(text) else text


def unguarded(text: str) -> str:
    """Return the text that ``guarded`` was given."""
    return text.removeprefix("'")


def csv_of(names: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a CSV file (RFC 4180, UTF-8) with a heading, in parts; lists with ``; `` between."""
    kept = io.StringIO()
    writer = csv.writer(kept)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
        if kept.tell() >= AT_ONCE:
            yield kept.getvalue().encode()
            kept.seek(0)
            kept.truncate()
    yield kept.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else value
    return guarded(clean_text(_flat(value)))


def _flat(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def json_of(head: Mapping[str, Any], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield one JSON object, in parts: the members of ``head``, then ``results``, a row a line."""
    parts, size = [json.dumps({**head, "results": []})[:-2]], 0
    for number, row in enumerate(rows):
        text = f"{',' if number else ''}\n{json.dumps(row, ensure_ascii=False)}"
        parts.append(text)
        size += len(text)
        if size >= AT_ONCE:
            yield "".join(parts).encode("utf-8", "replace")
            parts, size = [], 0
    yield "".join([*parts, "\n]}\n"]).encode("utf-8", "replace")


def xlsx_of(names: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a workbook with one sheet, in parts; written to a temporary file first: a zip has its list last.

    The caller lets no more than ``MOST_OF_SHEET`` rows in. Numbers are numbers, all else is text.
    """
    with tempfile.TemporaryFile() as file:
        book = Workbook(
            file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        sheet = book.add_worksheet("Findings")
        heading = book.add_format({"bold": True})
        for column, name in enumerate(names):
            sheet.write_string(0, column, name, heading)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows, start=1):
            for column, name in enumerate(names):
                write_cell(sheet, number, column, row[name])
        book.close()
        file.seek(0)
        while part := file.read(AT_ONCE):
            yield part


def write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    """Write one cell of a workbook: numbers as numbers, nothing as nothing, all else as text."""
    if value is None or value == "":
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(
            row, column, _NOT_XML.sub("\ufffd", clean_text(_flat(value), LONGEST_CELL))
        )


Writer = Callable[[Sequence[str], Iterable[Row]], Iterator[bytes]]
