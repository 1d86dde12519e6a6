"""What readers of proposed fixes give: frozen records, with their limits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gate import git_names
from gate.composed import composed
from gate.diff import Diff, parse
from gate.errors import InputError
from gate.provenance import Origin

MAX_BYTES = 16 * 1024 * 1024  # of one file of proposals
MAX_OFFERS = 500  # of one file
MAX_FILES = 300  # that one offer changes
MAX_PATCH = 4 * 1024 * 1024  # bytes of one offer's diff, or of the texts that it puts in
MAX_NAMED = 500  # findings that one offer is for
MAX_REPLACEMENTS = 2_000  # of one offer
MAX_PATH = 1_000
MAX_LEFT = 200  # things left out that are spelt out
_CONTROL = {chr(n) for n in (*range(32), 127)}


@dataclass(frozen=True, slots=True)
class Named:
    """A finding as who made the fix names it: by an id, a rule, a place, fingerprints (key, value)."""

    id: str = ""
    rule: str = ""
    path: str = ""
    line: int | None = None
    prints: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Replacement:
    """Text put in the place of a region (SARIF 3.57). One of lines, characters, bytes says where.

    Lines and columns count from 1, offsets from 0; columns in characters, or in UTF-16 units.
    """

    path: str
    text: str
    start_line: int | None = None
    start_column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    char_offset: int | None = None
    char_length: int = 0
    byte_offset: int | None = None
    byte_length: int = 0
    utf16: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """One proposed fix. ``diff`` as git writes it; None where only ``replacements`` are known.

    ``where``: its place in the file. ``origin``: who or what made it, by the file's own words.
    """

    where: str
    title: str
    description: str
    origin: Origin
    tool: str
    rule: str = ""  # of the maker: the codemod, or the scanner's rule
    diff: bytes | None = None
    replacements: tuple[Replacement, ...] = ()
    named: tuple[Named, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it changes, as far as its replacements say; a diff says them itself."""
        return tuple(dict.fromkeys(one.path for one in self.replacements))


@dataclass(frozen=True, slots=True)
class Offers:
    """All that a file proposes. ``left``: (place, why) of what is no proposal."""

    format: str
    offers: tuple[Offer, ...]
    left: tuple[tuple[str, str], ...] = ()


def check_path(where: str, path: object) -> str:
    """Return a path below the root, composed. Raises InputError for all that could lead elsewhere."""
    if not isinstance(path, str) or not path:
        raise InputError(where, "must be a path")
    plain = composed(path)
    shown = "".join(c if c.isprintable() else "\ufffd" for c in path[:120])
    if plain is None or len(path) > MAX_PATH or _CONTROL & set(path):
        raise InputError(where, f"is no path of a file: {shown!r}")
    if "\\" in path or ":" in path.split("/")[0] or '"' in path:
        raise InputError(where, f"is no plain path below the root of the repository: {shown!r}")
    try:
        return git_names.checked(plain.encode())
    except (ValueError, UnicodeError) as error:
        raise InputError(where, clean(str(error))) from error


def check_diff(where: str, data: bytes) -> Diff:
    """Return a git diff as it is read, within the limits of one offer. Raises InputError."""
    if len(data) > MAX_PATCH:
        raise InputError(where, f"larger than allowed ({len(data)} > {MAX_PATCH} bytes)")
    diff = parse(data, where)
    if len(diff.files) > MAX_FILES:
        raise InputError(where, f"more files than allowed ({len(diff.files)} > {MAX_FILES})")
    if not diff.files:
        raise InputError(where, "changes nothing")
    for file in diff.files:
        for path in {file.old_path, file.new_path} - {None}:
            check_path(where, path)
    return diff


def check_count(where: str, items: Sequence[object], most: int, what: str) -> None:
    """Raise InputError where there are more than allowed."""
    if len(items) > most:
        raise InputError(where, f"more {what} than allowed ({len(items)} > {most})")


def clean(text: str) -> str:
    """A text for an error, without what a database or a terminal stumbles over."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text[:300])
