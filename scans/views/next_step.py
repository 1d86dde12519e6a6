"""The one next step of a finding: what, and where. Pure."""

from dataclasses import dataclass

from django.urls import reverse

from findings.models import Finding
from findings.statuses import Status
from remediations.models import Remediation
from remediations.statuses import RemediationState
from scans.models import Verification
from scans.services.telling import is_secret
from scans.views.judgements import first_open


@dataclass(frozen=True, slots=True)
class NextStep:
    """One sentence; ``url`` and ``link`` lead to where it is done. ``tone`` as callouts take it."""

    sentence: str
    url: str = ""
    link: str = ""
    tone: str = "next"


WITHOUT_FIX = {
    Status.DISCOVERED: "Prioritize it, so that it finds its place in the queue.",
    Status.PRIORITIZED: "Validate that it is real and reachable, or propose a fix at once.",
    Status.VALIDATED: "Propose a fix: by the API, the pipeline, or the pull request that the "
    "code host reports.",
    Status.MOBILIZING: "Propose a fix: none that is still open is linked.",
    Status.AWAITING_VERIFICATION: "Link the fix: somebody claimed that it is fixed, but there is "
    "no change that a scan could prove.",
}
ENDED = {
    Status.RISK_ACCEPTED: "Nothing until the acceptance ends; then it reopens by itself.",
    Status.FALSE_POSITIVE: "Nothing. Reopen it if the decision was wrong.",
    Status.DUPLICATE: "Follow the other finding.",
    Status.NO_LONGER_PRESENT: "Nothing is proven: scans stopped reporting it. It reopens on sight.",
}


def next_step(
    finding: Finding, verification: Verification | None, fix: Remediation | None
) -> NextStep:
    """Return the next step; ``fix`` is the newest that was not withdrawn, ``verification`` its
    judgement."""
    status = Status(finding.status)
    if status == Status.MOBILIZATION_COMPLETE:
        url = reverse("certificate", args=[finding.pk])
        return NextStep("Nothing: closed and proven.", url, "See the certificate", "pass")
    if status == Status.DUPLICATE and finding.duplicate_of:
        url = finding.duplicate_of.get_absolute_url()
        return NextStep(ENDED[status], url, f"Open {finding.duplicate_of}", "plain")
    if status in ENDED:
        return NextStep(ENDED[status], tone="plain")
    if fix is None:
        return NextStep(WITHOUT_FIX[status])
    check = first_open(verification)
    if check is not None and check.id == "CLASS_SPECIFIC" and is_secret(finding):
        return NextStep(check.to_pass or check.reason, "#revocation", "Record revocation")
    return _with_fix(verification, fix)


def _with_fix(verification: Verification | None, fix: Remediation) -> NextStep:
    url = fix.get_absolute_url()
    check = first_open(verification)
    if verification is None:
        return NextStep("Have the fix scanned: nothing has been judged yet.", url, f"Open {fix}")
    if check is not None and check.id == "HUMAN_REVIEW":
        url = f"{url}#review"
        return NextStep(
            "The scan has passed. A person has to review the fix.", url, f"Review {fix}"
        )
    if check is not None:
        return NextStep(check.to_pass or check.reason, url, f"Open {fix}")
    if fix.state != RemediationState.MERGED:
        return NextStep("Merge the fix: both lamps are green.", url, f"Open {fix}")
    return NextStep("Ask the gate to complete it: both lamps are green.", "#actions", "Go there")
