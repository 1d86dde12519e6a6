"""What a class of finding asks beside absence from a scan: the version, the revocation."""

from __future__ import annotations

from collections.abc import Callable

from gate.case import Case, Target
from gate.checks.check import About, Answer, check, not_applicable, unknown
from gate.checks.dependencies import dependency
from gate.checks.deployed import deployed
from gate.checks.revocations import revoked
from gate.packages import class_of
from gate.terms import Terms

_NOTHING = ("sast", "agentic", "iac", "fuzz", "manual")
_ASKED: dict[str, Callable[[Case, Terms, Target], Answer]] = {
    "sca": dependency,
    "container": dependency,
    "secrets": revoked,
    "dast": deployed,
    "cloud": deployed,
}


@check("CLASS_SPECIFIC", about=About.FINDING, version=5)
def class_specific(case: Case, terms: Terms, target: Target) -> Answer:
    """Dependency: the new version is clean and exists; secret: revoked; dast, cloud: the deployment.

    From the diff, the scans after the fix and their facts, ``revocations`` and ``releases``.
    """
    kind, ref = _class(target), target.original.ref
    if kind in _NOTHING:
        return not_applicable(f"A finding of class {kind} needs nothing beside the scan.")
    if kind in _ASKED:
        return _ASKED[kind](case, terms, target)
    return unknown(
        f"What class of tool found {ref} is not known.",
        remedy="Say tool_class of the scan before the fix.",
    )


def _class(target: Target) -> str:
    """The class of the finding: its own where its tool is of several, else that of the tool."""
    kind = target.finder.tool_class if target.finder else ""
    return (class_of(target.original.result, kind) if target.original.result else "") or kind
