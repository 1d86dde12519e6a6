"""Findings of what runs (dast, cloud): was what was tested again what was deployed of the fix?

From the facts of the scans after the fix: ``deployed_commit``, ``deployed_tree``, ``deployed_at``.
"""

from __future__ import annotations

from gate.case import Case, Target
from gate.checks.check import Answer, failed, passed, unknown, worst
from gate.legs import Leg
from gate.strict import moment
from gate.terms import Terms


def deployed(case: Case, terms: Terms, target: Target) -> Answer:
    """Every scan that says that the original is gone looked at a deployment of what must be clean."""
    ref, goal = target.original.ref, case.at.goal.label
    answers = [_deployment(case, item.after.leg) for item in target.gone]
    return worst(
        answers,
        passed(f"{ref} was tested again on a deployment of {goal}.")
        if answers
        else unknown(
            f"Nothing shows that {ref} was tested again on a deployment of {goal}.",
            remedy=f"Deploy {goal}, scan it with the tool that found it, and say deployed_commit of the scan.",
        ),
    )


def _deployment(case: Case, leg: Leg) -> Answer:
    goal, facts = case.at.goal, leg.facts
    pairs = [(facts.deployed_commit, goal.commit), (facts.deployed_tree, goal.tree)]
    known = [(there, wanted) for there, wanted in pairs if there and wanted]
    if not known:
        return unknown(
            leg.lacking(f"What was deployed where {leg.label} looked; its deployed_commit"),
            leg.ref(),
            remedy=f"Say deployed_commit (or deployed_tree) of {leg.label}: the deployment knows it.",
        )
    if not any(there == wanted for there, wanted in known):
        return failed(
            f"{leg.label} looked at a deployment of {known[0][0][:9]}, not of {goal.label}.",
            leg.ref(),
            remedy=f"Deploy {goal.label} and scan again.",
        )
    came, began = moment(facts.deployed_at), moment(leg.started_at)
    if came and began and began < came:
        return failed(
            f"{leg.label} began before {goal.label} was deployed.", leg.ref(), remedy="Scan again."
        )
    return passed(f"{leg.label} looked at a deployment of {goal.label}.", leg.ref())
