"""Is every change explained: nothing but the fix?"""

from __future__ import annotations

from gate.case import Case
from gate.changes import is_manifest, is_test
from gate.checks.check import (
    About,
    Answer,
    Lamp,
    check,
    counted,
    not_applicable,
    passed,
    unknown,
)
from gate.checks.review import counted_reviews
from gate.diff import FileDiff
from gate.terms import Terms

# Under this key of its answers, a review names the changed files it accepts, one per line.
ACKNOWLEDGED = "acknowledged_files"


@check("SCOPE_OF_CHANGE", about=About.SCANS, lamp=Lamp.RIGHT)
def scope_of_change(case: Case, terms: Terms) -> Answer:
    """Every changed file explained by the findings, their data flow, tests or manifests?"""
    if not case.targets:
        return not_applicable("No finding is judged that could explain the change.")
    if case.diff is None:
        return unknown(
            "Without the diff nobody knows what the fix changes.", remedy="Give the fix as --diff."
        )
    expected = _explained(case)
    accepted = _acknowledged(case, terms)
    open_files = [
        file
        for file in case.diff.files
        if not ({file.old_path, file.new_path} & expected)
        and not _is_usual(file)
        and file.path not in accepted
    ]
    if not open_files:
        number = counted(len(case.diff.files), "changed file")
        return passed(f"{number}, each explained or acknowledged.")
    names = ", ".join(file.path for file in open_files[:3])
    more = f" and {len(open_files) - 3} more" if len(open_files) > 3 else ""
    return unknown(
        f"Nothing explains why the fix changes {names}{more}.",
        *(case.diff_ref(file.path) for file in open_files[:20]),
        remedy=f"Have a reviewer name them under {ACKNOWLEDGED!r}, or take them out of the fix.",
    )


def _explained(case: Case) -> set[str | None]:
    """The files of the originals and of their data flows, and of all findings that the fix is for."""
    results = [target.original.result for target in case.targets if target.original.result]
    own = {path for r in results for path in (r.location.path, *r.flow_paths) if path}
    return {*own, *case.evidence.fix.addresses}


def _is_usual(file: FileDiff) -> bool:
    return is_test(file.path) or is_manifest(file.path)


def _acknowledged(case: Case, terms: Terms) -> set[str]:
    """The files that reviews which count have named."""
    return {
        line.strip()
        for review in counted_reviews(case)
        for question, answer in review.answers
        if question == ACKNOWLEDGED
        for line in answer.splitlines()
    }
