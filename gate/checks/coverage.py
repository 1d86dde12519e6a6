"""Were the changed files analysed, without trouble?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from posixpath import basename, splitext

from gate.case import After, Case
from gate.changes import is_link, is_test
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
from gate.recipe import compare_recipes
from gate.records import LEVEL_RANK, Level
from gate.terms import Terms


@check("FILES_ANALYSED", about=About.SCANS, version=2)
def files_analysed(case: Case, terms: Terms) -> Answer:
    """Every changed, not deleted file in a tool's languages: covered, with no warning naming it?"""
    if case.diff is None:
        return unknown(
            "Without the diff nobody knows which files changed.", remedy="Give the fix as --diff."
        )
    parts = [part for path in case.relevant for part in _file(case, path)]
    parts += _where_the_originals_were(case)
    aside = [path for path in case.relevant if not _readers(case, path)]
    said = f" No scanner here reads {_few(aside)}." if aside else ""
    if not parts:
        return passed(f"No file that matters is one that the scanners read.{said}")
    answer = worst(parts, parts[0])
    if answer.outcome == "PASS":
        return passed(
            f"{counted(_number(case), 'file')} that matter were analysed.{said}", *answer.evidence
        )
    return answer


def _number(case: Case) -> int:
    return sum(bool(_readers(case, path)) for path in case.relevant)


def _where_the_originals_were(case: Case) -> Iterator[Answer]:
    """The file of each original, by the full scans that say that it is gone.

    A scan limited to the diff may have looked at the file, but does not answer for it.
    """
    for target in case.targets:
        place = target.original.result.location.path if target.original.result else None
        path = case.diff.map_path(place) if case.diff and place else None
        full = [item.after for item in target.gone if item.after.leg.facts.scope == "full"]
        readers = [after for after in full if path and _reads(case, after, path)]
        if path and readers:
            yield _coverage(case, path, readers)


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
    """Whether some run covers a file: it says so, or it is told from the recipe's other reports."""
    for after in readers:
        if path in after.leg.examined:
            return passed(f"{path} was analysed by {after.leg.label}.", after.leg.ref())
    file = case.diff.for_new(path) if case.diff else None
    before = file.old_path if file else path
    for after in readers:
        answer = _by_recipe(case, after, path, before)
        if answer:
            return answer
    if all(after.leg.lists_all for after in readers):
        return failed(
            f"{path} is not among the files that {readers[0].leg.label} examined.",
            *(after.leg.ref() for after in readers),
            remedy=f"Scan again with {path} in the scanner's scope.",
        )
    return unknown(
        f"Nothing says that {path} was analysed.",
        *(after.leg.ref() for after in readers),
        remedy="Say files_scanned in the facts of the scan.",
    )


def _by_recipe(case: Case, after: After, path: str, before: str | None) -> Answer | None:
    """What the reports of the same recipe before the fix say of a file; None for nothing.

    A complete list that left the file out, or no test file in any report, shows the configured
    scope, which the fix did not touch. Where nothing is listed, reports on the same file, or on
    files of its kind in the same part of the repository, show that it is in scope.
    """
    legs = [
        leg
        for leg in after.comparison.earlier
        if compare_recipes(leg, after.leg, after.comparison.joined, case.touches).same
    ]
    if not legs:
        return None
    seen = after.leg.examined.union(*(leg.examined for leg in legs))
    left_out = before and before not in seen and any(leg.lists_all for leg in legs)
    if left_out or (is_test(path) and not any(map(is_test, seen))):
        return passed(f"{path} is outside the unchanged configured scope of {after.leg.label}.")
    if after.leg.lists_all or not (before in seen or any(_is_near(path, other) for other in seen)):
        return None
    return passed(
        f"{path} is in the scope of {after.leg.label}: the same recipe reports on files of its "
        "kind there, and no warning names it.",
        after.leg.ref(),
    )


def _is_near(path: str, other: str) -> bool:
    """Whether two files are of one kind, in one part of the repository."""
    same_part = path.partition("/")[0] == other.partition("/")[0]
    at_root = "/" not in path and "/" not in other
    return splitext(path)[1] == splitext(other)[1] and (same_part or at_root)


def _few(paths: Iterable[str]) -> str:
    """Some names for a sentence."""
    names = list(paths)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
