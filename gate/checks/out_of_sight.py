"""Whether the original only went to where its scanner does not look, or is told in another way:
gate-facts 2.1, rows 9, 15, 16 and 31. A scan that no longer reports it says nothing then."""

from __future__ import annotations

from gate.case import Case, Target, Witness
from gate.checks.check import Answer, plain, unknown
from gate.checks.examined import proven
from gate.earlier import at_base
from gate.legs import Leg
from gate.matching import match
from gate.records import Result
from gate.silenced import silencing
from gate.terms import Terms

_ASKS = "NO_NEW_SUPPRESSION"
# Kinds of results that say neither that the weakness is there nor that it is not (SARIF 3.27.9).
NO_ANSWER = ("informational", "notApplicable")


def told_otherwise(target: Target, item: Witness, case: Case) -> Answer | None:
    """UNKNOWN where the run still names the original, only as what needs no answer."""
    leg, original = item.after.leg, item.standing
    aside = [result for result in leg.run.passed if result.kind in NO_ANSWER]
    pairs = match([original], aside, case.diff).pairs if original else ()
    if not pairs or not pairs[0].is_present:
        return None
    return unknown(
        f"{leg.label} still names {target.original.ref}, as {pairs[0].new.kind}.",
        leg.ref(pairs[0].new.pointer),
        remedy="Scan with settings under which the rule answers with fail or pass.",
    )


def silenced(case: Case, terms: Terms, target: Target) -> Answer | None:
    """UNKNOWN where the fix put a mark on the original and NO_NEW_SUPPRESSION, which asks about
    marks, is waived or not required: neither shows that the weakness is gone."""
    waived = any(waiver.check == _ASKS for waiver in case.evidence.waivers)
    marks = silencing(case, target) if waived or _ASKS not in terms.required else ()
    if not marks:
        return None
    return unknown(
        f"{target.original.ref} is silenced, not gone: {plain(marks[0].text)}.",
        case.diff_ref(f"{marks[0].path}:{marks[0].line}"),
        remedy="Remove the mark and scan again; to accept the risk is another end than a fix.",
    )


def out_of_sight(target: Target, item: Witness, case: Case) -> Answer | None:
    """UNKNOWN where the original's code is, now, in a file not known to be examined by this run."""
    leg = item.after.leg
    hidden = _hidden(at_base(item.source, item.standing), leg, case)
    if not hidden:
        return None
    return unknown(
        f"{target.original.ref} is not in {leg.label}, but its code is in {hidden} now, which "
        "nothing shows that the scan examined.",
        case.diff_ref(hidden),
        leg.ref(),
        remedy=f"Remove the code, or show that {hidden} was examined (facts: files_scanned).",
    )


def _hidden(original: Result | None, leg: Leg, case: Case) -> str:
    """That file. Where the original's line is unchanged, FILES_ANALYSED asks about its file."""
    spot = original.location if original else None
    if not spot or not case.diff or not case.layout or not spot.path or not spot.line:
        return ""
    if case.diff.map_line(spot.path, spot.line):
        return ""
    places = case.layout.taken_to(spot.path, spot.line, spot.snippet or "")
    return next((path for path in places if not proven(leg, path, case)), "")
