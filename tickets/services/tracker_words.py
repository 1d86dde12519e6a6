"""What tickets are told, as plain text. Links only where the server knows its own address."""

from collections.abc import Mapping

from django.conf import settings
from django.urls import reverse

from core.text import clean_text
from findings.models import Comment, Finding
from findings.statuses import Status
from scans.models import Verification
from scans.services.verification import failing_checks

MOST_TEXT = 20_000
MOST_CHECKS = 20
MOST_VALUE = 250  # characters of a field


def title_of(finding: Finding) -> str:
    """One line for a ticket's head."""
    return " ".join(clean_text(f"{finding}: {finding.title}", 240).split())


def text_of(finding: Finding) -> str:
    """The body of a new ticket."""
    lines = [
        finding.title,
        "",
        f"Where: {finding.asset}, {finding.path or 'no file'}"
        + (f":{finding.start_line}" if finding.start_line else ""),
        f"Rule: {finding.rule} ({finding.tool})",
        f"Severity: {finding.severity}. Priority: {finding.priority_band or 'none'}.",
        f"Status: {Status(finding.status).label}.",
        *_link("finding", finding),
        "",
        "Closed means proven: the finding completes when a scan of its merged fix has passed. "
        "Closing this ticket before that is taken as a claim.",
    ]
    return clean_text("\n".join(lines), MOST_TEXT)


def facts_of(finding: Finding, values: Mapping[str, str]) -> dict[str, str]:
    """What is written into fields of the tracker: field → text, by the mapping's ``values``."""
    if not values:
        return {}
    known = {
        "reference": str(finding), "title": title_of(finding), "rule": finding.rule,
        "tool": finding.tool, "severity": finding.severity, "priority": finding.priority_band,
        "asset": str(finding.asset), "path": finding.path, "line": str(finding.start_line or ""),
        "scope": str(finding.scope),
        "due_on": finding.due_at.date().isoformat() if finding.due_at else "",
        "url": next(iter(_link("finding", finding)), ""),
    }  # fmt: skip
    told = {field: clean_text(known[fact], MOST_VALUE) for field, fact in values.items()}
    return {field: text for field, text in told.items() if text}


def commented_text(comment: Comment) -> str:
    """Somebody's comment here, for the ticket."""
    return clean_text(f"{comment.by.display} wrote:\n\n{comment.body}", MOST_TEXT)


def remark_text(key: str, author: str, text: str) -> str:
    """Somebody's comment in the tracker, for the finding."""
    return clean_text(f"{author or 'Somebody'} in {key}:\n\n{text}", MOST_TEXT)


def moved_text(finding: Finding, was: str) -> str:
    """A comment on another status."""
    lines = [f"{finding} is {Status(finding.status).label} now; it was {Status(was).label}."]
    if finding.status == Status.MOBILIZATION_COMPLETE:
        lines += ["A post-fix scan has passed. The closure certificate:",
                  *(_link("certificate", finding) or ["on the finding's page."])]  # fmt: skip
    elif was == Status.AWAITING_VERIFICATION:
        lines += missing(finding)
    return clean_text("\n".join([*lines, *_link("finding", finding)]), MOST_TEXT)


def closed_there_text(finding: Finding) -> str:
    """A comment on a ticket that was closed before its finding is proven."""
    lines = [
        f"This ticket was closed; {finding} is {Status(finding.status).label}. "
        "A closed ticket is a claim: it does not complete the finding.",
        *missing(finding),
        *_link("finding", finding),
    ]
    return clean_text("\n".join(lines), MOST_TEXT)


def band_text(finding: Finding, was: str) -> str:
    """A comment on another priority."""
    return f"The priority of {finding} is {finding.priority_band or 'none'} now; it was {was or 'none'}."


def missing(finding: Finding) -> list[str]:
    """The checks that stand in the way, a line each."""
    rows = Verification.objects.current().filter(finding=finding)
    last = rows.only("judgement").order_by("-pk").first()
    if last is None:
        return ["Missing: a fix that is linked to it, merged, and a scan of it that passes."]
    checks = failing_checks(last.judgement)
    if not checks:
        return []
    told = [f"- {check['id']}: {check['outcome']}. {check['reason']}" for check in checks]
    return ["Missing:", *told[:MOST_CHECKS]]


def _link(name: str, finding: Finding) -> list[str]:
    if not settings.PUBLIC_URL:
        return []
    return [f"{settings.PUBLIC_URL}{reverse(name, args=[finding.pk])}"]
