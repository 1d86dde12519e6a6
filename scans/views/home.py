"""My work: what needs somebody now, and whether AI-written fixes were scanned before they merged."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.permissions import Permission
from core.views import person
from findings.models import Finding, FindingDispute, FindingQuerySet, RiskAcceptance
from findings.open_counts import open_by_status
from findings.statuses import OPEN, FindingDisputeState, Severity, Status
from remediations.models import Dispute, Remediation
from remediations.statuses import DisputeState, RemediationState
from scans.inbox import InboxReport
from scans.services.audit import Scanned, last_closed
from scans.services.coverage import assets_with_gaps
from scans.statuses import Verdict
from scans.views.current import finding_rows, standing
from scans.views.judgements import NO_SCAN, ShownCheck, first_open
from scopes.models import Scope

MINE, FAILED, EXPIRING, DISPUTED = 6, 6, 10, 10  # rows that the page shows
COUNTED = 99  # of what is late
READ = 200  # failed judgements that it looks through
EXPIRING_WITHIN = timedelta(days=14)
LAST = 10

QUEUES = (  # status, name, what to do, icon
    (Status.DISCOVERED, "Needs triage", "prioritize or dismiss", "target"),
    (Status.PRIORITIZED, "Needs validation", "is it real and reachable?", "flag"),
    (Status.VALIDATED, "Needs a fix", "nobody has proposed one", "git-branch"),
    (Status.MOBILIZING, "Being fixed", "a fix is on its way", "git-pull-request"),
)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    visible = Finding.objects.visible_to(request.user)
    counts = open_by_status(request)
    mine = visible.open().filter(assigned_to_id=request.user.pk, set_aside="")
    failed = _failed(request)
    expiring = _expiring(visible)
    last = last_closed(visible, n=LAST, origin="ai")
    context = {
        "queues": [_queue(counts, *row) for row in QUEUES],
        "more_queues": [*_late(visible), *_scoping(request)],
        "awaiting": counts.get(Status.AWAITING_VERIFICATION, 0),
        "failed": failed[:FAILED],
        "failed_count": len(failed),
        "failed_limit": 99,
        "expiring": expiring,
        "disputed": _disputed(request),
        "disputed_findings": _disputed_findings(request),
        "mine": finding_rows(
            list(mine.select_related("asset", "scope").order_by("-priority_score", "-id")[:MINE])
        ),
        "nothing_at_all": not counts and not visible.exists(),
        "last": last,
        "last_yes": sum(row.scanned_before_merge is Scanned.BEFORE for row in last),
        "last_none": range(LAST - len(last)),
        "last_n": LAST,
    }
    return render(request, "home.html", context)


def _late(visible: FindingQuerySet) -> list[dict[str, Any]]:
    """What is or will be late by the SLA of its scope. One statement; counted up to a hundred."""
    at = timezone.now()
    waiting = visible.open().filter(set_aside="")
    late, soon = _first("overdue", waiting.overdue(at)), _first("soon", waiting.due_soon(at))
    counts = Counter(word for (word,) in late.union(soon, all=True))
    return [
        {"name": name, "what": what, "icon": icon, "url": f"{reverse('findings')}?open=true&due={word}",
         "count": f"{COUNTED}+" if counts[word] > COUNTED else counts[word]}
        for name, what, icon, word in (
            ("Overdue", "later than the SLA allows", "triangle-alert", "overdue"),
            ("Due this week", "by the SLA", "calendar-clock", "soon"),
        )
    ]  # fmt: skip


def _first(word: str, rows: FindingQuerySet) -> Any:
    """A row of ``word`` for each of these findings, for one more than are counted at most."""
    some = rows.order_by("due_at", "id").values("pk")[: COUNTED + 1]
    return Finding.objects.filter(pk__in=some).order_by().values_list(Value(word))


def _scoping(request: HttpRequest) -> list[dict[str, Any]]:
    """What nobody looks at, and reports that nobody knows the asset of. Three statements."""
    gaps = assets_with_gaps(request.user, at=timezone.now()).count()
    waiting = InboxReport.objects.visible_to(request.user).waiting().count()
    return [
        {"name": "Coverage gaps", "what": "assets that lack a look", "icon": "radar",
         "count": gaps, "url": reverse("coverage-gaps")},
        {"name": "Inbox", "what": "reports of unknown assets", "icon": "inbox",
         "count": waiting, "url": reverse("inbox")},
    ]  # fmt: skip


def _queue(
    counts: dict[str, int], status: Status, name: str, what: str, icon: str
) -> dict[str, Any]:
    return {
        "name": name,
        "what": what,
        "icon": icon,
        "count": counts.get(status.value, 0),
        "url": f"{reverse('findings')}?status={status.value}",
    }


@dataclass
class Failed:
    """A fix that the gate said no to, with the findings it stands for and the first reason."""

    fix: Remediation
    at: datetime
    check: ShownCheck | None
    findings: list[Finding] = field(default_factory=list)

    @property
    def severity(self) -> str:
        """The worst among its findings."""
        present = {finding.severity for finding in self.findings}
        return next(severity.value for severity in Severity if severity.value in present)


def _failed(request: HttpRequest) -> list[Failed]:
    """Fixes with a judgement that failed, newest first. One that merely lacks its scan waits, it
    has not failed."""
    rows = standing().visible_to(request.user).filter(verdict=Verdict.FAIL)
    open_ones = rows.filter(finding__status__in=OPEN).select_related("finding", "remediation")
    fixes: dict[int, Failed] = {}
    for verification in open_ones.defer("inputs").order_by("-pk")[:READ]:
        check = first_open(verification)
        if check is None or check.id == NO_SCAN:
            continue
        fix = verification.remediation
        failed = fixes.setdefault(fix.pk, Failed(fix, verification.at, check))
        failed.findings.append(verification.finding)
    return list(fixes.values())


def _expiring(visible: Any) -> list[RiskAcceptance]:
    until = timezone.now().date() + EXPIRING_WITHIN
    rows = RiskAcceptance.objects.filter(
        finding__in=visible.filter(status=Status.RISK_ACCEPTED),
        approved_at__isnull=False,
        until__lte=until,
    )
    return list(rows.select_related("finding", "approved_by").order_by("until")[:EXPIRING])


def _disputed_findings(request: HttpRequest) -> list[FindingDispute]:
    """Disputed findings that wait for an answer, where this one may give it."""
    user = person(request)
    rows = FindingDispute.objects.filter(
        state=FindingDisputeState.OPEN, scope__in=Scope.objects.permitting(user, Permission.TRIAGE)
    ).exclude(by=user)
    return list(rows.select_related("finding", "by").order_by("pk")[:DISPUTED])


def _disputed(request: HttpRequest) -> list[Dispute]:
    """Disputes of others that wait for a second person, where this one may be that."""
    user = person(request)
    rows = Dispute.objects.filter(
        state=DisputeState.PROPOSED,
        scope__in=Scope.objects.permitting(user, Permission.APPROVE),
        remediation__findings__status__in=OPEN,
    ).exclude(remediation__state=RemediationState.WITHDRAWN)
    rows = rows.exclude(by=user).select_related("remediation", "by").distinct()
    return list(rows.order_by("pk")[:DISPUTED])
