"""Lists of assets as people and code hosts write them: CSV, GitHub's and GitLab's JSON. Pure: bytes in, rows out.

A row says what the file says and nothing else: what is left out or empty stays as it is. A row that
cannot be used is told with its place; nothing of a file is taken while one is.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.errors import BadInput, TooLarge
from core.text import clean_text, is_clean
from scopes.models import AssetKind
from scopes.services.assets import MAX_TAG, MAX_TAGS, TAG, clean_tags
from scopes.statuses import Environment, LinkKind

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 50_000
_LENGTHS = {"name": 200, "repository": 500, "default_line": 200, "address": 500, "external_id": 200,
            "team": 200}  # fmt: skip
_WORDS = {"kind": [k.value for k in AssetKind], "environment": [e.value for e in Environment if e]}
LINKS = tuple(kind.value for kind in LinkKind)
COLUMNS = (
    "name", "kind", "repository", "default_line", "environment", "tags", "team", "address",
    "external_id", *LINKS,
)  # fmt: skip
_SEVERAL = re.compile(r"[;,\s]+")


class FileFormat(StrEnum):
    CSV = "csv"
    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One asset as a file tells of it. ``told``: column → value; ``where``: line 12, or item 3."""

    where: str
    told: Mapping[str, Any]
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.told["name"])


@dataclass(frozen=True, slots=True)
class Refusal:
    where: str
    sentence: str


def check_size(size: int) -> None:
    """Raise TooLarge for a file that is not read at all."""
    if size > MAX_BYTES:
        raise TooLarge("file", f"larger than allowed ({size} > {MAX_BYTES} bytes)")


def read(data: bytes, file_format: str = "") -> tuple[list[AssetRow], list[Refusal]]:
    """Read a file; the format, left out, is told by its content. Return its rows and what cannot be used.

    Raises TooLarge or BadInput for what makes the whole of it unreadable.
    """
    check_size(len(data))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"file, byte {error.start}", "is not UTF-8") from error
    if not text.strip():
        raise BadInput("file", "is empty")
    rows: list[AssetRow] = []
    refused: list[Refusal] = []
    for place, told in _read(text, FileFormat(file_format) if file_format else None):
        if len(rows) + len(refused) >= MAX_ROWS:
            raise TooLarge("file", f"has more assets than allowed (> {MAX_ROWS})")
        try:
            rows.append(_row(place, told))
        except BadInput as error:
            refused.append(Refusal(place, str(error)))
    return rows, refused


def _read(text: str, file_format: FileFormat | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if file_format is FileFormat.CSV or (file_format is None and text.lstrip()[0] not in "[{"):
        yield from _csv(text)
        return
    for number, item in enumerate(_items(text), 1):
        place = f"item {number}"
        if not isinstance(item, dict):
            raise BadInput(f"file, {place}", "is no object")
        yield place, _host(item, file_format)(item)


def _csv(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    head = text.partition("\n")[0]
    delimiter = ";" if ";" in head and "," not in head else ","
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(lines)]
        _check_header(header)
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"line {lines.line_num}"
            yield place, _cells(place, header, cells)
    except csv.Error as error:
        raise BadInput(f"file, line {lines.line_num}", f"is no CSV: {error}") from error


def _check_header(header: list[str]) -> None:
    if "name" not in header:
        raise BadInput(
            "file, line 1", f"must name the columns, name among them: {', '.join(COLUMNS)}"
        )
    for name in header:
        if name not in COLUMNS:
            raise BadInput(
                "file, line 1", f"{clean_text(name, 40)!r} is none of: {', '.join(COLUMNS)}"
            )
        if header.count(name) > 1:
            raise BadInput("file, line 1", f"the column {name} is there twice")


def _cells(place: str, header: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) > len(header):
        return {"": f"has more cells than columns ({len(cells)} > {len(header)})"}
    return dict(zip(header, (cell.strip() for cell in cells), strict=False))


def _items(text: str) -> Iterator[Any]:
    """Items of JSON arrays, one after the other: pages as they were fetched."""
    decoder, at = json.JSONDecoder(parse_constant=_no_constant), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            page, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"file, character {at}", "begins no JSON that can be used") from error
        yield from page if isinstance(page, list) else [page]


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _host(
    item: Mapping[str, Any], told: FileFormat | None
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    if told is FileFormat.GITLAB or (told is None and "path_with_namespace" in item):
        return _gitlab
    return _github


def _github(item: Mapping[str, Any]) -> dict[str, Any]:
    """One of ``GET /orgs/{org}/repos``."""
    return {
        "name": item.get("full_name") or item.get("name"),
        "kind": AssetKind.REPOSITORY.value,
        "repository": item.get("clone_url") or item.get("html_url"),
        "default_line": item.get("default_branch"),
        "tags": _tags(item, item.get("topics")),
        "external_id": _number("github", item),
    }


def _gitlab(item: Mapping[str, Any]) -> dict[str, Any]:
    """One of ``GET /groups/:id/projects``."""
    return {
        "name": item.get("path_with_namespace"),
        "kind": AssetKind.REPOSITORY.value,
        "repository": item.get("http_url_to_repo") or item.get("web_url"),
        "default_line": item.get("default_branch"),
        "tags": _tags(item, item.get("topics") or item.get("tag_list")),
        "external_id": _number("gitlab", item),
    }


def _number(host: str, item: Mapping[str, Any]) -> str:
    number = item.get("id")
    return f"{host}:{number}" if isinstance(number, int) and not isinstance(number, bool) else ""


def _tags(item: Mapping[str, Any], topics: Any) -> list[str]:
    """Topics that can be tags; hosts allow more than we do."""
    told = topics if isinstance(topics, list) else []
    words = [str(topic).strip().lower().replace(" ", "-") for topic in told]
    kept = [word for word in words if TAG.fullmatch(word) and len(word) <= MAX_TAG][: MAX_TAGS - 1]
    return [*kept, "archived"] if item.get("archived") is True else kept


def _row(place: str, told: Mapping[str, Any]) -> AssetRow:
    """Check what is told of one asset. Raises BadInput that names the column."""
    if "" in told:
        raise BadInput("", str(told[""]))
    kept: dict[str, Any] = {}
    links: dict[str, tuple[str, ...]] = {}
    for name, value in told.items():
        if value in (None, "", []):
            continue
        if name in LINKS:
            links[name] = tuple(
                dict.fromkeys(part.strip() for part in value.split(";") if part.strip())
            )
        elif name == "tags":
            kept["tags"] = clean_tags(_SEVERAL.split(value) if isinstance(value, str) else value)
        else:
            kept[name] = _text(name, value)
    if "name" not in kept:
        raise BadInput("name", "is missing")
    return AssetRow(place, kept, links)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadInput(name, "is no text")
    if not is_clean(value):
        raise BadInput(name, "holds a character that cannot be stored")
    if name in _WORDS and value not in _WORDS[name]:
        raise BadInput(name, f"{value[:40]!r} is none of: {', '.join(_WORDS[name])}")
    if len(value) > _LENGTHS.get(name, 200):
        raise BadInput(name, f"longer than allowed ({len(value)} > {_LENGTHS[name]} characters)")
    return value
