"""A finding's severity by the decision of a person: above what tools and rules say, until it is taken back."""

from datetime import datetime

from django.db import transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import Finding, SeverityDecision
from findings.priority import severity_of
from findings.services.applying import set_severities
from findings.services.words import text_given
from findings.statuses import Severity
from scopes.access import check_may


@transaction.atomic
def decide_severity(
    *, finding: Finding, severity: str, reason: str, by: User, at: datetime
) -> SeverityDecision:
    """Set a finding's severity, or take a decision back ("": the tool's counts again).

    Priority and due date follow. Rules do not touch it any more, so what a rule set can be decided as
    well. Raises BadInput, and WrongState where a person has decided the same.
    """
    check_may(by, Permission.TRIAGE, finding.scope_id)
    if severity and severity not in list(Severity):
        raise BadInput("severity", f"must be one of: {', '.join(Severity)}; empty: the tool's")
    why = text_given("reason", reason)
    locked = Finding.objects.select_for_update(no_key=True).get(pk=finding.pk)
    last = SeverityDecision.objects.filter(finding=locked).order_by("-pk").first()
    if severity == locked.decided_severity == (last.severity if last else ""):
        raise WrongState(
            f"The severity is decided as {severity} already."
            if severity
            else "Nobody has decided the severity: the tool's counts."
        )
    decision = SeverityDecision.objects.create(
        finding=locked, scope_id=locked.scope_id, severity=severity, reason=why, at=at, by=by
    )
    by_tool = severity_of(locked.level, locked.security_severity, locked.cvss).value
    before, after = locked.severity, severity or by_tool
    set_severities([(locked.pk, after, severity)], at=at)
    append_event(
        scope_id=locked.scope_id, action="finding.severity_decided" if severity else "finding.severity_undecided",
        subject="finding", subject_id=locked.pk, by=by, at=at,
        data={"before": before, "after": after, "reason": why},
    )  # fmt: skip
    return decision
