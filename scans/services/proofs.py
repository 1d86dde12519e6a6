"""Proofs of concept that worked before a fix: what they do on the fix. A verb.

The gate reads them for findings of agentic scanners; see gate/checks/proofs.py.
"""

from datetime import datetime

from django.db import transaction

from core.errors import BadInput, NotAllowed, WrongState
from core.events import append_event
from core.models import User
from core.moments import rfc3339
from findings.models import Finding
from findings.statuses import OPEN, Status
from gate.disputes import authors
from gate.models import is_inside, is_same_model
from remediations.models import Proof, Remediation
from remediations.services import locked
from remediations.statuses import Outcome, RemediationState
from scans.services.telling import check_apart, check_may_tell, judge_all, name_given, word
from scans.statuses import ToolClass


@transaction.atomic
def record_proof(
    *,
    remediation: Remediation,
    finding: Finding,
    outcome: str,
    by: User,
    at: datetime,
    commit: str = "",
    evidence: str = "",
    as_of: datetime | None = None,
    agent_run: str = "",
    model: str = "",
) -> Proof:
    """Record what a proof of concept that worked on the fix's base does on the fix, and judge with it.

    ``commit``: on what it was run, what merged or else the head; both are known by commit and tree.
    Raises NotAllowed for who or what made the fix; BadInput; WrongState for an older revision, a
    finding that is closed or of no agentic scanner.
    """
    source = check_may_tell(by, remediation.scope_id, "A word on a proof of concept")
    if outcome not in list(Outcome):
        raise BadInput("outcome", f"{outcome[:40]!r} is none of: {', '.join(Outcome)}")
    said = word(source, evidence, as_of, at)
    run = name_given(agent_run, "agent_run") if agent_run.strip() else ""
    name = name_given(model, "model", 120) if model.strip() else ""
    fix = locked(remediation.pk)
    _check_finding(fix, finding)
    ran_on = _revision(fix, commit)
    told = check_apart(fix, by, "proves the end of a weakness")
    if is_inside(run, told.agent_run) or is_same_model(name, told.model):
        raise NotAllowed("What made the fix does not prove it; something else has to run it.")
    if not authors(told):
        raise WrongState(f"Nobody knows who made {fix}. Propose it again with its commits.")
    row = Proof.objects.create(
        scope_id=fix.scope_id, remediation=fix, finding=finding, base_commit=fix.base_commit,
        base_tree=fix.base_tree, commit=ran_on[0], tree=ran_on[1], outcome=outcome, agent_run=run,
        model=name, source=said.source, evidence=said.evidence, as_of=said.as_of, at=at, by=by,
    )  # fmt: skip
    append_event(
        scope_id=row.scope_id, action="remediation.proof_recorded", subject="remediation",
        subject_id=fix.pk, by=by, at=at,
        data={"proof": row.pk, "finding": finding.pk, "outcome": outcome, "commit": row.commit,
              "source": row.source, "evidence": row.evidence, "as_of": rfc3339(row.as_of)},
    )  # fmt: skip
    judge_all([fix], at=at)
    return row


def _check_finding(fix: Remediation, finding: Finding) -> None:
    if fix.state == RemediationState.WITHDRAWN:
        raise WrongState("The fix was withdrawn.")
    if not fix.addressed.filter(finding=finding).exists():
        raise BadInput("finding", f"{finding} is not one that {fix} is for")
    finding = Finding.objects.get(pk=finding.pk)
    if finding.status not in OPEN:
        raise WrongState(f"{finding} is {Status(finding.status).label}; nothing waits for it.")
    if finding.tool_class != ToolClass.AGENTIC:
        raise WrongState(f"{finding} is of no agentic scanner; the gate asks for no proof of it.")


def _revision(fix: Remediation, commit: str) -> tuple[str, str]:
    """Commit and tree of what must be clean: what merged, else the head, or the one that is named."""
    known = {fix.head_commit: fix.head_tree}
    if fix.merge_commit:
        known[fix.merge_commit] = fix.merge_tree
    chosen = commit or fix.merge_commit or fix.head_commit
    if chosen not in known:
        raise WrongState(
            f"The revision {chosen[:12]} is not the newest; run it on {fix.head_commit[:12]}."
        )
    if chosen == fix.base_commit:
        raise WrongState(f"{fix} has one revision only: base and head are the same.")
    return chosen, known[chosen]
