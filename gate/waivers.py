"""Waivers: a check set aside by a person, until a date. Never one that cannot be waived."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gate.checks.check import Answer, Check, Outcome
from gate.disputes import authors, is_fixer
from gate.evidence import Evidence, Waiver
from gate.people import person
from gate.provenance import machine
from gate.strict import moment


def waived(check: Check, answer: Answer, evidence: Evidence, finding: str | None) -> Answer:
    """The answer, or WAIVED where a valid waiver for it covers a failure or an unknown.

    ``finding`` None: about the scans, covered by waivers for all findings only. A waiver that does
    not hold leaves the outcome and says why.
    """
    if answer.outcome not in (Outcome.FAIL, Outcome.UNKNOWN) or not check.can_be_waived:
        return answer
    mine = [w for w in evidence.waivers if w.check == check.id and w.finding in (None, finding)]
    objections = [_objection(waiver, evidence) for waiver in mine]
    for waiver, objection in zip(mine, objections, strict=True):
        if not objection:
            said = f"{answer.reason} Waived by {waiver.by} until {waiver.until}: {waiver.reason}"
            return replace(answer, outcome=Outcome.WAIVED, reason=said, remedy="")
    if objections and objections[0] not in answer.reason:
        return replace(answer, reason=f"{answer.reason} {objections[0]}")
    return answer


def _objection(waiver: Waiver, evidence: Evidence) -> str:
    """Why a waiver does not hold; empty where it does."""
    until, now = _end(waiver.until), moment(evidence.at)
    if not waiver.reason.strip() or not person(waiver.by).keys() or machine(waiver.by):
        return "A waiver needs a person and a reason."
    if not authors(evidence.fix):
        return "A waiver does not hold while nobody knows who made the fix."
    if is_fixer(waiver.by, evidence.fix):
        return f"The waiver by {waiver.by} does not hold: the fixer cannot give it."
    if until is None or now is None or until < now:
        return f"The waiver by {waiver.by} until {waiver.until} does not hold at this time."
    return ""


def _end(until: str) -> datetime | None:
    """The moment up to which a waiver lasts: a day to its end in UTC."""
    day = moment(f"{until}T00:00:00Z") if len(until) == 10 else None
    return day + timedelta(days=1) if day else moment(until)
