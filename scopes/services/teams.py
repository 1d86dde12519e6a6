"""Teams of a scope and who is on them.

A team's handle says which paths are its own: verbs that change handles are called by those of
findings/services/owning.py, which set the owners of findings with it.
"""

import re
from datetime import datetime

from django.db import IntegrityError, transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scopes.access import check_may
from scopes.models import Asset, Membership, Scope, Team, TeamMember

HANDLE = re.compile(r"@@?[\w.-]+(/[\w.-]+)*|[^\s@]{1,100}@[^\s@]{1,100}")


def check_handle(handle: str) -> str:
    """Return a handle as it is kept. Raises BadInput for what no CODEOWNERS file could say."""
    handle = handle.strip()
    if handle and not HANDLE.fullmatch(handle):
        raise BadInput("handle", "must be as CODEOWNERS names the team: @acme/payments")
    return handle


@transaction.atomic
def create_team(
    *, scope: Scope, name: str, by: User | None, at: datetime, handle: str = ""
) -> Team:
    """Create a team without members. Raises WrongState when its name or handle is taken."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    team = Team(scope=scope, name=_name(name), handle=check_handle(handle), created_at=at)
    _keep(team)
    append_event(
        scope_id=scope.pk, action="team.created", subject="team", subject_id=team.pk,
        by=by, at=at, data={"name": team.name, "handle": team.handle},
    )  # fmt: skip
    return team


@transaction.atomic
def change_team(
    *, team: Team, by: User | None, at: datetime, name: str | None = None, handle: str | None = None
) -> Team:
    """Give a team another name or handle. Raises WrongState when it is taken."""
    check_may(by, Permission.ADMINISTER, team.scope_id)
    now = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    before = {"name": now.name, "handle": now.handle}
    now.name = before["name"] if name is None else _name(name)
    now.handle = before["handle"] if handle is None else check_handle(handle)
    after = {"name": now.name, "handle": now.handle}
    if after != before:
        _keep(now)
        append_event(
            scope_id=now.scope_id, action="team.changed", subject="team", subject_id=now.pk,
            by=by, at=at, data={"from": before, "to": after, "name": now.name},
        )  # fmt: skip
    return now


@transaction.atomic
def remove_team(*, team: Team, by: User | None, at: datetime) -> None:
    """Remove a team that owns neither the scope nor an asset; its members stay in the scope."""
    check_may(by, Permission.ADMINISTER, team.scope_id)
    team = Team.objects.select_for_update().get(pk=team.pk)
    if Scope.objects.filter(owner_team=team).exists():
        raise WrongState(f"{team} owns the scope: give it to another team first.")
    if owned := Asset.objects.filter(team=team).count():
        raise WrongState(f"{team} owns {owned} assets: give them to another team first.")
    pk = team.pk
    team.delete()
    append_event(
        scope_id=team.scope_id, action="team.removed", subject="team", subject_id=pk,
        by=by, at=at, data={"name": team.name, "handle": team.handle},
    )  # fmt: skip


@transaction.atomic
def add_team_member(*, team: Team, user: User, by: User | None, at: datetime) -> Team:
    """Put a member of the scope on the team; who is on it stays on it."""
    check_may(by, Permission.ADMINISTER, team.scope_id)
    if not Membership.objects.filter(scope=team.scope_id, user=user).exists():
        raise BadInput("username", "has no role in this scope; give them one first")
    _, is_new = TeamMember.objects.get_or_create(
        team=team, user=user, defaults={"scope_id": team.scope_id}
    )
    if is_new:
        _tell_member("team.member_added", team, user, by, at)
    return team


@transaction.atomic
def remove_team_member(*, team: Team, user: User, by: User | None, at: datetime) -> Team:
    """Take somebody off the team; their role in the scope stays."""
    check_may(by, Permission.ADMINISTER, team.scope_id)
    gone, _ = TeamMember.objects.filter(team=team, user=user).delete()
    if gone:
        _tell_member("team.member_removed", team, user, by, at)
    return team


def _tell_member(action: str, team: Team, user: User, by: User | None, at: datetime) -> None:
    append_event(
        scope_id=team.scope_id, action=action, subject="team", subject_id=team.pk,
        by=by, at=at, data={"name": team.name, "user": user.username},
    )  # fmt: skip


def _name(name: str) -> str:
    if not name.strip():
        raise BadInput("name", "must not be empty")
    return name.strip()


def _keep(team: Team) -> None:
    _check_alone(team)
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError as error:  # somebody was faster
        _check_alone(team)
        raise WrongState(f"The scope already has a team called {team.name}.") from error


def _check_alone(team: Team) -> None:
    """Raise WrongState where another has the name or handle, as lists and files that name it are read."""
    others = Team.objects.filter(scope=team.scope_id).exclude(pk=team.pk)
    for name, handle in others.values_list("name", "handle"):
        if handle and handle.casefold() == team.handle.casefold():
            raise WrongState(f"The scope already has a team by the handle {handle}.")
        if name.casefold() == team.name.casefold():
            raise WrongState(f"The scope already has a team called {name}.")
