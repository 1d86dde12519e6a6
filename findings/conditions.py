"""What a rule of discovery asks of a finding: typed, bounded, read strictly, all of it has to hold. Pure."""

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from core.errors import BadInput
from core.text import is_clean
from findings.statuses import Presence, Severity
from gate.records import LEVEL_RANK, Level

MOST = 20  # members of one condition
LONGEST = 300  # characters of a name, a pattern or a word
SEVERITIES = [severity.value for severity in reversed(Severity)]  # from the least to the worst
LEVELS = sorted((level.value for level in Level), key=lambda level: LEVEL_RANK[Level(level)])
CWE = re.compile(r"CWE-[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Told:
    """What rules may look at of one finding. ``severity``: by the tool, whatever people decided."""

    tool: str
    tool_class: str
    rule: str
    path: str
    title: str
    level: str
    severity: str
    cwes: tuple[str, ...]
    asset: int
    asset_tags: frozenset[str]
    presence: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of a list one member has to be met, of ``title`` each word; what is empty asks nothing."""

    tool: tuple[str, ...] = ()
    tool_class: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()  # ids, with * for any characters
    path: tuple[str, ...] = ()  # globs, as gate/globs.py reads them
    title: tuple[str, ...] = ()
    cwe: tuple[str, ...] = ()
    asset: tuple[int, ...] = ()
    asset_tag: tuple[str, ...] = ()
    presence: tuple[str, ...] = ()
    severity_at_most: str = ""
    severity_at_least: str = ""
    level_at_most: str = ""
    level_at_least: str = ""

    def hold(self, told: Told) -> bool:
        return all(holds(value, told) for holds, value in checks_of(self))

    def asked(self) -> list[str]:
        """The names of the conditions that ask something."""
        return [field.name for field in fields(self) if getattr(self, field.name)]

    def to_dict(self) -> dict[str, Any]:
        """As they are stored and told: what asks nothing is left out."""
        told = {name: getattr(self, name) for name in self.asked()}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in told.items()}


# --- whether they hold -----------------------------------------------------------------------------
@lru_cache(maxsize=4096)
def _id_glob(glob: str) -> re.Pattern[str]:
    """``*`` alone has a meaning. The standard library's pattern takes linear time."""
    plain = glob.replace("[", "[[]").replace("?", "[?]")
    return re.compile(fnmatch.translate(plain), re.IGNORECASE)


@lru_cache(maxsize=4096)
def _compiled(glob: str) -> tuple[tuple[re.Pattern[str] | None, ...], str]:
    """The parts of a glob, None for any number of folders; and a text that its paths hold, in small letters."""
    parts = ["**", *glob.removeprefix("**/").split("/")]
    told = max((text for part in parts for text in part.split("*")), key=len).lower()
    return tuple(None if part == "**" else _id_glob(part) for part in parts), told


def meets(glob: str, path: str) -> bool:
    """Whether a path meets a glob, as ``gate.globs`` says, in time that no pattern makes long.

    ``*`` stays within a folder, ``**`` is any number of folders; a glob may begin in any folder.
    """
    parts, told = _compiled(glob)
    if path.isascii() and told.isascii() and told not in path.lower():
        return False
    there = path.split("/")
    reached = {0}  # how many folders of the path the parts so far may have taken
    for at, part in enumerate(parts):
        if part is None:
            least = min(reached) + (at == len(parts) - 1)
            reached = set(range(least, len(there) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(there) and part.match(there[n])}
        if not reached:
            return False
    return len(there) in reached


def _at_most(order: Sequence[str], limit: str, value: str) -> bool:
    return order.index(value) <= order.index(limit)


Check = tuple[Callable[[Any, Told], bool], Any]
HOLDS: Mapping[str, Callable[[Any, Told], bool]] = {
    "tool": lambda asked, told: told.tool in asked,
    "tool_class": lambda asked, told: told.tool_class in asked,
    "rule": lambda asked, told: any(_id_glob(glob).match(told.rule) for glob in asked),
    "path": lambda asked, told: any(meets(glob, told.path) for glob in asked),
    "title": lambda asked, told: all(word.casefold() in told.title.casefold() for word in asked),
    "cwe": lambda asked, told: not set(asked).isdisjoint(told.cwes),
    "asset": lambda asked, told: told.asset in asked,
    "asset_tag": lambda asked, told: not told.asset_tags.isdisjoint(asked),
    "presence": lambda asked, told: told.presence in asked,
    "severity_at_most": lambda asked, told: _at_most(SEVERITIES, asked, told.severity),
    "severity_at_least": lambda asked, told: _at_most(SEVERITIES, told.severity, asked),
    "level_at_most": lambda asked, told: _at_most(LEVELS, asked, told.level),
    "level_at_least": lambda asked, told: _at_most(LEVELS, told.level, asked),
}
LAST = ("title", "rule", "path")  # what takes longest to ask


def checks_of(conditions: Conditions) -> tuple[Check, ...]:
    """What conditions ask, what is told fastest first: whether it holds, and for which values."""
    names = sorted(conditions.asked(), key=lambda name: LAST.index(name) if name in LAST else -1)
    return tuple((HOLDS[name], getattr(conditions, name)) for name in names)


LOOKS_AT = {  # condition → the field of Told
    "cwe": "cwes", "asset_tag": "asset_tags", "severity_at_most": "severity",
    "severity_at_least": "severity", "level_at_most": "level", "level_at_least": "level",
}  # fmt: skip


def looked_at(name: str) -> str:
    """Return the field of ``Told`` that a condition looks at."""
    return LOOKS_AT.get(name, name)


# --- reading ---------------------------------------------------------------------------------------
def read_conditions(data: Any, where: str = "conditions") -> Conditions:
    """Return conditions as they were sent or stored. Raises BadInput that names the place."""
    if not isinstance(data, Mapping):
        raise BadInput(where, "must be an object")
    known = {field.name for field in fields(Conditions)}
    if unknown := sorted(str(name) for name in data if name not in known):
        raise BadInput(f"{where}.{unknown[0][:60]}", f"is none of: {', '.join(sorted(known))}")
    told = {name: READ[name](value, f"{where}.{name}") for name, value in data.items()}
    conditions = Conditions(**told)
    if not conditions.asked():
        raise BadInput(where, "must ask something: a rule for every finding is a mistake")
    return conditions


def _word(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadInput(where, "must be a text that is not empty")
    if len(value) > LONGEST:
        raise BadInput(where, f"longer than allowed ({len(value)} > {LONGEST} characters)")
    if not is_clean(value):
        raise BadInput(where, "holds NUL or half of a surrogate pair")
    return value.strip()


def _small(value: Any, where: str) -> str:
    return _word(value, where).casefold()


def _glob(value: Any, where: str) -> str:
    glob = _word(value, where).removeprefix("./")
    if glob.startswith("/") or glob.endswith("/") or "//" in glob:
        raise BadInput(where, "must be relative to the repository and name files: tests/**")
    if any("**" in part and part != "**" for part in glob.split("/")):
        raise BadInput(where, "** must stand for whole folders: a/**/b")
    return glob


def _cwe(value: Any, where: str) -> str:
    cwe = _word(value, where).upper()
    if not CWE.fullmatch(cwe):
        raise BadInput(where, "must be written like CWE-79")
    return cwe


def _number(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise BadInput(where, "must be the number of a row")
    return value


def _one_of(words: Sequence[str]) -> Callable[[Any, str], str]:
    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in words:
            raise BadInput(where, f"must be one of: {', '.join(words)}")
        return value

    return read


def _several(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def each(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise BadInput(where, "must be a list")
        if len(value) > MOST:
            raise BadInput(where, f"has more members than allowed ({len(value)} > {MOST})")
        told = [read(one, f"{where}.{at}") for at, one in enumerate(value)]
        return tuple(dict.fromkeys(told))

    return each


READ: Mapping[str, Callable[[Any, str], Any]] = {
    "tool": _several(_word),
    "tool_class": _several(_word),
    "rule": _several(_word),
    "path": _several(_glob),
    "title": _several(_word),
    "cwe": _several(_cwe),
    "asset": _several(_number),
    "asset_tag": _several(_small),  # as assets keep them
    "presence": _several(_one_of([presence.value for presence in Presence])),
    "severity_at_most": _one_of(SEVERITIES),
    "severity_at_least": _one_of(SEVERITIES),
    "level_at_most": _one_of(LEVELS),
    "level_at_least": _one_of(LEVELS),
}
