"""Were the changed files analysed, without trouble?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from posixpath import basename, splitext

from gate.case import After, Case
from gate.changes import is_link
from gate.checks.check import (
    About,
    Answer,
    check,
    counted,
    failed,
    names,
    passed,
    plain,
    unknown,
    worst,
)
from gate.legs import Leg
from gate.recipe import compare_recipes
from gate.records import LEVEL_RANK, Level
from gate.terms import Terms


@check("FILES_ANALYSED", about=About.SCANS)
def files_analysed(case: Case, terms: Terms) -> Answer:
    """Every changed, not deleted file in a tool's languages: covered, with no warning naming it?"""
    if case.diff is None:
        return unknown(
            "Without the diff nobody knows which files changed.", remedy="Give the fix as --diff."
        )
    parts = [part for path in case.relevant for part in _file(case, path)]
    aside = [path for path in case.relevant if not _readers(case, path)]
    said = f" No scanner here reads {_few(aside)}." if aside else ""
    if not parts:
        return passed(f"No file that matters is one that the scanners read.{said}")
    answer = worst(parts, parts[0])
    if answer.outcome == "PASS":
        return passed(
            f"{counted(len(parts), 'file')} that matter were analysed.{said}", *answer.evidence
        )
    return answer


def _readers(case: Case, path: str) -> list[After]:
    """The runs whose tool reads this kind of file."""
    return [after for after in case.afters if _reads(case, after, path)]


def _reads(case: Case, after: After, path: str) -> bool:
    """By the tool's row; of an unknown tool, by the kinds of files it has ever reported on."""
    row = after.leg.row
    if row:
        endings = row.extensions
        return not endings or splitext(path)[1].lower() in endings or basename(path) in endings
    same = [leg for leg in (*case.before, *case.control) if leg.engine == after.leg.engine]
    seen = {splitext(found)[1] for leg in (*same, after.leg) for found in leg.examined}
    return not seen or splitext(path)[1] in seen


def _file(case: Case, path: str) -> Iterator[Answer]:
    """One answer for a file that some scanner here reads, none for another."""
    readers = _readers(case, path)
    if not readers:
        return
    file = case.diff.for_new(path) if case.diff else None
    if file and is_link(file):
        yield failed(
            f"{path} is a link or a submodule now: no scanner looks behind it.",
            case.diff_ref(path),
            remedy="Leave the file a file, or scan what it names.",
        )
        return
    warned = [part for after in readers for part in _warnings(after, path)]
    yield warned[0] if warned else _coverage(case, path, readers)


def _warnings(after: After, path: str) -> Iterator[Answer]:
    """Warnings and errors of the tool that name the file, in their places or in their words."""
    for told in after.leg.run.notifications:
        grave = LEVEL_RANK[told.level] >= LEVEL_RANK[Level.WARNING] and told.id != "RULED-OUT"
        if grave and names(told, path):
            yield failed(
                f"{after.leg.label} had trouble with {path}: {plain(told.message)}.",
                after.leg.ref(told.pointer),
                remedy=f"Repair the cause, so that {path} is analysed whole, and scan again.",
            )


def _coverage(case: Case, path: str, readers: list[After]) -> Answer:
    """Whether some run covers a file: it says so, it reports on it, or it did under one recipe."""
    for after in readers:
        if path in after.leg.examined:
            return passed(f"{path} was analysed by {after.leg.label}.", after.leg.ref())
    old = case.diff.for_new(path) if case.diff else None
    before = old.old_path if old else path
    for after in readers:
        if before and _outside_before(case, after, before):
            return passed(f"{path} is outside the unchanged configured scope of {after.leg.label}.")
    lists = [after for after in readers if _lists_all(after.leg)]
    if len(lists) == len(readers):
        return failed(
            f"{path} is not among the files that {lists[0].leg.label} examined.",
            *(after.leg.ref() for after in lists),
            remedy=f"Scan again with {path} in the scanner's scope.",
        )
    for after in readers:
        if before == path and _reported_before(case, after, path):
            return passed(
                f"{path} is in the scope of {after.leg.label}: the same recipe reported "
                "on it before the fix, and no warning names it.",
                after.leg.ref(),
            )
    return unknown(
        f"Nothing says that {path} was analysed.",
        *(after.leg.ref() for after in readers),
        remedy="Say files_scanned in the facts of the scan.",
    )


def _lists_all(leg: Leg) -> bool:
    """Whether the list of files examined is known to be complete."""
    return leg.facts.files_scanned is not None or bool(leg.row and leg.row.coverage)


def _same_recipe(case: Case, after: After) -> Iterator[Leg]:
    """The runs before the fix that had the recipe of this one."""
    for leg in after.comparison.earlier:
        if compare_recipes(leg, after.leg, after.comparison.joined, case.touches).same:
            yield leg


def _outside_before(case: Case, after: After, path: str) -> bool:
    """Whether the same recipe, with a complete list, left the file out before the fix too."""
    legs = [leg for leg in _same_recipe(case, after) if _lists_all(leg)]
    return bool(legs) and not any(path in leg.examined for leg in legs)


def _reported_before(case: Case, after: After, path: str) -> bool:
    """Whether the same recipe reported on the file before the fix."""
    return any(
        result.location.path == path
        for leg in _same_recipe(case, after)
        for result in leg.run.results
    )


def _few(paths: Iterable[str]) -> str:
    """Some names for a sentence."""
    names = list(paths)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
