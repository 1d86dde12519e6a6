"""Which finding each result of a scan is: rows and reads. Kept once for scans that agree."""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import models

from core.constraints import CompositeForeignKey
from findings.models import Series, Sighting

Pointers = dict[int, str]  # finding → JSON pointer of its result


class ResultIndex(models.Model):
    """The findings of a series by the place of their results in a report; found by digest."""

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    packed = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "sha256"], name="result_index_once"),
            models.UniqueConstraint(fields=["id", "series"], name="result_index_and_series"),
        ]

    @property
    def pointers(self) -> Pointers:
        """Unpack it. Raises nothing: we wrote it."""
        told: dict[str, list[list[int]]] = json.loads(zlib.decompress(bytes(self.packed)))
        found: Pointers = {}
        for head, (steps, findings) in told.items():
            number = finding = 0
            for step, apart in zip(steps, findings, strict=True):
                number, finding = number + step, finding + apart
                found.setdefault(finding, f"{head}/{number}" if number >= 0 else head)
        return found


class ScanResults(models.Model):
    """A scan of a line was read into a series."""

    scan = models.ForeignKey("scans.Scan", on_delete=models.PROTECT, related_name="results")
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="scans")
    index = models.ForeignKey(ResultIndex, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scan", "series"], name="scan_results_once"),
            CompositeForeignKey(
                name="scan_results_of_series",
                fields=["index", "series"],
                to_table="scans_resultindex",
                to_columns=["id", "series_id"],
            ),
        ]


def pack(rows: Iterable[tuple[str, int]]) -> tuple[str, bytes]:
    """The SHA-256 (hex) and the packed form of an index. ``rows``: (JSON pointer, finding).

    Pointers that differ in their last number alone, as those of results do, share what is before it;
    of numbers and findings the steps are kept.
    """
    told: dict[str, list[list[int]]] = {}
    last: dict[str, tuple[int, int]] = {}
    for pointer, finding in rows:
        head, _, tail = pointer.rpartition("/")
        if not (tail.isascii() and tail.isdecimal() and str(int(tail)) == tail):
            head, tail = pointer, "-1"
        number, (before, other) = int(tail), last.get(head, (0, 0))
        steps, findings = told.setdefault(head, [[], []])
        steps.append(number - before)
        findings.append(finding - other)
        last[head] = (number, finding)
    text = json.dumps(told, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest(), zlib.compress(text)


def keep_index(series: Series, rows: Iterable[tuple[str, int]]) -> ResultIndex:
    """Store which finding each result is, or find it stored. ``rows``: (JSON pointer, finding)."""
    sha256, packed = pack(rows)
    row: ResultIndex
    row, _ = ResultIndex.objects.get_or_create(
        series=series, sha256=sha256, defaults={"packed": packed}
    )
    return row


def pointers(scans: Iterable[int], findings: Iterable[int] | None = None) -> dict[int, Pointers]:
    """Scan → finding → pointer, of these scans; with ``findings``, of these findings."""
    wanted = None if findings is None else set(findings)
    rows = ScanResults.objects.filter(scan_id__in=list(scans)).order_by("scan_id", "pk")
    if wanted is not None:
        rows = rows.filter(series__findings__in=wanted).distinct()
    opened: dict[int, Pointers] = {}
    found: dict[int, Pointers] = {}
    for scan, index in rows.values_list("scan_id", "index_id"):
        if index not in opened:
            told = ResultIndex.objects.get(pk=index).pointers
            opened[index] = told if wanted is None else _only(told, wanted)
        found.setdefault(scan, {}).update(opened[index])
    return found


def _only(told: Pointers, wanted: Iterable[int]) -> Pointers:
    return {finding: told[finding] for finding in wanted if finding in told}


def scans_that_saw(finding: int, scans: Any) -> Iterator[int]:
    """Those of ``scans`` (ids, or a query for them) whose report shows the finding, newest first."""
    rows = ScanResults.objects.filter(series__findings=finding, scan_id__in=scans)
    opened: dict[int, bool] = {}
    for scan, index in rows.order_by("-scan_id").values_list("scan_id", "index_id"):
        if index not in opened:
            opened[index] = finding in ResultIndex.objects.get(pk=index).pointers
        if opened[index]:
            yield scan


def seen_in_each(scans: Mapping[int, int]) -> dict[int, Sighting]:
    """Finding → where the scan that saw it, its value in ``scans``, saw it."""
    rows = Sighting.objects.filter(finding__in=scans, scan_id__lte=max(scans.values(), default=0))
    earlier = (row for row in rows.order_by("scan_id") if row.scan_id <= scans[row.finding_id])
    return {row.finding_id: row for row in earlier}  # the last of each


def seen_in(finding: int, scan: int) -> Sighting | None:
    """Where a scan that saw the finding saw it."""
    return seen_in_each({finding: scan}).get(finding)
