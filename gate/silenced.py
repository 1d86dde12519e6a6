"""Whether a mark of the fix silences the very finding that is judged: it is silenced then, not gone.

A waiver or an approved false positive lets a mark stand; neither shows that the finding went. Knows
marks and originals; decides nothing.
"""

from __future__ import annotations

import re

from gate.case import Case, Target
from gate.earlier import at_base
from gate.marks import Mark

NEAR = 1  # lines between a mark and what it is about: marks stand on the line or beside it


def silencing(case: Case, target: Target) -> tuple[Mark, ...]:
    """The marks for the finder's engine that name or blanket the original's rule at its place."""
    finder = target.finder
    result = at_base(finder, target.original.result)
    if case.diff is None or result is None or finder is None or not result.location.path:
        return ()
    path = case.diff.map_path(result.location.path)
    marks = (mark for mark in case.marks if mark.path == path and mark.silences(finder.engine))
    named = (mark for mark in marks if _names(mark, result.rule))
    where = result.location.path, result.location.line
    return tuple(mark for mark in named if _is_there(case, mark, *where))


def _names(mark: Mark, rule: str) -> bool:
    """Whether a mark speaks of a rule: by its id, or its last part, or by a name of another kind."""
    if not mark.ids:
        return True
    told, own = (name.casefold() for name in mark.ids), rule.casefold()
    return any(
        own == name or own.endswith(f".{name}") or _shape(own) != _shape(name) for name in told
    )


def _shape(name: str) -> str:
    """What ids of one catalogue share: ``B602`` and ``B404`` are alike, a rule's long name is not."""
    return re.sub(r"\d+", "0", name) if re.fullmatch(r"[a-z]+[-_]?\d+", name) else "other"


def _is_there(case: Case, mark: Mark, path: str, line: int | None) -> bool:
    """Whether a mark stands where the original was, or is: at its line, or where that was rewritten."""
    if case.diff is None or line is None or not mark.line:
        return True
    now = case.diff.map_line(path, line)
    if now:
        return abs(now[1] - mark.line) <= NEAR
    hunk = case.diff.hunk_of_old(path, line)
    return hunk is not None and hunk == case.diff.hunk_of_new(mark.path, mark.line)
