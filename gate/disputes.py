"""Disputes: how the gate is told that it is wrong about a match or a cause.

Someone other than the fixer, with a second approver, rejects one pair or one cause, with a reason.
An outcome is never rejected, only what it rests on; the verdict is then computed anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gate.evidence import Evidence, FixFacts
from gate.people import Person, co_authors, person
from gate.provenance import machine


def authors(fix: FixFacts) -> tuple[Person, ...]:
    """Everybody who had a hand in the fix: author, agent, commit authors, committers, co-authors."""
    texts = [fix.author, fix.agent]
    for commit in fix.commits:
        texts += [commit.author, commit.committer, *co_authors(commit.message)]
    return tuple(person(text) for text in dict.fromkeys(texts) if text)


def is_fixer(text: str, fix: FixFacts) -> bool:
    """Whether a name, mail or login is one of those who made the fix."""
    who = person(text)
    return any(who.is_same(author) for author in authors(fix))


def rejected_pairs(evidence: Evidence, ref: str) -> frozenset[str]:
    """References of the results after the fix that are, by dispute, not this finding."""
    return frozenset(
        dispute["result"]
        for dispute in evidence.dispositions
        if _holds(dispute, evidence, "match") and dispute.get("finding") == ref
    )


def rejected_cause(evidence: Evidence, result: str) -> Mapping[str, Any] | None:
    """The dispute that gives a new result another cause, by its reference; None without one."""
    for dispute in evidence.dispositions:
        if _holds(dispute, evidence, "cause") and dispute["result"] == result:
            return dispute
    return None


def _holds(dispute: Mapping[str, Any], evidence: Evidence, about: str) -> bool:
    """Whether it is a dispute about this, by two different people who are not the fixer."""
    if dispute.get("kind") != "dispute" or dispute.get("about") != about:
        return False
    people = [dispute.get("by", ""), dispute.get("second", "")]
    if not all(people) or not dispute.get("reason") or any(machine(name) for name in people):
        return False
    if person(people[0]).is_same(person(people[1])):
        return False
    return not any(is_fixer(name, evidence.fix) for name in people)
