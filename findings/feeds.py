"""Reading the files of feeds as their publishers write them. Strict and bounded; pure: bytes in, rows out.

* kev: CISA's JSON, https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json
* epss: FIRST's CSV, gzipped or not, https://epss.empiricalsecurity.com/epss_scores-current.csv.gz
* cwe: MITRE's CSV of a view, plain, gzipped or zipped, https://cwe.mitre.org/data/csv/1000.csv.zip

What does not look as it should is refused with its place: half a feed would lower priorities.
"""

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.errors import BadInput, TooLarge
from core.text import clean_text, is_clean
from findings.models import FeedKind

MOST_BYTES = 64 * 1024 * 1024  # of a file as it comes
MOST_UNPACKED = 256 * 1024 * 1024
MOST_ROWS = 2_000_000
MOST_LISTED = 100_000  # entries of CISA's list
BLOCK = 1 << 20
EPSS_COLUMNS = ["cve", "epss", "percentile"]

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ABOUT = re.compile(r"#\s*model_version:([^,]{1,80}),\s*score_date:([^,]{1,40})\s*")
_CWE = re.compile(r"[1-9][0-9]{0,5}")
_NUMBER = re.compile(r"[01](?:\.[0-9]{1,12})?(?:[eE]-[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Read:
    """A feed that was read: what it calls itself, the day it speaks of, and its rows.

    kev: (CVE, added on, due on or None, used by ransomware); epss: (CVE, probability, percentile);
    cwe: (number, name).
    """

    version: str
    published_on: date | None
    rows: Sequence[tuple[Any, ...]]


def read_feed(kind: FeedKind, data: bytes, name: str) -> Read:
    """Return what a file of a feed says. Raises BadInput or TooLarge, naming the line or member."""
    if len(data) > MOST_BYTES:
        raise TooLarge(name, f"larger than allowed ({len(data)} > {MOST_BYTES} bytes)")
    plain = _unpacked(data, name)
    if kind is FeedKind.KEV:
        return _kev(plain, name)
    return _epss(plain, name) if kind is FeedKind.EPSS else _cwe(plain, name)


def _unpacked(data: bytes, name: str) -> bytes:
    if data[:2] == b"\x1f\x8b":
        return _gunzipped(data, name)
    return _unzipped(data, name) if data[:4] == b"PK\x03\x04" else data


def _gunzipped(data: bytes, name: str) -> bytes:
    unpacker, found, rest = zlib.decompressobj(31), bytearray(), data
    try:
        while rest and not unpacker.eof:
            found += unpacker.decompress(rest, BLOCK)
            rest = unpacker.unconsumed_tail
            if len(found) > MOST_UNPACKED:
                raise TooLarge(name, f"unpacked larger than allowed (> {MOST_UNPACKED} bytes)")
        found += unpacker.flush()
    except zlib.error as error:
        raise BadInput(name, f"is not gzip as it should be: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise BadInput(name, "is not one whole gzip file: it was cut off, or something follows")
    return bytes(found)


def _unzipped(data: bytes, name: str) -> bytes:
    """The one file of an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) != 1:
                raise BadInput(name, f"holds {len(members)} files; one is expected")
            if members[0].file_size > MOST_UNPACKED:
                raise TooLarge(name, f"unpacked larger than allowed (> {MOST_UNPACKED} bytes)")
            with archive.open(members[0]) as file:
                found = file.read(MOST_UNPACKED + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadInput(name, f"is not a ZIP file that can be read: {error}") from error
    if len(found) > MOST_UNPACKED:
        raise TooLarge(name, f"unpacked larger than allowed (> {MOST_UNPACKED} bytes)")
    return found


# --- kev -----------------------------------------------------------------------------------------
def _kev(data: bytes, name: str) -> Read:
    log = _json(data, name)
    if type(log) is not dict or type(log.get("vulnerabilities")) is not list:
        raise BadInput(f"{name}#/vulnerabilities", "missing: this is not CISA's list")
    entries = log["vulnerabilities"]
    if not 0 < len(entries) <= MOST_LISTED:
        raise BadInput(
            f"{name}#/vulnerabilities",
            f"has {len(entries)} entries; 1 to {MOST_LISTED} are allowed",
        )
    rows: dict[str, tuple[Any, ...]] = {}
    for index, entry in enumerate(entries):
        row = _entry(entry, f"{name}#/vulnerabilities/{index}")
        if row[0] in rows:
            raise BadInput(f"{name}#/vulnerabilities/{index}/cveID", f"{row[0]} is there twice")
        rows[row[0]] = row
    released = str(log.get("dateReleased") or "")[:10]
    published = _day(released, f"{name}#/dateReleased") if released else None
    version = log.get("catalogVersion")
    return Read(
        clean_text(version, 80) if type(version) is str else "", published, list(rows.values())
    )


def _json(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        place = f"{name}, line {error.lineno}, column {error.colno}"
        raise BadInput(place, f"is not JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadInput(name, "is not JSON that can be used") from error


def _entry(entry: Any, at: str) -> tuple[str, date, date | None, bool]:
    if type(entry) is not dict:
        raise BadInput(at, "must be an object")
    cve, added, due, used = (
        entry.get(key) for key in ("cveID", "dateAdded", "dueDate", "knownRansomwareCampaignUse")
    )
    if type(cve) is not str or not _CVE.fullmatch(cve):
        raise BadInput(f"{at}/cveID", "must be a CVE, such as CVE-2021-44228")
    if used not in ("Known", "Unknown"):
        raise BadInput(f"{at}/knownRansomwareCampaignUse", "must be Known or Unknown")
    return (
        cve,
        _day(added, f"{at}/dateAdded"),
        _day(due, f"{at}/dueDate") if due else None,
        used == "Known",
    )


def _day(text: Any, at: str) -> date:
    if type(text) is str and _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise BadInput(at, "must be a date, such as 2026-01-31")


# --- tables --------------------------------------------------------------------------------------
def _epss(data: bytes, name: str) -> Read:
    lines = _lines(data, name)
    about = _ABOUT.fullmatch((next(lines, "")).strip())
    if about is None:
        raise BadInput(
            f"{name}, line 1", "must be #model_version:…,score_date:…: this is not FIRST's table"
        )
    table = csv.reader(lines, strict=True)
    if _row(table, name, 1) != EPSS_COLUMNS:
        raise BadInput(f"{name}, line 2", f"must be {','.join(EPSS_COLUMNS)}")
    rows: dict[str, tuple[Any, ...]] = {}
    while (cells := _row(table, name, 1)) is not None:
        where = f"{name}, line {table.line_num + 1}"
        if len(cells) != len(EPSS_COLUMNS) or not _CVE.fullmatch(cells[0]):
            raise BadInput(where, "must be a CVE and two numbers")
        if cells[0] in rows:
            raise BadInput(where, f"{cells[0]} is there twice")
        rows[cells[0]] = cells[0], _share(cells[1], where), _share(cells[2], where)
        _check_number(len(rows), where)
    if not rows:
        raise BadInput(name, "has no rows")
    published = _day(about[2].strip()[:10], f"{name}, line 1, score_date")
    return Read(clean_text(about[1].strip(), 80), published, list(rows.values()))


def _share(text: str, where: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else 2.0
    if number > 1:
        raise BadInput(where, f"{clean_text(text, 40)!r} is no number from 0 to 1")
    return number


def _cwe(data: bytes, name: str) -> Read:
    table = csv.reader(_lines(data, name), strict=True)
    header = _row(table, name, 0) or []
    if "CWE-ID" not in header or "Name" not in header:
        raise BadInput(
            f"{name}, line 1", "must name the columns CWE-ID and Name: not MITRE's table"
        )
    number, title = header.index("CWE-ID"), header.index("Name")
    rows: dict[int, tuple[Any, ...]] = {}
    while (cells := _row(table, name, 0)) is not None:
        where = f"{name}, line {table.line_num}"
        if len(cells) <= max(number, title) or not _CWE.fullmatch(cells[number]):
            raise BadInput(where, "must have the number of a weakness in the column CWE-ID")
        if not cells[title].strip() or int(cells[number]) in rows:
            raise BadInput(where, "a weakness without a name, or one that is there twice")
        rows[int(cells[number])] = int(cells[number]), clean_text(cells[title].strip(), 300)
        _check_number(len(rows), where)
    if not rows:
        raise BadInput(name, "has no rows")
    return Read("", None, list(rows.values()))


def _lines(data: bytes, name: str) -> Iterator[str]:
    """The lines of UTF-8 text with their ends."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name}, byte {error.start}", "is not UTF-8") from error
    if not is_clean(text):
        raise BadInput(name, "holds NUL")
    return iter(io.StringIO(text, newline=None))


def _row(table: Any, name: str, before: int) -> list[str] | None:
    """The next row that holds anything; ``before``: lines that were read before the table."""
    try:
        return next((cells for cells in table if cells), None)
    except csv.Error as error:
        raise BadInput(f"{name}, line {table.line_num + before}", str(error)) from error


def _check_number(number: int, where: str) -> None:
    if number > MOST_ROWS:
        raise TooLarge(where, f"more rows than allowed (> {MOST_ROWS})")
