"""Waivers and disputes as pages show them, with the forms for who may, and what those forms do."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.errors import Refused
from core.models import User
from core.permissions import Permission
from core.views import attempt, person, refuse_form
from findings.models import Finding
from findings.statuses import OPEN
from remediations.models import Dispute, Remediation, Waiver
from remediations.statuses import (
    NEVER_WAIVED,
    STANDING,
    DisputeAbout,
    DisputeState,
    RemediationState,
)
from scans.forms import DisputeForm, ReasonForm, WaiverForm
from scans.models import Verification
from scans.services.disputes import (
    WHAT,
    confirm_dispute,
    pairs_of,
    propose_dispute,
    withdraw_dispute,
)
from scans.services.parties import check_not_the_fixer, check_person, is_same_person
from scans.services.waivers import give_waiver, revoke_waiver
from scans.views.judgements import Reference, reference
from scopes.access import can, check_may

MOST = 50  # rows of each that a page lists
MOST_FORMS = 40  # new results whose cause can be disputed on the page
STATES = {  # state of a dispute → icon, tone, words
    DisputeState.PROPOSED: ("clock", "warn", "waits for a second person"),
    DisputeState.CONFIRMED: ("scale", "info", "confirmed"),
    DisputeState.WITHDRAWN: ("undo-2", "plain", "withdrawn"),
}


@dataclass(frozen=True, slots=True)
class ShownWaiver:
    """A waiver with whether it still counts, and the form to revoke it for who may."""

    row: Waiver
    icon: str
    tone: str
    words: str
    revoke: ReasonForm | None


@dataclass(frozen=True, slots=True)
class ShownDispute:
    """A dispute with how far it came. ``refusal``: why this person cannot confirm what waits.

    ``place``: rule and place of the result, where a judgement that the page shows tells them.
    """

    row: Dispute
    icon: str
    tone: str
    words: str
    result: Reference
    place: str
    waits: bool
    refusal: str
    withdraw: ReasonForm | None


def is_standing(verification: Verification) -> bool:
    """Whether words on a judgement still change something."""
    return (
        not hasattr(verification, "superseded_by")
        and verification.remediation.state != RemediationState.WITHDRAWN
        and verification.finding.status in OPEN
    )


def refusal_of(*checks: Callable[[], Any]) -> str:
    """The sentence of the first check that refuses; empty where none does."""
    try:
        for check in checks:
            check()
    except Refused as refused:
        return str(refused)
    return ""


def may_waive(user: User, fix: Remediation) -> str:
    """Why somebody cannot waive a check of a fix; empty where they can."""
    return refusal_of(
        lambda: check_may(user, Permission.APPROVE, fix.scope_id),
        lambda: check_person(user, "A waiver"),
        lambda: check_not_the_fixer(fix, user, "waives a check"),
    )


def _may_dispute(user: User, fix: Remediation, permission: Permission) -> str:
    return refusal_of(
        lambda: check_may(user, permission, fix.scope_id),
        lambda: check_person(user, "A dispute"),
        lambda: check_not_the_fixer(fix, user, WHAT),
    )


# --- what the page of a judgement offers ---------------------------------------------------------
def offers(user: User, shown: Verification, disputes: Iterable[ShownDispute]) -> dict[str, Any]:
    """Context: forms to waive by check, why there is none, forms to dispute pairs, whether causes may be.

    ``disputed``: results that have a dispute already, among ``disputes``.
    """
    fix = shown.remediation
    if not is_standing(shown):
        return {}
    asked = [
        check["id"]
        for check in shown.judgement["checks"]
        if check["required"] and check["outcome"] in ("FAIL", "UNKNOWN")
    ]
    waivable = [check for check in asked if check not in NEVER_WAIVED]
    refusal = may_waive(user, fix) if waivable else ""
    may = not _may_dispute(user, fix, Permission.DISPOSE)
    disputed = {said.row.result for said in disputes if said.row.state in STANDING}
    pairs = [result for result in pairs_of(shown) if may and result not in disputed]
    return {
        "waive": {} if refusal else {check: _waiver_form(check) for check in waivable},
        "waive_refusal": refusal,
        "never_waived": NEVER_WAIVED,
        "pairs_in_dispute": [_pair_form(n, result) for n, result in enumerate(pairs)],
        "may_dispute": may,
        "disputed": disputed,
    }


def _waiver_form(check: str) -> WaiverForm:
    return WaiverForm(initial={"check": check, "covers": "finding"}, auto_id=f"id_waive_{check}_%s")


def _pair_form(index: int, result: str) -> dict[str, Any]:
    told = {"about": DisputeAbout.MATCH.value, "result": result}
    form = DisputeForm(initial=told, auto_id=f"id_pair_{index}_%s")
    return {"result": reference(result), "form": form}


def cause_form(index: int, new: dict[str, Any], offered: Mapping[str, Any]) -> DisputeForm | None:
    """The form to give a new result another cause, where ``offers`` says that this person may.

    None beyond what a page can carry, and for what is disputed already.
    """
    evidence = new.get("evidence") or []
    if not offered.get("may_dispute") or index >= MOST_FORMS or not evidence:
        return None
    if evidence[0] in offered["disputed"]:
        return None
    told = {"about": DisputeAbout.CAUSE.value, "result": evidence[0]}
    return DisputeForm(initial=told, told=new["cause"], auto_id=f"id_cause_{index}_%s")


# --- what was said -------------------------------------------------------------------------------
def said_about(
    user: User,
    fix: Remediation,
    judged: Sequence[Verification],
    finding: Finding | None = None,
) -> dict[str, Any]:
    """Context: waivers and disputes of a fix, newest first; with ``finding`` those that concern it.

    ``judged``: the judgements that the page shows.
    """
    waivers = fix.waivers.select_related("by", "revoked_by", "finding").order_by("-pk")
    disputes = fix.disputes.select_related("by", "second", "withdrawn_by", "finding")
    if finding is not None:
        of_it = Q(finding=finding) | Q(finding__isnull=True)
        waivers, disputes = waivers.filter(of_it), disputes.filter(of_it)
    rows = list(disputes.order_by("-pk")[:MOST])
    return {
        "waivers": _waivers(user, fix, waivers[:MOST]),
        "disputes": _disputes(user, fix, rows, dict(_places(judged))),
    }


def _places(judged: Sequence[Verification]) -> Iterable[tuple[str, str]]:
    """Rule and place of the new results of judgements, by reference."""
    for verification in judged:
        for new in verification.judgement.get("new", []):
            line = f":{new['line']}" if new.get("line") else ""
            for text in new.get("evidence", [])[:1]:
                yield text, f"{new['rule']} at {new.get('path') or 'no file'}{line}"


def _waivers(user: User, fix: Remediation, rows: Iterable[Waiver]) -> list[ShownWaiver]:
    may = can(user, Permission.APPROVE, fix.scope_id)
    shown = []
    for row in rows:
        looks, counts = _looks_of(row, fix)
        form = ReasonForm(auto_id=f"id_waiver_{row.pk}_%s") if may and counts else None
        shown.append(ShownWaiver(row, *looks, revoke=form))
    return shown


def _looks_of(row: Waiver, fix: Remediation) -> tuple[tuple[str, str, str], bool]:
    """Icon, tone and words for how a waiver stands, and whether it counts."""
    if row.revoked_at is not None:
        return ("undo-2", "plain", "revoked"), False
    if row.commit != fix.head_commit:
        return ("undo-2", "warn", "an older revision: does not count"), False
    if row.until < timezone.now().date():
        return ("clock", "plain", "ended"), False
    return ("flag", "warn", "waived"), True


def _disputes(
    user: User, fix: Remediation, rows: list[Dispute], places: Mapping[str, str]
) -> list[ShownDispute]:
    second = _may_dispute(user, fix, Permission.APPROVE) if rows else ""
    first = _may_dispute(user, fix, Permission.DISPOSE) if rows else ""
    shown = []
    for row in rows:
        state = DisputeState(row.state)
        waits = state == DisputeState.PROPOSED
        takes_back = state != DisputeState.WITHDRAWN and not (first if waits else second)
        form = ReasonForm(auto_id=f"id_dispute_{row.pk}_%s") if takes_back else None
        own = row.by_id == user.pk or is_same_person(row.by, user)
        refusal = "Nobody confirms their own dispute; a second person has to." if own else second
        shown.append(
            ShownDispute(
                row,
                *STATES[state],
                result=reference(row.result),
                place=places.get(row.result, ""),
                waits=waits,
                refusal=refusal if waits else "",
                withdraw=form,
            )
        )
    return shown


# --- what the forms do ---------------------------------------------------------------------------
def _judgement(request: HttpRequest, pk: int) -> Verification:
    rows = Verification.objects.visible_to(request.user)
    return get_object_or_404(rows.select_related("remediation", "finding"), pk=pk)


def newest(fix: Remediation, finding: Finding | None, anchor: str) -> str:
    """The address of the judgement that stands now, of a finding; else of the fix."""
    rows = Verification.objects.current().filter(remediation=fix, finding=finding)
    standing = rows.first() if finding is not None else None
    return f"{(standing or fix).get_absolute_url()}#{anchor}"


@require_POST
def waive(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a check aside; the fix is judged with that."""
    shown = _judgement(request, pk)
    form = WaiverForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    told = form.cleaned_data
    finding = shown.finding if told["covers"] == "finding" else None
    attempt(
        request,
        lambda: give_waiver(
            remediation=shown.remediation,
            check=told["check"],
            reason=told["reason"],
            until=told["until"],
            finding=finding,
            by=person(request),
            at=timezone.now(),
        ),
        done=f"{told['check']} is waived until {told['until'].isoformat()}.",
        back=shown.get_absolute_url(),
    )
    return redirect(newest(shown.remediation, shown.finding, "objections"))


@require_POST
def dispute(request: HttpRequest, pk: int) -> HttpResponse:
    """Propose that a pair or a cause is wrong; a second person confirms."""
    shown = _judgement(request, pk)
    form = DisputeForm(request.POST)
    if not form.is_valid():
        return refuse_form(request, form, back=shown.get_absolute_url())
    told = form.cleaned_data
    of_a_match = told["about"] == DisputeAbout.MATCH
    attempt(
        request,
        lambda: propose_dispute(
            remediation=shown.remediation,
            about=told["about"],
            result=told["result"],
            cause="" if of_a_match else told["cause"],
            finding=shown.finding if of_a_match else None,
            reason=told["reason"],
            by=person(request),
            at=timezone.now(),
        ),
        done="Disputed. It counts once a second person has confirmed it.",
        back=shown.get_absolute_url(),
    )
    return redirect(newest(shown.remediation, shown.finding, "objections"))


def _take_back(
    request: HttpRequest,
    row: Waiver | Dispute,
    verb: Callable[[str], Any],
    done: str,
) -> HttpResponse:
    form = ReasonForm(request.POST)
    back = newest(row.remediation, row.finding, "objections")
    if not form.is_valid():
        return refuse_form(request, form, back=back)
    attempt(request, lambda: verb(form.cleaned_data["reason"]), done=done, back=back)
    return redirect(newest(row.remediation, row.finding, "objections"))


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a waiver back."""
    rows = Waiver.objects.visible_to(request.user).select_related("remediation", "finding")
    row = get_object_or_404(rows, pk=pk)
    by = person(request)
    return _take_back(
        request,
        row,
        lambda reason: revoke_waiver(waiver=row, reason=reason, by=by, at=timezone.now()),
        "The waiver is revoked, and the fix was judged without it.",
    )


def _visible_dispute(request: HttpRequest, pk: int) -> Dispute:
    rows = Dispute.objects.visible_to(request.user).select_related("remediation", "finding")
    return get_object_or_404(rows, pk=pk)


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Second a dispute; the fix is judged with it."""
    row = _visible_dispute(request, pk)
    attempt(
        request,
        lambda: confirm_dispute(dispute=row, by=person(request), at=timezone.now()),
        done="Confirmed, and the fix was judged with it.",
        back=row.remediation.get_absolute_url(),
    )
    return redirect(newest(row.remediation, row.finding, "objections"))


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a dispute back."""
    row = _visible_dispute(request, pk)
    by = person(request)
    return _take_back(
        request,
        row,
        lambda reason: withdraw_dispute(dispute=row, reason=reason, by=by, at=timezone.now()),
        "The dispute is withdrawn.",
    )
