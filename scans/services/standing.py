"""Standing approvals: an owner's word, given once, for what dependency bots do again and again. Verbs.

What such a word covers is for the gate to say, fix by fix: see gate/checks/standing.py.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.statuses import OPEN
from gate.catalogue import load
from gate.provenance import dependency_bot
from gate.strict import deadline, moment
from remediations.models import Remediation, StandingApproval
from remediations.statuses import Origin, RemediationState
from scans.models import Verification
from scans.services.parties import check_person, reason_given
from scans.services.telling import judge_all, live, name_given
from scopes.access import check_may
from scopes.models import Scope

MAX_DAYS = 365
MOST = 20  # bots, ecosystems or globs of one approval
BOTS = tuple(
    dict.fromkeys(row["agent"] for row in load("authorship.json")["rows"] if row.get("bumps"))
)
ECOSYSTEMS = tuple(row["ecosystem"] for row in load("manifests.json")["rows"])
_PURLS = {row["purl"]: row["ecosystem"] for row in load("manifests.json")["rows"] if "purl" in row}


def _event(row: StandingApproval, action: str, *, by: User, at: datetime, **data: Any) -> None:
    append_event(
        scope_id=row.scope_id, action=f"scope.standing_approval_{action}", subject="scope",
        subject_id=row.scope_id, by=by, at=at, data={"standing_approval": row.pk, **data},
    )  # fmt: skip


def give_standing_approval(
    *,
    scope: Scope,
    bots: Sequence[str],
    reason: str,
    until: date,
    by: User,
    at: datetime,
    ecosystems: Sequence[str] = (),
    manifests: Sequence[str] = (),
    since: date | None = None,
) -> StandingApproval:
    """Approve, as owner, changes of versions only by these bots, and judge what bots proposed anew.

    ``ecosystems`` by the catalogue's names, ``manifests`` as globs; one of them is needed. From
    ``since`` (today) to the end of ``until`` (UTC), at most 365 days ahead. Each fix is judged in a
    transaction of its own: a scope may have many. Raises NotAllowed for who may not approve, BadInput.
    """
    check_may(by, Permission.APPROVE, scope.pk)
    check_person(by, "A standing approval")
    today = at.astimezone(UTC).date()
    since = since or today
    _check_days(since, until, today)
    covers = {
        "bots": _listed("bots", bots, _bot),
        "ecosystems": _listed("ecosystems", ecosystems, _ecosystem),
        "manifests": _listed("manifests", manifests, lambda glob: name_given(glob, "manifests")),
    }
    if not covers["bots"]:
        raise BadInput("bots", f"must name one at least of: {', '.join(BOTS)}")
    if not covers["ecosystems"] and not covers["manifests"]:
        raise BadInput("ecosystems", "or manifests must say what is covered")
    reason = reason_given(reason)
    with transaction.atomic():
        row = StandingApproval.objects.create(
            scope=scope, **covers, reason=reason, since=since, until=until, at=at, by=by
        )
        _event(row, "given", by=by, at=at, **covers, reason=reason, since=since.isoformat(),
               until=until.isoformat())  # fmt: skip
    judge_all(_of_bots(scope), at=at)
    return row


def _check_days(since: date, until: date, today: date) -> None:
    if until <= today:
        raise BadInput("until", "must be in the future")
    if until > today + timedelta(days=MAX_DAYS):
        raise BadInput("until", f"is more than {MAX_DAYS} days ahead")
    if since < today:
        raise BadInput("since", "is in the past: nobody approves afterwards")
    if since > until:
        raise BadInput("since", "is after its end")


def _listed(where: str, values: Sequence[str], read: Any) -> list[str]:
    if len(values) > MOST:
        raise BadInput(where, f"more than allowed ({len(values)} > {MOST})")
    return list(dict.fromkeys(read(value) for value in values))


def _bot(name: str) -> str:
    known = {bot.casefold(): bot for bot in BOTS}
    found = dependency_bot(name) or known.get(name.strip().casefold(), "")
    if not found:
        raise BadInput("bots", f"{name[:60]!r} is none of: {', '.join(BOTS)}")
    return found


def _ecosystem(name: str) -> str:
    known = {row.casefold(): row for row in ECOSYSTEMS} | _PURLS
    found = known.get(name.strip().casefold(), "")
    if not found:
        raise BadInput("ecosystems", f"{name[:60]!r} is none of: {', '.join(ECOSYSTEMS)}")
    return found


def end_standing_approval(
    *, approval: StandingApproval, reason: str, by: User, at: datetime
) -> StandingApproval:
    """End it before its day, for good, and judge what bots proposed without it.

    What was completed with it stays: its certificate shows the approval as it stood then.
    """
    check_may(by, Permission.APPROVE, approval.scope_id)
    check_person(by, "Ending a standing approval")
    reason = reason_given(reason)
    with transaction.atomic():
        rows = StandingApproval.objects.select_for_update(of=("self",), no_key=True)
        row: StandingApproval = rows.select_related("scope").get(pk=approval.pk)
        if row.ended_at is not None:
            raise WrongState("The standing approval was ended already.")
        row.ended_at, row.ended_by, row.ended_reason = at, by, reason
        row.save(update_fields=["ended_at", "ended_by", "ended_reason"])
        _event(row, "ended", by=by, at=at, reason=reason)
    judge_all(_of_bots(row.scope), at=at)
    return row


def _of_bots(scope: Scope) -> list[Remediation]:
    """Fixes that are automation's, as far as they could still close something."""
    rows = Remediation.objects.filter(
        scope=scope, origin=Origin.AUTOMATION, findings__status__in=OPEN
    )
    return list(live(rows.exclude(state=RemediationState.WITHDRAWN)))


def judge_with_approvals_of_today(*, at: datetime) -> int:
    """Judge again what bots proposed where an approval ended, or began, since; return how many fixes.

    For the beat. What has merged was covered, or not, when it did.
    """
    scopes = StandingApproval.objects.filter(ended_at__isnull=True).values("scope_id")
    rows = Verification.objects.current().filter(
        remediation__state=RemediationState.PROPOSED, remediation__origin=Origin.AUTOMATION,
        finding__status__in=OPEN, scope__in=scopes, at__lt=at,
    )  # fmt: skip
    due = {row.remediation_id: row.remediation for row in rows.select_related("remediation")
           if _has_turned(row, at)}  # fmt: skip
    judge_all(live(due.values()), at=at)
    return len(due)


def _has_turned(row: Verification, at: datetime) -> bool:
    """Whether an approval ended on which the judgement rests, or one began that it lacks."""
    checks = {check["id"]: check for check in row.judgement["checks"]}
    review = checks.get("HUMAN_REVIEW", {"outcome": "", "reason": ""})
    covered = review["outcome"] == "PASS" and "by the standing approval" in review["reason"]
    if review["outcome"] == "PASS" and not covered:
        return False
    for approval in StandingApproval.objects.filter(scope=row.scope_id, ended_at__isnull=True):
        turn = approval.until.isoformat() if covered else f"{approval.since.isoformat()}T00:00:00Z"
        when = deadline(turn) if covered else moment(turn)
        if when and row.at < when <= at:
            return True
    return False
