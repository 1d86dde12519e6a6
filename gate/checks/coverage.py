"""Were the changed files analysed, without trouble?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gate.case import After, Case, Target
from gate.changes import is_link
from gate.checks.check import (
    About,
    Answer,
    check,
    counted,
    failed,
    passed,
    plain,
    unknown,
    worst,
)
from gate.checks.examined import by_recipe, proven, reads
from gate.checks.notices import as_told, earlier, is_grave, leaves_out_some_file, names
from gate.diff import FileDiff
from gate.legs import PLACELESS
from gate.records import Result
from gate.terms import Terms


@check("FILES_ANALYSED", about=About.SCANS, version=5)
def files_analysed(case: Case, terms: Terms) -> Answer:
    """Every changed, not deleted file in a tool's languages: covered, with no warning naming it?"""
    if case.diff is None:
        return unknown(
            "Without the diff nobody knows which files changed.", remedy="Give the fix as --diff."
        )
    parts = [part for path in case.relevant for part in _file(case, path)]
    parts += _where_the_originals_are(case)
    parts += [part for after in case.afters for part in _unnamed(case, after)]
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


def _where_the_originals_are(case: Case) -> Iterator[Answer]:
    """The files that hold the originals' code, by the full scans that say that they are gone.

    A scan limited to the diff may have looked at the file, but does not answer for it.
    """
    for target in case.targets:
        for path, full in _asked(case, target):
            yield _coverage(case, path, full, strict=True)


def _asked(case: Case, target: Target) -> Iterator[tuple[str, list[After]]]:
    """Each file that the original's code is in now, with the full scans that say that it is gone.

    Its own file under its present name, and files to whose added lines the code was taken.
    """
    full = [item for item in target.gone if item.after.leg.facts.scope == "full"]
    asked: dict[str, list[After]] = {}
    for item in full:
        result = item.standing or target.original.result
        if result and case.diff and item.after.leg.tool_class not in PLACELESS:
            for path in _places(case, result):
                asked.setdefault(path, []).append(item.after)
    yield from asked.items()


def _places(case: Case, result: Result) -> Iterator[str]:
    """The file of a result as it is called now, and the files that its code was added to."""
    spot = result.location
    own = case.diff.map_path(spot.path) if case.diff and spot.path else None
    if own:
        yield own
    taken = (
        case.layout.taken_to(spot.path or "", spot.line or 0, spot.snippet or "")
        if case.layout
        else ()
    )
    yield from (path for path in taken if path != own)


def _readers(case: Case, path: str) -> list[After]:
    """The runs whose tool reads this kind of file."""
    return [after for after in case.afters if reads(case, after, path)]


def _file(case: Case, path: str) -> Iterator[Answer]:
    """One answer for a file that some scanner here reads, or cannot look behind; none for another."""
    file = case.diff.for_new(path) if case.diff else None
    if file and is_link(file):
        yield _link(case, file)
        return
    readers = _readers(case, path)
    if not readers:
        return
    warned = [part for after in readers for part in _warnings(after, path)]
    yield warned[0] if warned else _coverage(case, path, readers)


def _link(case: Case, file: FileDiff) -> Answer:
    """A link or submodule: FAIL where it is new, UNKNOWN where it was one before."""
    was = (
        file.status not in ("added", "copied") and (file.old_mode or file.new_mode) == file.new_mode
    )
    if was and not file.hunks:
        return passed(f"{file.path} is the link it was before.")
    say, now = (unknown, "other than it was") if was else (failed, "now")
    return say(
        f"{file.path} is a link or a submodule {now}: no scanner looks behind it.",
        case.diff_ref(file.path),
        remedy="Leave the file a file, or scan what it names.",
    )


def _warnings(after: After, path: str) -> Iterator[Answer]:
    """Warnings and errors of the tool that name the file, in their places or in their words."""
    for told in after.leg.run.notifications:
        if is_grave(told) and names(told, path):
            yield failed(
                f"{after.leg.label} had trouble with {path}: {plain(told.message)}.",
                after.leg.ref(told.pointer),
                remedy=f"Repair the cause, so that {path} is analysed whole, and scan again.",
            )


def _unnamed(case: Case, after: After) -> Iterator[Answer]:
    """Warnings about some file that nobody can name, which were not there before the fix."""
    leg = after.leg
    before = earlier((*case.before, *case.control), leg.engine, exactly=True)
    for told in leg.run.notifications:
        if leaves_out_some_file(told) and as_told(told, exactly=True) not in before:
            yield unknown(
                f"{leg.label} had trouble with a file that it does not name: {plain(told.message)}.",
                leg.ref(told.pointer),
                remedy="Let the tool say which file it is, and scan again without the trouble.",
            )


def _coverage(case: Case, path: str, readers: list[After], *, strict: bool = False) -> Answer:
    """Whether some run covers a file: it says so, or it is told from the recipe's other reports.

    ``strict``: the original's code is there, so that nothing less than proof will do.
    """
    broken = path in case.evidence.fix.unparsed
    for after in readers:
        listed = path in after.leg.examined
        if listed or (not broken and proven(after.leg, path, case)):
            return passed(f"{path} was analysed by {after.leg.label}.", after.leg.ref())
    if broken:
        return unknown(
            f"{path} parsed before the fix and does not any more: a scanner skips such a file.",
            *(after.leg.ref() for after in readers),
            remedy=f"Mend the syntax of {path}, or show that the scanner read it: files_scanned in the facts.",
        )
    file = case.diff.for_new(path) if case.diff else None
    before = file.old_path if file else path
    for after in readers if not strict else ():
        said = by_recipe(case, after, path, before)
        if said:
            return passed(said, after.leg.ref())
    if all(after.leg.lists_all for after in readers):
        return failed(
            f"{path} is not among the files that {readers[0].leg.label} examined.",
            *(after.leg.ref() for after in readers),
            remedy=f"Scan again with {path} in the scanner's scope.",
        )
    what = ", where the original's code is now" if strict else ""
    return unknown(
        f"Nothing says that {path} was analysed{what}.",
        *(after.leg.ref() for after in readers),
        remedy="Say files_scanned in the facts of the scan.",
    )


def _few(paths: Iterable[str]) -> str:
    """Some names for a sentence."""
    names = list(paths)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
