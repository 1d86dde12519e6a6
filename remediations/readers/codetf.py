"""CodeTF: what Pixee's and other codemods propose, in the format's versions 2 and 3. Pure.

Version 2: a result is a codemod with the files that it changes and the findings that it fixes.
Version 3: a result is a finding with its change sets. Patches build on those before them in the file;
a result that changes a file twice becomes parts, to be applied in their order.
"""

from collections.abc import Iterator
from typing import Any

from gate.errors import InputError
from gate.formats.json_text import Document
from gate.formats.limits import Limits
from gate.provenance import tell_maker
from gate.strict import Members
from remediations.readers.offer import (
    MAX_BYTES,
    MAX_LEFT,
    MAX_NAMED,
    MAX_OFFERS,
    Named,
    Offer,
    Offers,
    check_count,
    check_diff,
    check_path,
)
from remediations.readers.unified_diff import as_git

LIMITS = Limits(size=MAX_BYTES, transcoded=MAX_BYTES, depth=40, values=1_000_000)
STRATEGIES = ("ai", "hybrid", "deterministic")
Change = tuple[str, str, bytes]  # place, path, diff as git writes it


class Result:
    """One result of a file, whatever its version."""

    def __init__(self, members: Members, run: Members) -> None:
        self.members, self.run = members, run
        self.where = f"{members.name}: {members.path}"
        self.sets = _children(members, "changeset", "changeSets", "changesets")
        self.fix = _child(members, "fixMetadata") or members
        made = _child(self.fix, "generation")
        first = self.sets[0] if self.sets else None
        self.made = made or first  # version 2 says it with each file

    @property
    def codemod(self) -> str:
        return _text(self.members, "codemod") or _text(self.fix, "id")

    @property
    def why_none(self) -> str:
        """Why it is no proposal; empty where it is one."""
        status = _child(self.members, "fixStatus")
        said = _text(status, "status") if status else ""
        if said and said != "fixed":
            return f"{said}: {_text(status, 'reason')[:200]}" if status else said
        return "" if self.sets else "changes nothing"

    def named(self) -> tuple[Named, ...]:
        """The findings that it says it fixes."""
        found = []
        for key in ("finding", "findingMetadata"):
            if (finding := _child(self.members, key)) is not None:
                found.append(_named(finding))
        for one in self.sets:
            path = _text(one, "path")
            found += [_named(row, path) for row in _children(one, "fixedFindings")]
            for change in _children(one, "changes"):
                line = _line(change)
                found += [_named(row, path, line) for row in _children(change, "fixedFindings")]
        check_count(self.where, found, MAX_NAMED, "findings")
        return tuple(dict.fromkeys(found))

    def parts(self) -> list[list[Change]]:
        """Its changes, cut where a file is changed again."""
        parts: list[list[Change]] = [[]]
        for one in self.sets:
            where = f"{one.name}: {one.path}"
            path = check_path(f"{where}.path", one.take("path"))
            diff = one.take("diff")
            if not isinstance(diff, str):
                raise one.error("diff", "must be a text")
            change = where, path, as_git(_bytes(one, diff), f"{where}.diff", path)
            if any(path == before for _, before, _ in parts[-1]):
                parts.append([])
            parts[-1].append(change)
        return parts


def read(data: bytes, name: str) -> Offers:
    """Return the fixes that a CodeTF file proposes. Raises InputError with the place."""
    root = Members(Document(data, name, LIMITS).load(), name)
    run = root.child("run")
    results = _children(root, "results", "fixes")
    check_count(name, results, MAX_OFFERS, "results")
    offers: list[Offer] = []
    left: list[tuple[str, str]] = []
    for members in results:
        result = Result(members, run)
        if why := result.why_none:
            left.append((result.where, why))
        else:
            offers += _offers(result)
    check_count(name, offers, MAX_OFFERS, "fixes")
    return Offers("CodeTF", tuple(offers), tuple(left[:MAX_LEFT]))


def _offers(result: Result) -> Iterator[Offer]:
    parts, named = result.parts(), result.named()
    title = _text(result.fix, "summary") or result.codemod or "Proposed change"
    for number, part in enumerate(parts, 1):
        diff = b"".join(change for _, _, change in part)
        changed = {file.path for file in check_diff(result.where, diff).files}
        if changed != {path for _, path, _ in part}:
            raise InputError(part[0][0], "its diff is of another file than it says")
        of = f" (part {number} of {len(parts)}, on top of the one before)" if number > 1 else ""
        yield Offer(
            where=result.where, title=title + of, description=_text(result.fix, "description"),
            origin=_origin(result), tool=_text(result.run, "tool"), rule=result.codemod, diff=diff,
            named=named,
        )  # fmt: skip


def _origin(result: Result) -> Any:
    made = result.made
    strategy = _text(made, "strategy").casefold() if made else ""
    ai = _child(made, "ai") if made else None
    models = ai.take("models") if ai else None
    listed = [m for m in models if isinstance(m, str)] if isinstance(models, list) else []
    return tell_maker(
        tool=_text(result.run, "tool"), vendor=_text(result.run, "vendor"),
        strategy=strategy if strategy in STRATEGIES else "",
        provider=_text(ai, "provider") if ai else "",
        model=(_text(ai, "model") if ai else "") or ", ".join(listed[:3]),
    )  # fmt: skip


def _named(finding: Members, path: str = "", line: int | None = None) -> Named:
    rule = _child(finding, "rule")
    return Named(
        id=_text(finding, "id"), rule=_text(rule, "id") if rule else "", path=path, line=line
    )


def _line(change: Members) -> int | None:
    """The line of a change, where it is one of the code before; older files write it as text."""
    if _text(change, "diffSide").casefold() != "left":
        return None
    value = change.take("lineNumber")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _text(members: Members, key: str) -> str:
    """A text as somebody else's program wrote it; empty where there is none."""
    return (members.prose(key) or "") if members.take(key) is not None else ""


def _child(members: Members, key: str) -> Members | None:
    return members.child(key) if members.take(key) is not None else None


def _children(members: Members, *keys: str) -> list[Members]:
    """The members of the first list that is there."""
    for key in keys:
        if members.take(key) is not None:
            return members.children(key) or []
    return []


def _bytes(members: Members, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise members.error("diff", "holds half of a surrogate pair") from error
