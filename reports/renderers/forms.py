"""The forms in which a made report is handed out."""

from collections.abc import Iterable
from dataclasses import dataclass

from core import blobs
from core.errors import WrongState
from core.tables import csv_of
from reports.models import Report
from reports.renderers.cells import flat
from reports.renderers.workbook import workbook
from reports.services.snapshots import read_rows, read_snapshot

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMS = ("json", "figures", "findings", "xlsx")


@dataclass(frozen=True, slots=True)
class File:
    """A file in blocks, with its type and the end of its name."""

    blocks: Iterable[bytes]
    kind: str
    ending: str


def file_of(report: Report, form: str) -> File:
    """Return a report in one of ``FORMS``, from its frozen parts alone.

    Raises WrongState while it is not made, and OSError as ``core.blobs.load``.
    """
    if report.snapshot_id is None or report.rows_id is None:
        raise WrongState(report.problem or "The report is not made yet.")
    if form == "json":
        return File([blobs.load(report.snapshot_id)], "application/json", "json")
    snapshot = read_snapshot(report.snapshot_id)
    if form == "figures":
        figures = ({"figure": name, "value": value} for name, value in flat(snapshot["figures"]))
        return File(csv_of(("figure", "value"), figures), CSV, "figures.csv")
    rows = read_rows(report.rows_id)
    if form == "findings":
        return File(csv_of(snapshot["rows"]["columns"], rows), CSV, "findings.csv")
    return File([workbook(snapshot, rows)], XLSX, "xlsx")


def name_of(report: Report, file: File) -> str:
    """The name under which a browser keeps it."""
    return f"report-{report.pk}-{report.period}-{report.until:%Y-%m-%d}.{file.ending}"
