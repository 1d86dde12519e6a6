"""The fixes that results of a SARIF file carry (3.27.30, 3.55 to 3.57). Pure.

A fix says regions and the text to put there. With the files as they were (``contents``) it becomes a
diff; without them it stays replacements.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from gate.errors import InputError
from gate.formats.json_text import Document
from gate.formats.limits import Limits
from gate.provenance import tell_maker
from gate.strict import Members
from remediations.readers.drawing import Source, draw
from remediations.readers.offer import (
    MAX_BYTES,
    MAX_FILES,
    MAX_LEFT,
    MAX_OFFERS,
    MAX_PATCH,
    MAX_REPLACEMENTS,
    Named,
    Offer,
    Offers,
    Replacement,
    check_count,
    check_path,
)

LIMITS = Limits(size=MAX_BYTES, transcoded=MAX_BYTES, depth=64, values=5_000_000)
MOST = 2**31 - 1
Contents = Mapping[str, Source]  # path → the file as it was


class Run:
    """One run of a file: its tool, its artifacts, how it counts columns."""

    def __init__(self, members: Members) -> None:
        self.members = members
        driver = members.child("tool").child("driver")
        self.tool = driver.prose("name") or ""
        self.utf16 = members.text("columnKind") == "utf16CodeUnits"
        self.rules = driver.children("rules") if driver.take("rules") is not None else []
        self.artifacts = members.children("artifacts") or []

    def rule_of(self, result: Members) -> str:
        told = result.prose("ruleId") or result.child("rule").prose("id")
        index = result.count("ruleIndex", -1)
        if not told and index is not None and 0 <= index < len(self.rules or []):
            told = (self.rules or [])[index].prose("id")
        return told or ""

    def path_of(self, location: Members) -> str:
        """The path of an artifact location (3.4). Raises InputError for what is not below the root."""
        where = f"{location.name}: {location.path}"
        uri, index = location.take("uri"), location.count("index", -1)
        if uri is None and index is not None and 0 <= index < len(self.artifacts):
            uri = self.artifacts[index].child("location").take("uri")
        if not isinstance(uri, str):
            raise InputError(where, "names no file")
        try:
            return check_path(where, unquote(uri, errors="strict").removeprefix("./"))
        except UnicodeDecodeError as error:
            raise InputError(where, "names a file in no UTF-8") from error


def read(data: bytes, name: str) -> Offers:
    """Return the fixes of all results. Raises InputError with the place."""
    root = Members(Document(data, name, LIMITS).load(), name)
    offers: list[Offer] = []
    left: list[tuple[str, str]] = []
    for members in root.children("runs") or []:
        run = Run(members)
        for result in members.children("results") or []:
            for fix in result.children("fixes") or []:
                offer = _offer(run, result, fix)
                if offer is None:
                    left.append((f"{fix.name}: {fix.path}", "changes nothing"))
                else:
                    offers.append(offer)
                check_count(name, offers, MAX_OFFERS, "fixes")
    return Offers("SARIF", tuple(offers), tuple(left[:MAX_LEFT]))


def _offer(run: Run, result: Members, fix: Members) -> Offer | None:
    where = f"{fix.name}: {fix.path}"
    changes = fix.children("artifactChanges") or []
    check_count(where, changes, MAX_FILES, "files")
    found = [one for change in changes for one in _replacements(run, change)]
    check_count(where, found, MAX_REPLACEMENTS, "replacements")
    if sum(len(one.text) for one in found) > MAX_PATCH:
        raise InputError(where, f"puts in more text than allowed (> {MAX_PATCH} characters)")
    if not found:
        return None
    rule = run.rule_of(result)
    words = _words(fix, "description") or _words(result, "message") or f"Fix for {rule}"
    return Offer(
        where=where, title=words.splitlines()[0][:300] or rule, description=words, tool=run.tool,
        origin=tell_maker(tool=run.tool), rule=rule, replacements=tuple(found),
        named=(_named(run, result, rule),),
    )  # fmt: skip


def _words(members: Members, key: str) -> str:
    message = members.child(key)
    return message.prose("text") or message.prose("markdown") or ""


def _named(run: Run, result: Members, rule: str) -> Named:
    """The result that the fix is of: by its ids, and by its first place."""
    prints = [
        (key, value)
        for told in (result.take("fingerprints"), result.take("partialFingerprints"))
        for key, value in (told.items() if isinstance(told, dict) else ())
        if isinstance(value, str)
    ]
    path, line = _place(run, result)
    return Named(result.prose("guid") or "", rule, path, line, tuple(prints))


def _place(run: Run, result: Members) -> tuple[str, int | None]:
    for location in (result.children("locations") or [])[:1]:
        physical = location.child("physicalLocation")
        if physical.take("artifactLocation") is not None:
            line = physical.child("region").count("startLine", 1, MOST)
            return run.path_of(physical.child("artifactLocation")), line
    return "", None


def _replacements(run: Run, change: Members) -> Iterator[Replacement]:
    path = run.path_of(change.child("artifactLocation"))
    for one in change.children("replacements") or []:
        region = one.child("deletedRegion")
        content = one.child("insertedContent")
        if content.take("binary") is not None:
            raise content.error("binary", "puts bytes into a file; only text is proposed so")
        text = content.take("text")
        if text is not None and not isinstance(text, str):
            raise content.error("text", "must be a text")
        yield _replacement(path, _whole(content, text or ""), region, utf16=run.utf16)


def _whole(content: Members, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise content.error("text", "holds half of a surrogate pair") from error
    return text


def _replacement(path: str, text: str, region: Members, *, utf16: bool) -> Replacement:
    line, char = region.count("startLine", 1, MOST), region.count("charOffset", 0, MOST)
    byte = region.count("byteOffset", 0, MOST)
    if line is None and char is None and byte is None:
        raise region.error("", "says neither lines nor characters nor bytes")
    return Replacement(
        path=path, text=text, start_line=line,
        start_column=region.count("startColumn", 1, MOST),
        end_line=region.count("endLine", line or 1, MOST),
        end_column=region.count("endColumn", 1, MOST),
        char_offset=char, char_length=region.count("charLength", 0, MOST) or 0,
        byte_offset=byte, byte_length=region.count("byteLength", 0, MOST) or 0, utf16=utf16,
    )  # fmt: skip


# --- with the files as they were -----------------------------------------------------------------
def to_diff(replacements: Sequence[Replacement], contents: Contents, where: str) -> bytes | None:
    """Return what the replacements do as git would write it; None unless all their files are told.

    Raises InputError for a region that is not in its file, or that meets another one.
    """
    by_path: dict[str, list[Replacement]] = defaultdict(list)
    for one in replacements:
        by_path[one.path].append(one)
    if not set(by_path) <= set(contents):
        return None
    parts = [_changed(path, contents[path], told, where) for path, told in by_path.items()]
    try:
        return "".join(parts).encode()
    except UnicodeEncodeError as error:
        raise InputError(where, "its files hold half of a surrogate pair") from error


def _changed(path: str, source: Source, replacements: Sequence[Replacement], where: str) -> str:
    spans = sorted((*_span(one, source, where), one.text) for one in replacements)
    at = 0
    for start, end, _ in spans:
        if start < at:
            raise InputError(where, f"two replacements meet in {path} at character {start}")
        at = end
    return draw(path, source, spans)


def _span(one: Replacement, source: Source, where: str) -> tuple[int, int]:
    """The characters of a file that a replacement is for, first and behind the last."""
    try:
        start, end = _of_lines(one, source) if one.start_line else _of_offsets(one, source)
        if start > end:
            raise LookupError("ends before it starts")
    except LookupError as error:
        raise InputError(where, f"a region of {one.path}, as it was told, {error}") from error
    return start, end


def _of_lines(one: Replacement, source: Source) -> tuple[int, int]:
    """Lines and columns (3.30.5 to 3.30.8): without an end column to the end of the line."""
    first, last = one.start_line or 1, one.end_line or one.start_line or 1
    start = _column(source, first, one.start_column or 1, one.utf16)
    if one.end_column is not None:
        return start, _column(source, last, one.end_column, one.utf16)
    begin, end = source.line(last)
    ending = next(e for e in ("\r\n", "\n", "") if source.text.endswith(e, begin, end))
    return start, end - len(ending)


def _column(source: Source, number: int, column: int, utf16: bool) -> int:
    begin, end = source.line(number)
    units = source.utf16 if utf16 else source.characters
    at = units.character(units.before(begin) + column - 1)
    if at > end:
        raise LookupError(f"is beyond the end of line {number}")
    return at


def _of_offsets(one: Replacement, source: Source) -> tuple[int, int]:
    if one.char_offset is not None:
        units = source.utf16 if one.utf16 else source.characters
        start, length = one.char_offset, one.char_length
    else:
        units, start, length = source.utf8, one.byte_offset or 0, one.byte_length
    return units.character(start), units.character(start + length)
