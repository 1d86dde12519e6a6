"""Waivers: a check set aside by a person, until a date. Never one that cannot be waived."""

from __future__ import annotations

from dataclasses import replace

from gate.checks.check import Answer, Check, Outcome
from gate.disputes import authors, is_fixer
from gate.evidence import Evidence, FixFacts, Waiver
from gate.moments import backdated
from gate.provenance import is_person
from gate.strict import deadline, moment


def waived(check: Check, answer: Answer, evidence: Evidence, finding: str | None) -> Answer:
    """The answer, or WAIVED where a valid waiver for it covers a failure or an unknown.

    ``finding`` None: about the scans, covered by waivers for all findings only. A waiver that does
    not hold leaves the outcome and says why.
    """
    if answer.outcome not in (Outcome.FAIL, Outcome.UNKNOWN) or not check.can_be_waived:
        return answer
    mine = [w for w in evidence.waivers if w.check == check.id and w.finding in (None, finding)]
    later = backdated(evidence) if mine else ""
    refusal = f"No waiver holds at {evidence.at}: the evidence tells of {later}." if later else ""
    objections = [refusal or objection(waiver, evidence.fix, evidence.at) for waiver in mine]
    for waiver, against in zip(mine, objections, strict=True):
        if not against:
            said = f"{answer.reason} Waived by {waiver.by} until {waiver.until}: {waiver.reason}"
            return replace(answer, outcome=Outcome.WAIVED, reason=said, remedy="")
    if objections and objections[0] not in answer.reason:
        return replace(answer, reason=f"{answer.reason} {objections[0]}")
    return answer


def objection(waiver: Waiver, fix: FixFacts, at: str) -> str:
    """Why a waiver does not hold for a fix at a time (RFC 3339); empty where it does."""
    until, now = deadline(waiver.until), moment(at)
    if not waiver.reason.strip() or not is_person(waiver.by):
        return "A waiver needs a person and a reason."
    if not authors(fix):
        return "A waiver does not hold while nobody knows who made the fix."
    if is_fixer(waiver.by, fix):
        return f"The waiver by {waiver.by} does not hold: the fixer cannot give it."
    if until is None or now is None or until < now:
        return f"The waiver by {waiver.by} until {waiver.until} does not hold at this time."
    return ""
