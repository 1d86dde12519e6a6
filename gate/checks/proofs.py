"""A proof of concept that worked before the fix and fails after it: control and witness in one."""

from __future__ import annotations

from gate.binding import Revision
from gate.case import Case, Target
from gate.checks.check import Answer, failed, passed, plain, unknown
from gate.disputes import authors, is_fixer
from gate.evidence import SOURCE_RANK, Attempt, Proof
from gate.models import is_inside, is_same_model
from gate.moments import SKEW
from gate.people import person
from gate.strict import moment
from gate.terms import Terms

_REMEDY = (
    "Run the proof of concept on exactly the base and on exactly {}, by somebody who did not make the "
    "fix, and give it as proofs in the facts."
)


def proof_answer(case: Case, terms: Terms, target: Target) -> Answer | None:
    """What the facts ``proofs`` say of an agentic finding: PASS for one that counts.

    None where there is none, or the finding is not an agentic one. Judged strictly: bound to the
    exact contents, from a source that the tier accepts, not run by the fixer or its agent.
    """
    ref = target.original.ref
    mine = [(i, proof) for i, proof in enumerate(case.evidence.proofs) if proof.finding == ref]
    if not mine or target.finder is None or target.finder.tool_class != "agentic":
        return None
    reason = ""
    for index, proof in mine:
        objection = _objection(case, terms, proof)
        if not objection:
            return passed(
                f"A proof of concept worked before the fix and fails after it: run by "
                f"{plain(proof.by, 60)} at {proof.at} ({proof.source}{_shown(proof)}).",
                f"facts#/proofs/{index}",
            )
        reason = reason or objection
    return unknown(
        f"The proof of concept for {ref} does not count: {reason}.",
        f"facts#/proofs/{mine[0][0]}",
        remedy=_REMEDY.format(case.at.goal.label),
    )


def still_works(case: Case, target: Target) -> Answer | None:
    """FAIL where a proof of concept works on the very content that must be clean; else None.

    Whoever says so: a word that it is still there needs no trusted source to be looked at.
    """
    for index, proof in enumerate(case.evidence.proofs):
        mine = proof.finding == target.original.ref
        if mine and proof.after.outcome == "works" and _is_of(proof.after, case.at.goal):
            return failed(
                f"A proof of concept for {target.original.ref} still works on {case.at.goal.label}: run "
                f"by {plain(proof.by, 60)} at {proof.at} ({proof.source}{_shown(proof)}).",
                f"facts#/proofs/{index}",
                remedy="Remove the weakness itself, and run the proof of concept again.",
            )
    return None


def _shown(proof: Proof) -> str:
    return f", shown by {plain(proof.evidence, 120)}" if proof.evidence else ""


def _objection(case: Case, terms: Terms, proof: Proof) -> str:
    """Why a proof does not count; empty where it does."""
    if SOURCE_RANK[proof.source] < SOURCE_RANK[terms.least_source]:
        return f"it is {proof.source} only, the policy asks for {terms.least_source}"
    if proof.before.outcome != "works":
        return "it did not work before the fix"
    if proof.after.outcome != "fails":
        return "it still works after the fix"
    if not _is_of(proof.before, case.at.base):
        return f"it was not run on {case.at.base.label} before the fix"
    if not _is_of(proof.after, case.at.goal):
        return f"it was not run on {case.at.goal.label} after the fix"
    when, now = moment(proof.at), moment(case.evidence.at)
    if when is None or now is None or when > now + SKEW:
        return f"its time, {proof.at or 'not said'}, is in the future or cannot be compared"
    return _by_the_fixer(case, proof)


def _by_the_fixer(case: Case, proof: Proof) -> str:
    """Whether who made the fix ran it: the person, the agent's own run, its model."""
    fix = case.evidence.fix
    if not person(proof.by).keys() or not authors(fix):
        return "who ran it, or who made the fix, is not known"
    if is_fixer(proof.by, fix):
        return f"{plain(proof.by, 60)}, who ran it, made the fix"
    if is_inside(proof.agent_run, fix.agent_run):
        return f"it was run by what made the fix ({plain(fix.agent_run, 60)})"
    if is_same_model(proof.model, fix.model):
        return f"it was run by what made the fix ({plain(fix.model, 60)})"
    return ""


def _is_of(attempt: Attempt, revision: Revision) -> bool:
    """Whether it ran on exactly this content, by commit or by tree; neither may contradict."""
    pairs = ((attempt.commit, revision.commit), (attempt.tree, revision.tree))
    known = [one == other for one, other in pairs if one and other]
    if attempt.tree and attempt.tree == revision.tree:
        return True
    return bool(known) and all(known)
