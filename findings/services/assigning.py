"""Who answers for findings: a person, a team or both; one finding at a time, or many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from django.db import transaction

from core.bulk import listed
from core.errors import BadInput, Incomplete, NotAllowed, Refused
from core.events import append_event
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from findings.services.telling import append_set_event
from scopes.access import check_may
from scopes.models import Membership, Scope, Team

MAX_ASSIGNED = 1_000  # findings at once
NOT_A_MEMBER = "That person is not a member of this scope."
NOT_ITS_TEAM = "That team is not of this scope."


class Keep(Enum):
    """Leaves what is there as it is."""

    AS_IT_IS = "as it is"


KEEP = Keep.AS_IT_IS
Person = User | None | Keep
OfTeam = Team | None | Keep


@dataclass(frozen=True, slots=True)
class Assigned:
    """What became of one finding, or would: ``refusal`` None is done."""

    finding: int
    refusal: Refused | None = None


@transaction.atomic
def assign(
    *, finding: Finding, by: User, at: datetime, to: Person = KEEP, team: OfTeam = KEEP
) -> Finding:
    """Make a member of the scope, a team of it, or both, responsible for the finding; None: nobody.

    Raises BadInput where neither is told, NotAllowed, Incomplete for who is not of the scope.
    """
    check_may(by, Permission.TRIAGE, finding.scope_id)
    values = _values(to, team)
    if isinstance(to, User) and not to.memberships.filter(scope_id=finding.scope_id).exists():
        raise Incomplete(NOT_A_MEMBER)
    if isinstance(team, Team) and team.scope_id != finding.scope_id:
        raise Incomplete(NOT_ITS_TEAM)
    for name, value in values.items():
        setattr(finding, name, value)
    finding.save(update_fields=list(values))
    append_event(
        scope_id=finding.scope_id, action="finding.assigned", subject="finding",
        subject_id=finding.pk, by=by, at=at, data=_told(to, team),
    )  # fmt: skip
    return finding


def assign_many(
    *,
    findings: Sequence[Finding],
    by: User,
    at: datetime,
    to: Person = KEEP,
    team: OfTeam = KEEP,
    dry_run: bool = False,
) -> list[Assigned]:
    """Make a person, a team or both responsible for up to 1,000 findings; answer for each.

    What is refused is left out, with the reason; the rest is one statement and one event per scope.
    With ``dry_run`` nothing is written. Raises BadInput for too many, or where nobody is told.
    """
    if len(findings) > MAX_ASSIGNED:
        raise BadInput("findings", f"more than allowed at once ({len(findings)} > {MAX_ASSIGNED})")
    values = _values(to, team)
    scopes = {finding.scope_id for finding in findings}
    refusals = _refusals(scopes, to, team, by)
    if not dry_run:
        taken = [f for f in findings if refusals[f.scope_id] is None]
        _write(taken, values, _told(to, team), by, at)
    return [Assigned(finding.pk, refusals[finding.scope_id]) for finding in findings]


def _refusals(scopes: set[int], to: Person, team: OfTeam, by: User) -> dict[int, Refused | None]:
    """Scope → why nothing there can be assigned so; two statements for any number of scopes."""
    allowed = Scope.objects.permitting(by, Permission.TRIAGE).filter(pk__in=scopes)
    may = set(allowed.values_list("pk", flat=True))
    members = set()
    if isinstance(to, User):
        rows = Membership.objects.filter(user=to, scope__in=scopes)
        members = set(rows.values_list("scope_id", flat=True))
    refusals: dict[int, Refused | None] = {}
    for scope in scopes:
        refusals[scope] = None
        if scope not in may:
            refusals[scope] = NotAllowed("Your role in this scope does not allow you to triage.")
        elif isinstance(to, User) and scope not in members:
            refusals[scope] = Incomplete(NOT_A_MEMBER)
        elif isinstance(team, Team) and team.scope_id != scope:
            refusals[scope] = Incomplete(NOT_ITS_TEAM)
    return refusals


@transaction.atomic
def _write(
    findings: Sequence[Finding],
    values: dict[str, Any],
    told: dict[str, Any],
    by: User,
    at: datetime,
) -> None:
    by_scope: dict[int, list[int]] = {}
    for finding in findings:
        by_scope.setdefault(finding.scope_id, []).append(finding.pk)
    rows = Finding.objects.filter(pk__in=listed(sorted(f.pk for f in findings)))
    if not by_scope:
        return
    list(rows.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))
    rows.update(**values)
    for scope_id, ids in sorted(by_scope.items()):
        append_set_event(
            scope_id=scope_id, action="finding.assigned", subject="scope", subject_id=scope_id,
            by=by, at=at, data={**told, "findings": sorted(ids)}, findings=ids,
        )  # fmt: skip


def _values(to: Person, team: OfTeam) -> dict[str, Any]:
    values = {
        name: value
        for name, value in (("assigned_to", to), ("team", team))
        if not isinstance(value, Keep)
    }
    if not values:
        raise BadInput("to", "somebody has to be told: a person, a team, or nobody")
    return values


def _told(to: Person, team: OfTeam) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if not isinstance(to, Keep):
        told["to"] = to.username if to else None
    if not isinstance(team, Keep):
        told["team"] = team.name if team else None
    return told
