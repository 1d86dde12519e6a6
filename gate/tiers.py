"""Which tier of a policy a finding is in: its severity, and what raises it."""

from __future__ import annotations

from gate.changes import changed_lines
from gate.evidence import Evidence
from gate.policy import Policy
from gate.records import Result
from gate.terms import TIER_RANK, Tier


def tier_of(result: Result | None, evidence: Evidence, policy: Policy) -> Tier:
    """The tier of one finding. ``result`` is its frozen original; None is a finding unknown.

    A finding whose severity nobody knows starts high. What raises the tier raises it by one each,
    at most to high.
    """
    rank = TIER_RANK[_start(result, evidence, policy)] + _raises(evidence, policy)
    return list(Tier)[min(rank, TIER_RANK[Tier.HIGH])]


def tier_of_change(evidence: Evidence, policy: Policy) -> Tier:
    """The tier where only *nothing new?* is asked, and no finding says how severe it is."""
    return list(Tier)[min(_raises(evidence, policy), TIER_RANK[Tier.HIGH])]


def _start(result: Result | None, evidence: Evidence, policy: Policy) -> Tier:
    if result is None or (evidence.surroundings.kev and policy.kev_is_high):
        return Tier.HIGH
    if policy.high.reached(result.level, result.security_severity):
        return Tier.HIGH
    if policy.medium.reached(result.level, result.security_severity):
        return Tier.MEDIUM
    return Tier.LOW


def _raises(evidence: Evidence, policy: Policy) -> int:
    """How many of the policy's reasons to look closer hold."""
    fix, around, raises = evidence.fix, evidence.surroundings, policy.raises
    exposed = around.exposure == raises.exposure and around.criticality in raises.criticality
    large = evidence.diff is not None and (
        len(evidence.diff.files) > raises.changed_files
        or changed_lines(evidence.diff) > raises.changed_lines
    )
    return sum((fix.origin in raises.origins, exposed, large, fix.attempts >= raises.attempts))
