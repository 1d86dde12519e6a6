"""The reader of reports under any bytes: a Report that keeps its promises, or an InputError."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from gate import formats
from gate.errors import InputError
from gate.formats import content, json_window, shelf
from gate.formats.content import Content, File
from gate.formats.limits import LIMITS
from gate.formats.members import LARGEST
from gate.matching import match
from gate.records import Report, Result, Run

NAME = "fuzz.sarif"
MOST_MATCHED = 200  # results of one run that are matched with themselves
# What is looked for block by block, before the text is parsed: of a document that is also broken
# elsewhere, the size of the blocks decides which of the two is told.
_EARLY = (
    "nested deeper", "more digits", "more JSON values", "not UTF-8", "longer than allowed",
    "more white space",
)  # fmt: skip
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def check(data: bytes) -> None:
    """Raise AssertionError, or whatever the reader raises, if these bytes are not read well."""
    found = _answer(data)
    path = _file()
    path.write_bytes(data)
    number = zlib.crc32(data)
    with _windows_of(3 + number % (len(data) // 16 + 60), 1 + number % 97):
        again = _answer(File(path))
    if isinstance(found, str) or isinstance(again, str):
        _compare_refusals(found, again)
    else:
        assert found == again, "a file reads as its bytes do"
        _look_at(found, data)


def _answer(source: Content) -> Report | str:
    try:
        return formats.read(NAME, source)
    except InputError as error:
        assert error.where.startswith(NAME), error.where
        assert str(error).isprintable(), "one line that can be shown"
        return str(error)


def _compare_refusals(found: Report | str, again: Report | str) -> None:
    assert isinstance(found, str), f"only the file is refused: {again}"
    assert isinstance(again, str), f"only the bytes are refused: {found}"
    is_early = any(words in told for words in _EARLY for told in (found, again))
    assert found == again or is_early, f"{found} | {again}"


@cache
def _file() -> Path:
    """One file for all inputs of this process."""
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return Path(tempfile.mkdtemp(prefix="ctem-fuzz-", dir=folder), NAME)


@contextlib.contextmanager
def _windows_of(size: int, walk: int) -> Iterator[None]:
    """Small blocks, values that are walked through, and texts that are packed at once."""
    before = content.BLOCK, json_window.WALK, shelf.PACKED_FROM
    content.BLOCK, json_window.WALK, shelf.PACKED_FROM = size, walk, 0
    try:
        yield
    finally:
        content.BLOCK, json_window.WALK, shelf.PACKED_FROM = before


def _look_at(report: Report, data: bytes) -> None:
    assert report.size == len(data)
    assert report.sha256 == hashlib.sha256(data).hexdigest()
    assert len(report.problems) <= LIMITS.problems + 1
    _look_at_texts(report)
    document = _document(data)
    for run in report.runs:
        _resolve(document, run.pointer)
        for record in (*run.results, *run.passed, *run.notifications):
            _resolve(document, record.pointer)
        for result in (*run.results, *run.passed):
            _look_at_result(result)
        for path in _paths(run):
            assert _is_below(path), path
        _match(run)


def _document(data: bytes) -> Any:
    lines = formats.rows(NAME, data)
    if lines is not None:
        return lines
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return json.loads(data[len(mark) :].decode(encoding))
    return json.loads(data.decode())


def _resolve(document: Any, pointer: str) -> None:
    """Follow a JSON pointer. Raises what there is to raise where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        document = document[int(key) if isinstance(document, list) else key]
    assert isinstance(document, dict | list), pointer


def _look_at_texts(value: Any) -> None:
    """No NUL and no surrogate in any text of a record, however deep."""
    if isinstance(value, str):
        assert "\x00" not in value, ascii(value[:200])
        value.encode()
    elif isinstance(value, tuple):
        for item in value:
            _look_at_texts(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _look_at_texts(getattr(value, field.name))


def _look_at_result(result: Result) -> None:
    spot = result.location
    for number in (spot.line, spot.column, spot.end_line, spot.end_column):
        assert number is None or 1 <= number <= LARGEST
    assert len(result.message) <= LIMITS.text
    assert len(spot.snippet or "") <= LIMITS.text
    assert result.security_severity is None or 0 <= result.security_severity <= 10
    assert list(result.fingerprints) == sorted(set(result.fingerprints))


def _paths(run: Run) -> Iterator[str]:
    """Every path that a run names."""
    for result in (*run.results, *run.passed):
        yield from () if result.location.path is None else (result.location.path,)
        yield from result.flow_paths
    for notification in run.notifications:
        yield from notification.paths
    yield from run.artifacts
    yield from run.configurations
    yield from (path for path, _ in run.hashes)


def _is_below(path: str) -> bool:
    return not {"", ".", ".."} & set(path.split("/"))


def _match(run: Run) -> None:
    """Every result is paired once or left alone, with itself as with any other."""
    results = run.results[:MOST_MATCHED]
    found = match(results, results)
    olds, news = [pair.before for pair in found.pairs], [pair.after for pair in found.pairs]
    assert sorted((*olds, *found.unmatched_before)) == list(range(len(results)))
    assert sorted((*news, *found.unmatched_after)) == list(range(len(results)))
