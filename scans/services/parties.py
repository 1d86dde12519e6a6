"""Who may speak about the judgement of a fix, and which judgement that is: for waivers and disputes.

The gate itself is asked who the fixer is, over the facts that it judges with, so that what it
would void is refused at the door.
"""

import re

from core.errors import BadInput, NotAllowed, WrongState
from core.models import User, UserKind
from core.text import clean_text
from findings.models import Finding
from findings.statuses import OPEN
from gate.disputes import authors, is_fixer
from gate.evidence import FixFacts
from gate.provenance import machine
from remediations.models import Remediation
from remediations.services import as_person, is_own
from remediations.statuses import RemediationState
from scans.models import Verification
from scans.services.facts import gate_facts

MAX_REASON = 5000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def reason_given(reason: str, where: str = "reason") -> str:
    """Return a reason as the gate and the certificate can carry it. Raises BadInput."""
    cleaned = clean_text(reason, MAX_REASON).strip()
    if not cleaned:
        raise BadInput(where, "must not be empty")
    if _CONTROL.search(cleaned):
        raise BadInput(where, "holds control characters")
    return cleaned


def check_person(user: User, what: str) -> None:
    """Raise NotAllowed unless this is a person's account; ``what`` begins the sentence."""
    if user.kind != UserKind.HUMAN or machine(user.username):
        raise NotAllowed(f"{what} is a person's decision; this account is not a person.")


def check_not_the_fixer(fix: Remediation, user: User, what: str) -> FixFacts:
    """Raise NotAllowed for who had a hand in the fix or proposed it; ``what`` nobody does to it.

    WrongState while nobody knows who made it. Returns the facts of the fix as the gate reads them.
    """
    told = gate_facts(fix)
    if is_own(fix, user) or is_fixer(user.username, told):
        raise NotAllowed(f"Nobody {what} of their own fix; someone else has to.")
    if not authors(told):
        raise WrongState(
            f"Nobody knows who made {fix}, so nobody can be known to be somebody else. "
            "Propose it again with its commits."
        )
    return told


def is_same_person(one: User, other: User) -> bool:
    """Whether two accounts may be one person's: name, mail or login agree."""
    return as_person(one).is_same(as_person(other))


def judged_now(fix: Remediation, finding: Finding | None = None) -> list[Verification]:
    """Return the judgements that stand of a fix's newest revision, of open findings or of one.

    Raises WrongState where there is none, or the fix was withdrawn, and BadInput for a finding that
    the fix does not address.
    """
    if fix.state == RemediationState.WITHDRAWN:
        raise WrongState("The fix was withdrawn.")
    if finding is not None and not fix.addressed.filter(finding=finding).exists():
        raise BadInput("finding", f"{finding} is not one that {fix} is for")
    rows = Verification.objects.current().filter(remediation=fix, head_commit=fix.head_commit)
    rows = rows.filter(finding__status__in=OPEN)
    found = list((rows.filter(finding=finding) if finding else rows).order_by("finding_id"))
    if not found:
        of = finding if finding is not None else fix
        raise WrongState(f"No judgement of {of} stands: it is closed, or not scanned yet.")
    return found
