"""Reading a CODEOWNERS file and telling whose a path is. Pure: text in, owners out.

GitHub's rules: the last line that matches a path counts; patterns as in gitignore, but for ``!``, ``[ ]``
and an escaped ``#``, which mean nothing there; a line without owners takes a path out. GitLab's: sections,
in each of which the last matching line counts, and whose owners add up; a heading's owners stand for those
that a line leaves out; a pattern without a slash in front matches at any depth, and a directory needs its
slash at the end. A line that cannot be used is told with its number and counts for nothing, as there.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from core.errors import BadInput, TooLarge
from core.text import clean_text
from scopes.statuses import Dialect

MAX_BYTES = 3 * 1024 * 1024  # as GitHub
MAX_LINES = 50_000
MAX_PATTERN = 1_000  # characters
MAX_OWNERS = 100  # of one line
MAX_OWNER = 255  # characters
MAX_STARS = 20  # wildcards of one pattern
MAX_WILD = 1_000  # patterns of a file that are tried one by one
MAX_SECTIONS = 500
MOST_PROBLEMS = 100  # that are told
_OWNER = re.compile(r"@[\w.-]+(/[\w./-]+)?|@@?[\w-]+|[^\s@]+@[^\s@]+\.[^\s@]+")
_HEADING = re.compile(r"(\^?)\[([^\[\]]+)\](?:\[(\d{1,3})\])?(?:\s+(.*))?")
_SPACES = re.compile(r"[ \t]+")
_WILD = re.compile(r"[*?\\]")
_NAME = re.compile(r"(\*\.)?[^*?\\]+")  # what is looked up at any depth: a name, or how names end


@dataclass(frozen=True, slots=True)
class Rule:
    """One line that counts. ``line``: its number, from 1."""

    line: int
    pattern: str
    owners: tuple[str, ...]


@dataclass(slots=True)
class Section:
    """Lines of which the last that matches counts. GitHub knows one of them only."""

    name: str
    defaults: tuple[str, ...] = ()
    rules: list[Rule] = field(default_factory=list)
    _exact: dict[str, int] = field(default_factory=dict)  # one of _places → its last rule
    _wild: list[tuple[int, Callable[[str], bool]]] = field(default_factory=list)

    def add(self, rule: Rule, matches: str | Callable[[str], bool]) -> None:
        """Add a rule, with the place that it is of or a test of paths."""
        number = len(self.rules)
        self.rules.append(rule)
        if isinstance(matches, str):
            self._exact[matches] = number
        else:
            self._wild.append((number, matches))

    def rule_of(self, path: str, places: Sequence[str]) -> Rule | None:
        """The last rule that matches a path. Most are looked up by its places, not tried one by one."""
        last = max((self._exact.get(name, -1) for name in places), default=-1)
        for number, matches in reversed(self._wild):
            if number < last:
                break
            if matches(path):
                return self.rules[number]
        return self.rules[last] if last >= 0 else None


@dataclass(frozen=True, slots=True)
class CodeOwnersFile:
    """A file as it was read. ``problems``: sentences that begin with the line."""

    dialect: Dialect
    sections: tuple[Section, ...]
    problems: tuple[str, ...]

    @property
    def rules(self) -> int:
        return sum(len(section.rules) for section in self.sections)

    def owners_of(self, path: str) -> tuple[str, ...]:
        """Owners of a path as they are written (``@acme/payments``, ``ada@example.org``); empty: nobody's."""
        told: dict[str, None] = {}
        path = path.removeprefix("/")
        places = tuple(_places(path))
        for section in self.sections:
            rule = section.rule_of(path, places)
            if rule is not None:
                told.update(dict.fromkeys(rule.owners or section.defaults))
        return tuple(told)


def read(text: str | bytes, dialect: Dialect | None = None) -> CodeOwnersFile:
    """Read a file; ``dialect`` None: told by its sections. Raises TooLarge or BadInput for the whole of it."""
    text = _text(text)
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise TooLarge("file", f"has more lines than allowed ({len(lines)} > {MAX_LINES})")
    if dialect is None:
        has_sections = any(_is_heading(line.strip()) for line in lines)
        dialect = Dialect.GITLAB if has_sections else Dialect.GITHUB
    sections: dict[str, Section] = {"": Section("")}
    problems = list(_fill(lines, dialect, sections))
    if len(problems) > MOST_PROBLEMS:
        left = len(problems) - MOST_PROBLEMS
        problems = [*problems[:MOST_PROBLEMS], f"and {left} lines more"]
    return CodeOwnersFile(dialect, tuple(sections.values()), tuple(problems))


def _text(text: str | bytes) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise TooLarge("file", f"larger than allowed ({len(data)} > {MAX_BYTES} bytes)")
    try:
        told = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"file, line {line}", "is not UTF-8") from error
    if "\0" in told:
        line = told.count("\n", 0, told.index("\0")) + 1
        raise BadInput(f"file, line {line}", "holds NUL")
    return told


def _fill(lines: list[str], dialect: Dialect, sections: dict[str, Section]) -> Iterator[str]:
    """Put rules into their sections; yield a sentence for each line that does not count."""
    now, wild = sections[""], count(1)
    for number, line in enumerate(lines, 1):
        told = line.strip()
        if not told or told.startswith("#"):
            continue
        if dialect is Dialect.GITLAB and (heading := _HEADING.fullmatch(told)):
            now = _section(heading, sections)
            if now is not sections.get(now.name.casefold()):
                yield f"line {number}: more sections than allowed (> {MAX_SECTIONS})"
            continue
        try:
            _add(now, number, told, dialect, wild)
        except ValueError as error:
            yield f"line {number}: {error}"


def _is_heading(line: str) -> bool:
    """Whether a line is a heading of GitLab: brackets, then nothing or owners. A pattern has no name."""
    found = _HEADING.fullmatch(line)
    return found is not None and all(map(_is_owner, (found[4] or "").split()))


def _is_owner(word: str) -> bool:
    return len(word) <= MAX_OWNER and _OWNER.fullmatch(word) is not None


def _section(heading: re.Match[str], sections: dict[str, Section]) -> Section:
    """The section of a heading; one of the same name goes on, whatever the case of its letters.

    One too many is not among ``sections``: its lines count for nothing.
    """
    name, owners = heading[2].strip(), tuple((heading[4] or "").split())
    known = sections.get(name.casefold()) or Section(name)
    if len(sections) < MAX_SECTIONS:
        sections[name.casefold()] = known
    known.defaults = known.defaults or tuple(filter(_is_owner, owners))
    return known


def _add(section: Section, number: int, line: str, dialect: Dialect, wild: Iterator[int]) -> None:
    """Add the rule of one line. ``wild`` counts those that are tried. Raises ValueError with what is wrong."""
    pattern, rest = _split(line)
    owners = tuple(_owners(rest))
    if not owners and dialect is Dialect.GITLAB and not section.defaults:
        raise ValueError("names no owner, and its section has none")
    _check(pattern, dialect)
    anchored, segments = _segments(pattern, dialect)
    if not anchored and segments[0] != "**":
        segments = ["**", *segments]
    place = _literal(pattern, anchored, dialect) or _anywhere(segments, dialect)
    if place is None and next(wild) > MAX_WILD:
        raise ValueError(f"more patterns with wildcards within than allowed (> {MAX_WILD})")
    rule = Rule(number, clean_text(pattern, 200), owners)
    section.add(rule, place or _matcher(segments, dialect))


def _split(line: str) -> tuple[str, str]:
    """The pattern, in which a space is escaped, and the rest of a line."""
    end = 0
    while end < len(line) and line[end] not in " \t":
        end += 2 if line[end] == "\\" else 1
    return line[:end], line[end:]


def _owners(rest: str) -> Iterator[str]:
    """Owners until the end or a comment."""
    words = _SPACES.split(rest.strip()) if rest.strip() else []
    for before, word in enumerate(words):
        if word.startswith("#"):
            return
        if before >= MAX_OWNERS:
            raise ValueError(f"names more owners than allowed (> {MAX_OWNERS})")
        if not _is_owner(word):
            raise ValueError(
                f"{clean_text(word, 60)!r} is no owner: @user, @org/team or an address"
            )
        yield word


def _check(pattern: str, dialect: Dialect) -> None:
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"its pattern is longer than allowed ({len(pattern)} > {MAX_PATTERN})")
    if pattern.startswith("!"):
        raise ValueError("a pattern cannot be negated with !")
    if dialect is Dialect.GITHUB and pattern.startswith("\\#"):
        raise ValueError("a # at the start cannot be escaped")
    if "[" in re.sub(r"\\.", "", pattern) or "]" in re.sub(r"\\.", "", pattern):
        raise ValueError("ranges in [ ] are not known here")
    if "***" in pattern:
        raise ValueError("three stars in a row mean nothing")
    if pattern.count("*") + pattern.count("?") > MAX_STARS:
        raise ValueError(f"its pattern has more wildcards than allowed (> {MAX_STARS})")
    if pattern.endswith("\\") and not pattern.endswith("\\\\"):
        raise ValueError("ends in the middle of an escape")


def _segments(pattern: str, dialect: Dialect) -> tuple[bool, list[str]]:
    """Whether a pattern begins at the root, and its parts between slashes; ``""`` at the end: a directory.

    In gitignore a slash within anchors as well; in GitLab only one in front does.
    """
    inner = pattern.rstrip("/") if dialect is Dialect.GITHUB else ""
    anchored = pattern.startswith("/") or "/" in inner
    return anchored, pattern.removeprefix("/").split("/")


def _literal(pattern: str, anchored: bool, dialect: Dialect) -> str | None:
    """What a rule without wildcards is found by: ``a/b`` as a file or a directory, ``a/b/`` as a directory."""
    if not anchored or _WILD.search(pattern) or pattern == "/":
        return None
    return _as_file(pattern.removeprefix("/"), dialect)


def _as_file(name: str, dialect: Dialect) -> str:
    return f"={name}" if dialect is Dialect.GITLAB and not name.endswith("/") else name


def _anywhere(segments: list[str], dialect: Dialect) -> str | None:
    """The same for one name at any depth, or how it ends: ``**/a``, ``**/*.py``, ``**/a/``."""
    if segments[0] != "**" or segments[2:] not in ([], [""]) or len(segments) == 1:
        return None
    name = "/".join(segments)
    return _as_file(name, dialect) if _NAME.fullmatch(segments[1]) else None


def _places(path: str) -> Iterator[str]:
    """Under which literals a path is found: itself, and each directory that it lies in, with / and without.

    Then each of its names, and how it ends from each dot on, as ``_anywhere`` writes them.
    """
    yield path
    yield f"={path}"
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        yield path[: at + 1]
        at = path.find("/", at + 1)
    names = path.split("/")
    for number, name in enumerate(names, 1):
        if not name:
            return
        ends = (f"*{name[dot:]}" for dot, char in enumerate(name) if char == ".")
        for told in (name, *ends):
            yield f"**/{told}"
            yield f"=**/{told}" if number == len(names) else f"**/{told}/"


def _matcher(segments: list[str], dialect: Dialect) -> Callable[[str], bool]:
    """A test of paths by a pattern. It never tries a place twice, so its time is bounded."""
    if segments == [""]:
        return lambda path: False  # "/" alone: no file is the root
    below = segments[-1] == ""
    if below:
        segments = [*segments[:-1], "**"]
    last = segments[-1]
    # On GitHub a directory is all that lies in it; a lone star is one name, and no more.
    tail = r"(?:/.*)?" if dialect is Dialect.GITHUB and last not in ("*", "**") else ""
    expression = re.compile(_expression(segments) + tail + r"\Z", re.DOTALL)
    return lambda path: expression.match(path) is not None


def _expression(segments: list[str]) -> str:
    """The regular expression of a path. Groups are atomic: the leftmost fit of a part is as good as any."""
    told, waiting, after_stars = "", "", False
    for number, segment in enumerate(segments):
        is_last = number == len(segments) - 1
        if segment == "**":
            if is_last:
                return told + _part(waiting, after_stars) + r".+"
            told, waiting, after_stars = told + _part(waiting, after_stars), "", True
            continue
        waiting += _segment(segment) + ("" if is_last else "/")
    # What follows the last ** may have to lie further right than its first fit: no atom around it.
    return told + (r"(?:[^/]+/)*?" if after_stars else "") + waiting


def _part(chunk: str, after_stars: bool) -> str:
    return rf"(?>(?:[^/]+/)*?{chunk})" if after_stars and chunk else chunk


def _segment(segment: str) -> str:
    """One name with wildcards; every star but the last takes the leftmost fit of what follows it."""
    if segment in ("*", "**"):
        return r"[^/]+"
    pieces = re.findall(r"\\.|\*+|.", segment, re.DOTALL)
    told: list[str] = [""]
    for piece in pieces:
        if piece.startswith("*"):
            told.append("")
        elif piece == "?":
            told[-1] += r"[^/]"
        else:
            told[-1] += re.escape(piece[-1])
    first, *rest = told
    if not rest:
        return first
    atoms = "".join(rf"(?>[^/]*?{part})" for part in rest[:-1])
    return rf"{first}{atoms}[^/]*{rest[-1]}"
