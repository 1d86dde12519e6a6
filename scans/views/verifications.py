"""The second loop as a board, and one judgement in full."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.models import User
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.models import Finding
from findings.statuses import OPEN, Status
from remediations.models import Remediation, RemediationFinding
from remediations.services import is_own
from remediations.statuses import RemediationState
from scans.forms import DispositionForm
from scans.models import Disposition, Scan, Verification
from scans.services.doors import record_disposition
from scans.statuses import ENDED, Purpose
from scans.views.current import FixRow, fix_rows
from scans.views.judgements import NO_SCAN, ShownCheck, first_open, lamps
from scans.views.objections import cause_form, is_standing, newest, offers, said_about
from scopes.access import can
from scopes.models import Scope

MOST_FIXES = 200  # that the board looks at, longest waiting first
MOST_CARDS = 25  # that one lane shows
MOST_NEW = 200  # new results that the page of a judgement shows


@dataclass(frozen=True, slots=True)
class Card:
    """A fix (or a claim without one) on the board; ``since`` is when it came into its lane."""

    since: datetime
    row: FixRow | None = None
    finding: Finding | None = None
    scan: Scan | None = None
    check: ShownCheck | None = None


@dataclass
class Lane:
    key: str
    title: str
    what: str
    cards: list[Card] = field(default_factory=list)

    @property
    def shown(self) -> list[Card]:
        return sorted(self.cards, key=lambda card: card.since)[:MOST_CARDS]

    @property
    def hidden(self) -> int:
        return max(0, len(self.cards) - MOST_CARDS)


def _lanes() -> dict[str, Lane]:
    lanes = (
        Lane("waiting", "Waiting for a scan", "No post-fix scan is linked yet."),
        Lane("scanning", "Scanning", "A scan of the fix is being run or read."),
        Lane("failed", "Failed or unknown", "The gate says no, or cannot say."),
        Lane(
            "review", "Passed, waiting for review", "Safe. A person has to say whether it is right."
        ),
        Lane("cleared", "Cleared, not merged", "Both lamps are green. Merge it."),
    )
    return {lane.key: lane for lane in lanes}


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    fixes = _open_fixes(request)
    running = _running(fixes)
    scanned = set(
        Scan.objects.done()
        .filter(remediation__in=fixes, purpose=Purpose.FIX)
        .values_list("remediation_id", flat=True)
    )
    lanes = _lanes()
    for row in fix_rows(fixes, with_texts=True):
        key, card = _place(row, running.get(row.fix.pk), row.fix.pk in scanned)
        lanes[key].cards.append(card)
    for finding in _claims_without_fix(request):
        lanes["waiting"].cards.append(
            Card(finding.claimed_at or finding.status_since, finding=finding)
        )
    context = {
        "lanes": list(lanes.values()),
        "is_cut": len(fixes) == MOST_FIXES,
        "total": sum(len(lane.cards) for lane in lanes.values()),
    }
    return render(request, "verification/queue.html", context)


def _open_fixes(request: HttpRequest) -> list[Remediation]:
    rows = Remediation.objects.visible_to(request.user).exclude(state=RemediationState.WITHDRAWN)
    waits = RemediationFinding.objects.filter(remediation=OuterRef("pk"), finding__status__in=OPEN)
    rows = rows.filter(Exists(waits)).select_related("asset")
    return list(rows.defer("commits").order_by("pushed_at", "pk")[:MOST_FIXES])


def _claims_without_fix(request: HttpRequest) -> list[Finding]:
    scopes = Scope.objects.visible_to(request.user).values_list("pk", flat=True)
    rows = Finding.objects.in_scopes(scopes).filter(
        status=Status.AWAITING_VERIFICATION, set_aside=""
    )
    rows = rows.filter(~Exists(RemediationFinding.objects.filter(finding=OuterRef("pk"))))
    rows = rows.select_related("claimed_by", "asset").defer("original", "current")
    return list(rows.order_by("claimed_at", "pk")[:MOST_CARDS])


def _running(fixes: Iterable[Remediation]) -> dict[int, Scan]:
    """The oldest scan of each fix that is not over."""
    rows = Scan.objects.filter(remediation__in=list(fixes)).exclude(state__in=ENDED)
    running: dict[int, Scan] = {}
    for scan in rows.defer("facts", "log").order_by("pk"):
        running.setdefault(scan.remediation_id or 0, scan)
    return running


def _place(row: FixRow, running: Scan | None, is_scanned: bool) -> tuple[str, Card]:
    """Return the lane of a fix, and its card."""
    judged = [v for v in row.verifications if v.finding_id in {f.pk for f in row.findings}]
    since = max((v.at for v in judged), default=row.fix.pushed_at)
    if running is not None:
        return "scanning", Card(running.created_at, row, scan=running)
    if not is_scanned and row.verdict != "pass" and not row.fix.merged_at:
        return "waiting", Card(row.fix.pushed_at, row)
    if row.verdict == "pass":
        return "cleared", Card(since, row)
    worst = next((v for v in judged if v.verdict == "fail"), None) or next(
        (v for v in judged if v.verdict == "unknown"), None
    )
    check = first_open(worst)
    if row.safe == "pass" and row.right == "unknown":
        return "review", Card(since, row, check=check)
    if check is not None and check.id == NO_SCAN:
        return "waiting", Card(row.fix.merged_at or row.fix.pushed_at, row, check=check)
    return "failed", Card(since, row, check=check)


@require_GET
def verification(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Verification.objects.visible_to(request.user).select_related(
        "finding", "remediation__asset", "policy", "scope", "supersedes", "superseded_by"
    )
    shown = get_object_or_404(rows, pk=pk)
    user = person(request)
    said = said_about(user, shown.remediation, [shown], shown.finding)
    offered = offers(user, shown, said["disputes"])
    context = {
        "verification": shown,
        "judgement": shown.judgement,
        "lamps": lamps([shown]),
        **offered,
        **said,
        "roles": list(shown.scan_roles.select_related("scan").order_by("role", "pk")),
        "new": _new(user, shown, offered),
        "originals": shown.judgement.get("originals", []),
        "pairs": sorted(shown.judgement.get("matching", {}).get("pairs", {}).items()),
        "dispositions": _dispositions(shown),
        "clearances": list(shown.clearances.order_by("pk")),
    }
    return render(request, "verification/detail.html", context)


def _dispositions(shown: Verification) -> list[Disposition]:
    """What people decided about new results of this revision, in whichever judgement they saw them."""
    rows = Disposition.objects.filter(
        verification__remediation=shown.remediation, verification__head_commit=shown.head_commit
    )
    return list(rows.select_related("by").order_by("pk")[:MOST_NEW])


def _new(user: User, shown: Verification, offered: Mapping[str, Any]) -> list[dict[str, Any]]:
    """New results, each with the forms for a word on it, or on its cause, where this person may.

    What blocks has to go; no word lets it stay.
    """
    may = (
        is_standing(shown)
        and can(user, Permission.DISPOSE, shown.scope_id)
        and not is_own(shown.remediation, user)
    )
    rows = []
    for index, new in enumerate(shown.judgement.get("new", [])[:MOST_NEW]):
        place = {name: new.get(name) for name in ("rule", "path", "line")}
        asked = may and new.get("cause") == "fix" and not new.get("blocks")
        form = DispositionForm(initial=place, auto_id=f"id_{index}_%s") if asked else None
        rows.append({**new, "form": form, "dispute": cause_form(index, new, offered)})
    return rows


@require_POST
def dispose(request: HttpRequest, pk: int) -> HttpResponse:
    """Record a word on one new result; the fix is judged with it."""
    rows = Verification.objects.visible_to(request.user).select_related("remediation", "finding")
    shown = get_object_or_404(rows, pk=pk)
    form = DispositionForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=f"{shown.get_absolute_url()}#new")
    attempt(
        request,
        lambda: record_disposition(
            verification=shown, by=person(request), at=timezone.now(), **form.cleaned_data
        ),
        done="Recorded, and the fix was judged with it.",
        back=shown.get_absolute_url(),
    )
    return redirect(newest(shown.remediation, shown.finding, "new"))
