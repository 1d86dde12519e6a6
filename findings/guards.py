"""Conditions that rows of the transition table name. Each raises Incomplete with a sentence for a tooltip.

A guard looks at the finding and at what was brought, never at the tables of upper apps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

from django.db.models import F, Q

from core.errors import Incomplete, NotAllowed, WrongState
from core.models import User
from findings.models import (
    Dismissal,
    Finding,
    RiskAcceptance,
    ScopeDecisionPolicy,
    TwoPersonDecision,
)
from findings.statuses import VALIDATING, EvidenceKind

MAX_REASON = 5000
UNDECIDED = Q(approved_at__isnull=True) & (  # requests on open findings that may still be decided
    Q(finding__clock_from__isnull=True) | Q(requested_at__gte=F("finding__clock_from"))
)


@dataclass(frozen=True, slots=True)
class Context:
    """One attempt: the locked finding, who (None: the system), when, and what was brought."""

    finding: Finding
    by: User | None
    at: datetime
    brought: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.brought.get(name, "")
        return value.strip() if isinstance(value, str) else ""


def check_reason_given(context: Context) -> None:
    reason = context.text("reason")
    if not reason:
        raise Incomplete("A reason is needed.")
    if len(reason) > MAX_REASON:
        raise Incomplete(
            f"The reason is longer than allowed ({len(reason)} > {MAX_REASON} characters)."
        )


def check_validation_evidence(context: Context) -> None:
    if not context.text("evidence"):
        raise Incomplete(
            "Evidence is needed: a note, a proof of concept, reachability or a tool's exploitability claim."
        )
    if (context.brought.get("evidence_kind") or EvidenceKind.NOTE) not in VALIDATING:
        raise Incomplete(f"The kind of evidence must be one of: {', '.join(VALIDATING)}.")


def check_remediation_linked(context: Context) -> None:
    if not context.brought.get("remediation_id"):
        raise Incomplete("A linked remediation is needed: propose a fix for this finding.")


def check_clearance(context: Context) -> None:
    if not context.brought.get("clearance_id"):
        raise Incomplete("Only the gate completes a finding, once its clearance exists.")


def check_revocation(context: Context) -> None:
    if context.brought.get("revoked_clearance_id") != context.finding.clearance_id:
        raise Incomplete("A completed finding reopens by revoking its clearance.")


def _check_second_person(context: Context, decision: TwoPersonDecision | None, what: str) -> None:
    if decision is None:
        raise Incomplete(f"{what} has to be requested first, with a reason.")
    if context.by is None or decision.requested_by_id != context.by.pk:
        return
    policy = ScopeDecisionPolicy.of(context.finding.scope_id)
    still = policy.dismissals_alone if isinstance(decision, Dismissal) else policy.acceptances_alone
    if not (decision.alone and still):
        raise NotAllowed("A second person has to confirm: nobody approves their own request.")


def _waiting(model: type[TwoPersonDecision], finding: Finding) -> list[TwoPersonDecision]:
    """Requests since the last approval and since the finding was reopened, the newest first."""
    asked = finding.riskacceptances if model is RiskAcceptance else finding.dismissals
    rows = sorted(asked.all(), key=lambda row: row.pk, reverse=True)
    since = finding.clock_from
    return list(
        takewhile(
            lambda row: row.approved_at is None and (since is None or row.requested_at >= since),
            rows,
        )
    )


def pending(model: type[TwoPersonDecision], finding: Finding) -> TwoPersonDecision | None:
    """Return the request that waits for a decision: the newest, which takes the place of older ones.

    None once it was approved, and once the finding was reopened after it.
    """
    return next(iter(_waiting(model, finding)), None)


def named(model: type[TwoPersonDecision], context: Context) -> TwoPersonDecision | None:
    """Return the request that waits, as long as it is the one that the approver has read.

    ``decision`` names it; it may be left out where only one was made. Raises WrongState.
    """
    waiting, told = _waiting(model, context.finding), context.brought.get("decision")
    if told is None and len(waiting) > 1:
        raise WrongState(
            "It was asked for more than once: name the newest request, the one that counts (decision)."
        )
    if told is not None and (not waiting or waiting[0].pk != told):
        raise WrongState("Another request counts by now: read the newest one, then decide.")
    return next(iter(waiting), None)


def check_acceptance_by_second_person(context: Context) -> None:
    acceptance = pending(RiskAcceptance, context.finding)
    _check_second_person(context, acceptance, "Accepting the risk")
    if isinstance(acceptance, RiskAcceptance) and acceptance.until <= context.at.date():
        raise Incomplete(f"The acceptance would already have ended on {acceptance.until}.")


def check_dismissal_by_second_person(context: Context) -> None:
    _check_second_person(
        context, pending(Dismissal, context.finding), "Dismissing as a false positive"
    )


def check_other_finding(context: Context) -> None:
    other = context.brought.get("duplicate_of")
    if not isinstance(other, int) or isinstance(other, bool):
        raise Incomplete("The other finding is needed, by its number.")
    same_scope = Finding.objects.filter(pk=other, scope_id=context.finding.scope_id)
    if other == context.finding.pk or not same_scope.exists():
        raise Incomplete("The other finding is not in this scope.")
