"""A report as a workbook (XLSX). Every text is written as text: nothing of it is a formula or a link."""

import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import xlsxwriter

from core.tables import write_cell
from reports.renderers.cells import flat

MOST_ROWS = 20_000  # findings that a workbook lists; the CSV has all
NUMBERS = ("finding", "scope", "asset", "score", "claimed")


def workbook(snapshot: dict[str, Any], rows: Iterable[dict[str, str]]) -> bytes:
    """Return the workbook: what the report is, its figures, their definitions, the findings."""
    file = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False}  # fmt: skip
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True})
        _sheet(book, "Report", bold, ("what", "is"), _about(snapshot))
        _sheet(book, "Figures", bold, ("figure", "value"), flat(snapshot["figures"]))
        heads = ("figure", "title", "unit", "says", "numerator", "denominator")
        told = snapshot["definitions"].items()
        _sheet(book, "Definitions", bold, heads,
               ((key, *(row[name] for name in heads[1:])) for key, row in told))  # fmt: skip
        columns = snapshot["rows"]["columns"]
        listed = ([_number(name, row[name]) for name in columns] for row in rows)
        _sheet(book, "Findings", bold, columns, islice(listed, MOST_ROWS))
    return file.getvalue()


def _about(snapshot: dict[str, Any]) -> list[tuple[str, Any]]:
    count = snapshot["rows"]["count"]
    left = max(0, count - MOST_ROWS)
    return [
        *((name, snapshot[name]) for name in ("period", "since", "until", "made_at", "ordered_by")),
        *(("scope", scope["name"]) for scope in snapshot["scopes"]),
        ("findings behind the figures", count),
        ("findings that are not on the sheet; the CSV has all", left),
        ("SHA-256 of the findings", snapshot["rows"]["sha256"]),
    ]


def _sheet(
    book: Any, name: str, bold: Any, heads: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for column, head in enumerate(heads):
        sheet.write_string(0, column, head.replace("_", " "), bold)
        sheet.set_column(
            column, column, 40 if column == 0 or head in ("says", "title", "is") else 18
        )
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            write_cell(sheet, line, column, value)


def _number(name: str, text: str) -> str | int:
    return int(text) if name in NUMBERS and text else text
