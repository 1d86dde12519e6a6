"""Verbs on campaigns: start, change, take findings in and out, end. They move no finding."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from core import bulk
from core.errors import BadInput, Incomplete, WrongState
from core.models import User
from core.permissions import Permission
from core.text import clean_text
from findings.models import Campaign, CampaignFinding, FindingQuerySet
from findings.services.telling import append_set_event
from findings.services.words import text_given
from scopes.access import check_may
from scopes.models import Scope, Team

MAX_NAME = 120
MAX_MEMBERS = 10_000
NAMED = 200  # ids that an event spells out; of more it holds the digest


@transaction.atomic
def start_campaign(
    *,
    scope: Scope,
    name: str,
    goal: str,
    by: User,
    at: datetime,
    owner: User | None = None,
    team: Team | None = None,
    due_on: date | None = None,
) -> Campaign:
    """Start a campaign without findings. Raises WrongState where the name is taken in the scope.

    ``owner``: a member of the scope; ``team``: one of its teams.
    """
    check_may(by, Permission.TRIAGE, scope.pk)
    _check_people(scope.pk, owner, team)
    campaign = Campaign(
        scope=scope, name=_name(name), goal=text_given("goal", goal), owner=owner, team=team,
        due_on=due_on, started_at=at, started_by=by,
    )  # fmt: skip
    _save(campaign)
    _event(campaign, "started", by=by, at=at, **_shown(campaign))
    return campaign


@transaction.atomic
def change_campaign(*, campaign: Campaign, by: User, at: datetime, **changes: Any) -> Campaign:
    """Change ``name``, ``goal``, ``owner``, ``team`` or ``due_on``; what is not told stays.

    Raises WrongState for an ended campaign or a name that is taken.
    """
    campaign = _running(campaign, by)
    before = _shown(campaign)
    if "name" in changes:
        campaign.name = _name(changes["name"])
    if "goal" in changes:
        campaign.goal = text_given("goal", changes["goal"])
    for member in ("owner", "team", "due_on"):
        if member in changes:
            setattr(campaign, member, changes[member])
    _check_people(campaign.scope_id, changes.get("owner"), changes.get("team"))
    changed = {name: value for name, value in _shown(campaign).items() if value != before[name]}
    if changed:
        _save(campaign)
        _event(campaign, "changed", by=by, at=at, **changed)
    return campaign


@transaction.atomic
def add_findings(*, campaign: Campaign, findings: FindingQuerySet, by: User, at: datetime) -> int:
    """Take findings of the campaign's scope in; return how many are new to it.

    Three statements for any number up to 10,000 in all. Findings of other scopes are left out.
    Raises BadInput beyond that, WrongState for an ended campaign.
    """
    campaign = _running(campaign, by)
    known = set(campaign.members.values_list("finding_id", flat=True))
    room = MAX_MEMBERS - len(known)
    meant = findings.filter(scope=campaign.scope_id).exclude(pk__in=bulk.listed(known))
    ids = sorted(meant.order_by().values_list("pk", flat=True)[: room + 1])
    if len(ids) > room:
        raise BadInput(
            "findings", f"more than a campaign holds (> {MAX_MEMBERS}); narrow the filter"
        )
    moment = bulk.moment(at)
    bulk.insert(
        CampaignFinding,
        ("campaign", "finding", "scope", "at", "by"),
        ((campaign.pk, pk, campaign.scope_id, moment, by.pk) for pk in ids),
    )
    if ids:
        _event(campaign, "findings_added", ids, by=by, at=at, **_ids(ids))
    return len(ids)


@transaction.atomic
def remove_findings(
    *, campaign: Campaign, findings: Sequence[int], reason: str, by: User, at: datetime
) -> int:
    """Take findings out again, with the reason; return how many were in it."""
    campaign = _running(campaign, by)
    reason = text_given("reason", reason)
    rows = campaign.members.filter(finding__in=bulk.listed(findings))
    ids = sorted(rows.values_list("finding_id", flat=True))
    rows.delete()
    if ids:
        _event(campaign, "findings_removed", ids, by=by, at=at, reason=reason, **_ids(ids))
    return len(ids)


@transaction.atomic
def end_campaign(*, campaign: Campaign, reason: str, by: User, at: datetime) -> Campaign:
    """End a campaign, reached or given up: its findings stand where they stand."""
    campaign = _running(campaign, by)
    campaign.ended_at, campaign.ended_by = at, by
    campaign.ended_reason = text_given("reason", reason)
    campaign.save(update_fields=["ended_at", "ended_by", "ended_reason"])
    _event(campaign, "ended", by=by, at=at, reason=campaign.ended_reason)
    return campaign


def _running(campaign: Campaign, by: User) -> Campaign:
    """The campaign as it is now, locked: of two who fill it, the second sees what the first did."""
    check_may(by, Permission.TRIAGE, campaign.scope_id)
    rows = Campaign.objects.select_for_update(of=("self",), no_key=True)
    row = rows.select_related("owner", "team").get(pk=campaign.pk)
    if not row.is_running:
        raise WrongState("The campaign has ended.")
    return row


def _save(campaign: Campaign) -> None:
    try:
        with transaction.atomic():
            campaign.save()
    except IntegrityError as error:
        same = Campaign.objects.filter(scope=campaign.scope_id, name=campaign.name)
        if not same.exclude(pk=campaign.pk).exists():
            raise
        raise WrongState(f"The scope already has a campaign called {campaign.name}.") from error


def _check_people(scope_id: int, owner: User | None, team: Team | None) -> None:
    if owner is not None and not owner.memberships.filter(scope_id=scope_id).exists():
        raise Incomplete("The owner is not a member of this scope.")
    if team is not None and team.scope_id != scope_id:
        raise Incomplete("That team is not of this scope.")


def _name(value: str) -> str:
    name = " ".join(clean_text(value).split())
    if not 0 < len(name) <= MAX_NAME:
        raise BadInput("name", f"must have 1 to {MAX_NAME} characters")
    return name


def _shown(campaign: Campaign) -> dict[str, Any]:
    return {
        "name": campaign.name,
        "goal": campaign.goal,
        "owner": campaign.owner.username if campaign.owner else None,
        "team": campaign.team.name if campaign.team else None,
        "due_on": campaign.due_on.isoformat() if campaign.due_on else None,
    }


def _ids(ids: Sequence[int]) -> dict[str, Any]:
    """What an event says of many findings: how many, their digest, and a few by number."""
    text = ",".join(map(str, ids))
    told: dict[str, Any] = {
        "count": len(ids),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    return {**told, "findings": list(ids)} if len(ids) <= NAMED else told


def _event(
    campaign: Campaign, action: str, ids: Sequence[int] = (), *, by: User, at: datetime, **data: Any
) -> None:
    append_set_event(
        scope_id=campaign.scope_id, action=f"campaign.{action}", subject="campaign",
        subject_id=campaign.pk, by=by, at=at, data=data, findings=ids,
    )  # fmt: skip
