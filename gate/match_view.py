"""A result as the stages of matching compare it, and the keys that the stages go by.

Of a result before, path and line are where the diff takes it. Which keys count, and in what order,
is decided in ``gate.matching``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gate.composed import is_safe
from gate.layout import SHORTEST, Joint, plain
from gate.moved import ChangedLines, Surroundings
from gate.packages import PackageIdentity, advisories, package_identity
from gate.records import Result

MOST_NAMES = 20  # former ids and CWEs of one rule that are looked at

_NAME = re.compile(r"(?<![.\w])[^\W\d]\w*(?![\w(.=])")  # neither called, nor part of a path
_DIGITS = re.compile(r"[0-9]+")
_CWE = re.compile(r"CWE-0*([1-9][0-9]{0,5})(?![0-9])", re.IGNORECASE)


@dataclass(slots=True)
class View:
    """A result as the stages compare it. Of a result before, path and line are where the diff
    takes it: ``place`` is empty if its file is gone, ``line`` None if its line is."""

    index: int
    result: Result
    rule: tuple[str, str, str]  # tool, rule, package
    place: str  # path; where there is none, NUL and the address
    line: int | None  # 0: about the whole of a file, unchanged if before
    exact: bool  # the diff knows the file: same place means same code
    code: str  # snippet without white space
    may_move: bool = True  # before: its line is gone, or nobody can say
    is_added: bool = False  # after: its line was not there before
    hunk: int | None = None
    around: Surroundings | None = None  # what was removed or added together with its line
    statement: str = ""  # of a removed or added line, without layout
    joints: Sequence[Joint] = ()  # where its line went, or came from, by layout alone
    package: PackageIdentity | None = None
    is_before: bool = False
    is_doubted: bool = False  # before: what has its very code may be another one


Key = Hashable
# Where a result is to the column: diff known, tool, rule, place, line, code, column, message.
Spot = tuple[bool, str, str, str, int, str, int | None, str]


class _Where(NamedTuple):
    """Where a result is, by the paths and lines after; see View."""

    place: str
    line: int | None
    exact: bool = False
    may_move: bool = True
    is_added: bool = False


def _where_before(result: Result, changed: ChangedLines | None) -> _Where:
    path, line = result.location.path, result.location.line
    if changed is None or path is None:
        return _Where(_place(result), line or 0)
    file = changed.diff.for_old(path)
    if file is None:
        return _Where(path, line or 0, exact=True, may_move=False)
    if not line:
        is_changed = bool(file.hunks or file.binary)
        return _Where(changed.diff.map_path(path) or "", 0, exact=True, may_move=is_changed)
    moved = changed.diff.map_line(path, line)
    now = moved[1] if moved else None
    return _Where(changed.diff.map_path(path) or "", now, exact=True, may_move=now is None)


def _where_after(result: Result, changed: ChangedLines | None) -> _Where:
    path, line = result.location.path, result.location.line
    if changed is None or path is None:
        return _Where(_place(result), line or 0)
    is_added = bool(line) and changed.diff.is_added(path, line or 0)
    return _Where(path, line or 0, exact=True, is_added=is_added)


def _place(result: Result) -> str:
    path = result.location.path
    return f"\x00{result.location.uri}" if path is None else path


def view_before(index: int, result: Result, changed: ChangedLines | None) -> View:
    """A result before, taken along by the diff."""
    view = _view(index, result, _where_before(result, changed))
    view.is_before = True
    path, line = result.location.path, result.location.line
    if changed is None or path is None or not line:
        return view
    view.hunk = changed.diff.hunk_of_old(path, line)
    if view.line is None:
        view.around = changed.around_old(path, line)
        view.statement = _as_shown(changed.layout.statement_old(path, line), result)
        view.joints = changed.layout.joints_old(path, line)
    return view


def view_after(index: int, result: Result, changed: ChangedLines | None) -> View:
    """A result after, as it is."""
    view = _view(index, result, _where_after(result, changed))
    path, line = result.location.path, result.location.line
    if changed is None or path is None or not line:
        return view
    view.hunk = changed.diff.hunk_of_new(path, line)
    if view.is_added:
        view.around = changed.around_new(path, line)
        view.statement = _as_shown(changed.layout.statement_new(path, line), result)
        view.joints = changed.layout.joints_new(path, line)
    return view


def _view(index: int, result: Result, where: _Where) -> View:
    package = package_identity(result)
    return View(
        index=index,
        result=result,
        rule=(result.tool.casefold(), result.rule_key, package.name if package else ""),
        package=package,
        place=where.place,
        line=where.line,
        exact=where.exact,
        code=compact(result.location.snippet),
        may_move=where.may_move,
        is_added=where.is_added,
    )


def _as_shown(statement: str, result: Result) -> str:
    """The statement of the diff, unless the report shows other code at this place."""
    snippet = result.location.snippet
    lines = [plain(line) for line in snippet.splitlines()] if snippet else []
    return statement if not any(lines) or any(one and one in statement for one in lines) else ""


def compact(snippet: str | None) -> str:
    """Code without white space."""
    return "".join(snippet.split()) if snippet else ""


def spot_before(result: Result, changed: ChangedLines | None) -> Spot | None:
    """The spot of a result before; None if the diff took it away."""
    return _spot(result, _where_before(result, changed))


def spot_after(result: Result, changed: ChangedLines | None) -> Spot | None:
    """The spot of a result after; None if its line was not there before."""
    return _spot(result, _where_after(result, changed))


def _spot(result: Result, where: _Where) -> Spot | None:
    place, line, exact, _, is_added = where
    if not place or line is None or is_added:
        return None
    spot = result.location
    code = "" if exact else compact(spot.snippet)
    tool = result.tool.casefold()
    return exact, tool, result.rule_key, place, line, code, spot.column, result.message


def exact_place(view: View) -> Iterator[Key]:
    """S1, first pass: also the same column and message."""
    where = _Where(view.place, view.line, view.exact, view.may_move, view.is_added)
    spot = _spot(view.result, where)
    if spot:
        yield spot


def same_place(view: View) -> Iterator[Key]:
    """S1, second pass: the same line, which without a diff must show the same code."""
    if view.place and view.line and not view.is_added and (view.exact or view.code):
        yield view.rule, view.place, view.line, "" if view.exact else view.code


def same_package(view: View) -> Iterator[Key]:
    """S2: the weakness of a package by its advisory, whatever version and message say. Of a
    package in several files, each stays where it is."""
    if view.package and view.place:
        for advisory in view.package.advisories:
            yield view.rule[0], view.place, view.package.name, advisory


def fingerprints(view: View) -> Iterator[Key]:
    if view.place:
        for key, value in view.result.fingerprints:
            yield view.rule, view.place, key, value


def laid_out_anew(view: View) -> Iterator[Key]:
    """S5, S3 or S4: a piece of a block of which only the layout changed."""
    for joint in view.joints:
        yield view.rule, view.place, joint


def same_statement(view: View) -> Iterator[Key]:
    """S3: the statement, whatever its layout."""
    if view.place and view.statement:
        yield view.rule, view.place, view.statement


def moved_statement(view: View) -> Iterator[Key]:
    """S4: the same in any file, if it is long enough to be told apart."""
    if len(view.statement) >= SHORTEST:
        yield view.rule, view.statement


def same_code(view: View) -> Iterator[Key]:
    """S3."""
    if view.place and view.code:
        yield view.rule, view.place, view.code


def moved_code(view: View) -> Iterator[Key]:
    """S4: as S3 but in any file, and only code that is long enough to be told apart."""
    if len(view.code) >= SHORTEST:
        yield view.rule, view.code


def moved_here(view: View, *, above: int, below: int) -> Iterator[Key]:
    """S3 by the diff: the line, and so many lines around it, in the same file."""
    if view.place:
        for key in moved_anywhere(view, above=above, below=below):
            yield view.place, key


def moved_anywhere(view: View, *, above: int, below: int) -> Iterator[Key]:
    """S4 by the diff: the same in any file."""
    around = view.around.within(above, below) if view.around else None
    if around:
        yield view.rule, around


def same_hunk(view: View) -> Iterator[Key]:
    if view.place and view.hunk is not None:
        yield view.rule, view.place, view.hunk


def same_message(view: View) -> Iterator[Key]:
    if view.place:
        yield view.rule, view.place, _DIGITS.sub("0", view.result.message)


def same_file(view: View) -> Iterator[Key]:
    if view.place:
        yield view.rule, view.place


def kin_in_hunk(view: View) -> Iterator[Key]:
    """S8, first pass: related rules in one hunk."""
    if view.place and view.hunk is not None:
        for name in _names(view):
            yield view.rule[0], view.place, view.hunk, name


def kin_in_file(view: View) -> Iterator[Key]:
    """S8, second pass: related rules in one file. Rules that only share a CWE among their tags
    must also point to the same code: a good fix often trips a lesser rule of the same CWE."""
    if not view.place:
        return
    tool = view.rule[0]
    for name in _names(view):
        yield tool, view.place, name
    for cwe in view.result.cwes[:MOST_NAMES]:
        if view.exact and view.line:
            yield tool, view.place, cwe, view.line
        if len(view.code) >= SHORTEST:
            yield tool, view.place, cwe, view.code


def kin_by_message(view: View) -> Iterator[Key]:
    """S8, third pass: another rule says the same about the same unchanged line. Advisories are no
    rules: two of them are two weaknesses."""
    is_kept = view.place and view.line and view.exact and not view.is_added
    if is_kept and not advisories(view.rule[1]):
        yield view.rule[0], view.place, view.line, view.result.message


def kin_by_shape(view: View) -> Iterator[Key]:
    """S8: code that was removed and code that was added differ in names only, in any file."""
    is_gone = view.is_before and view.line is None and not view.is_doubted
    if (is_gone or view.is_added) and len(view.code) >= SHORTEST:
        yield view.rule, _NAME.sub("x", view.code)


def kin_by_spelling(view: View) -> Iterator[Key]:
    """S8, last pass: rule and file but for letter case and signs; the same code or message in a
    file of that name; a flow through the file; no place at all. Too vague for more than doubt."""
    rule = view.rule[0], _plain(view.rule[1]), view.rule[2]
    spot = view.result.location
    own = view.place if view.is_before and view.place else spot.path or spot.uri
    said = view.code if len(view.code) >= SHORTEST else view.result.message
    yield "spelling", *rule, _plain(own)
    yield "name", *rule, _file_name(own), said
    if view.is_before:
        yield "flow", *rule, view.place
        yield "nowhere", *rule
    else:
        for path in view.result.flow_paths[:MOST_NAMES]:
            yield "flow", *rule, path
        if not own:
            yield "nowhere", *rule


def _file_name(address: str) -> str:
    """The name of a file without folders, query and fragment, by its letters and digits."""
    return _plain(re.split(r"[?#]", address.replace("\\", "/"))[0].rpartition("/")[2])


def _plain(text: str) -> str:
    flat = unicodedata.normalize("NFKC", text) if is_safe(text) else text
    return "".join(filter(str.isalnum, flat.casefold()))


def _names(view: View) -> list[str]:
    """What the rule is called: its id, its former ids, and the CWE that its id begins with. Of a
    known package, the same in another package is no kin."""
    result = view.result
    cwe = _CWE.match(result.rule)
    base = [f"CWE-{cwe.group(1)}"] if cwe else []
    names = list(dict.fromkeys([result.rule, *base, *result.aliases[:MOST_NAMES]]))
    package = view.rule[2]
    return [f"{name} in {package}" if package else name for name in names]


def told(result: Result) -> str:
    spot = result.location
    name = spot.path or spot.uri or "no file"
    return f"{name}:{spot.line}" if spot.line else name


def content(result: Result) -> tuple[object, ...]:
    """All that a result says, for an order that does not depend on where it stands in its file."""
    spot = result.location
    place = spot.path or "", spot.line or 0, spot.column or 0, spot.end_line or 0, spot.uri
    text = result.message, spot.snippet or "", result.rule, result.level.value, result.kind
    more = result.cwes, result.aliases, result.flow_paths, result.guid, spot.end_column or 0
    rest = result.security_severity or 0.0, repr(result.suppressions)
    return (
        result.tool, result.rule_key, place, text, result.fingerprints, more, rest, result.pointer,
    )  # fmt: skip
