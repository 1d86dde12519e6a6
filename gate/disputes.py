"""Disputes: how the gate is told that it is wrong about a match or a cause.

Someone other than the fixer, with a second approver, rejects one pair or one cause, with a reason.
An outcome is never rejected, only what it rests on; the verdict is then computed anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gate.evidence import Evidence, FixFacts
from gate.people import Person, co_authors, person, signers
from gate.provenance import ANYBODY, machine


def authors(fix: FixFacts) -> tuple[Person, ...]:
    """Everybody who had a hand in the fix: author, agent, commit authors, committers, co-authors."""
    return tuple(person(text) for text in _hands(fix))


def _hands(fix: FixFacts) -> tuple[str, ...]:
    """The names of the authors. Who signs off a commit wrote it, or changed at least its message."""
    texts = [fix.author, fix.agent, *fix.former_hands]
    for commit in fix.commits:
        texts += [commit.author, commit.committer, commit.author_login, commit.committer_login]
        texts += [*co_authors(commit.message), *signers(commit.message)]
    return tuple(dict.fromkeys(text for text in texts if text.strip()))


def is_fixer(text: str, fix: FixFacts) -> bool:
    """Whether a name, mail or login is one of those who made the fix, or an account of its agent."""
    who, agent = person(text), machine(text)
    hands = _hands(fix)
    if any(who.is_same(person(hand)) for hand in hands):
        return True
    if not agent or agent in ANYBODY:
        return False
    agents = (fix.agent, *(machine(hand) for hand in hands))
    return any(person(agent).is_same(person(other)) for other in agents if other)


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


def objection(by: str, second: str, fix: FixFacts) -> str:
    """Why two people cannot dispute what is judged of a fix; empty where they can."""
    people = [by, second]
    if not all(people) or any(machine(name) for name in people):
        return "A dispute needs two people; an account of a machine is none."
    if person(by).is_same(person(second)):
        return "A dispute needs two different people."
    fixers = [name for name in people if is_fixer(name, fix)]
    return f"A dispute is not for the fixer, and {fixers[0]} is one of them." if fixers else ""


def _holds(dispute: Mapping[str, Any], evidence: Evidence, about: str) -> bool:
    """Whether it is a dispute about this, with a reason, by two who may."""
    if dispute.get("kind") != "dispute" or dispute.get("about") != about:
        return False
    people = dispute.get("by", ""), dispute.get("second", "")
    return bool(dispute.get("reason")) and not objection(*people, evidence.fix)
