"""Scopes, assets and people of a made-up database, made by the services that make them for people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.events import append_event
from core.models import User
from core.permissions import Role
from ctem.seeding.chance import Draw
from scopes.models import Asset, Criticality, Exposure, Line, Scope
from scopes.services import create_asset, create_scope, set_member

EVERYWHERE, TWENTY, ONE = "seed-everywhere", "seed-twenty", "seed-one"
SOME = 20  # scopes that TWENTY sees
WORKING = (Role.ANALYST, Role.DEVELOPER, Role.APPROVER)
CRITICALITIES = {"low": 3, "medium": 4, "high": 2, "critical": 1}
EXPOSURES = {"internal": 5, "partner": 2, "internet": 3}


@dataclass(frozen=True, slots=True)
class Place:
    """An asset with its line, and who works on it (two at least)."""

    number: int
    scope: Scope
    asset: Asset
    line: Line
    people: list[User]


def make_places(
    draw: Draw, *, scopes: int, assets: int, people: int, at: datetime
) -> tuple[list[Place], list[User]]:
    """Make scopes, their assets and people; the first assets are those with the most findings.

    Three people are always there: one sees every scope, one twenty, one the scope with the least.
    """
    start = Scope.objects.count()  # what is there keeps its names
    made = [_scope(draw, start + index, at) for index in range(scopes)]
    named = [_person(name, at) for name in (EVERYWHERE, TWENTY, ONE)]
    others = [_person(f"seed-{start + index}", at) for index in range(max(2, people - 3))]
    members = _members(draw, made, named, others, at)
    places = []
    for index in range(assets):
        scope = made[index % scopes if index < scopes else _few(draw, scopes)]
        asset = create_asset(scope=scope, name=f"service-{start + index}", by=None, at=at)
        line = asset.lines.get()
        places.append(Place(index, scope, asset, line, members[scope.pk]))
    return places, [*named, *others]


def _few(draw: Draw, scopes: int) -> int:
    """A scope; the first have more."""
    return int(scopes * draw.between(0, 1) ** 2)


def _scope(draw: Draw, number: int, at: datetime) -> Scope:
    return create_scope(
        name=f"Service group {number}", slug=f"seed-{number}", owner=f"Team {number}", by=None, at=at,
        criticality=Criticality(draw.one(CRITICALITIES)), exposure=Exposure(draw.one(EXPOSURES)),
    )  # fmt: skip


def _person(username: str, at: datetime) -> User:
    """The account of this name; without a password until somebody sets one."""
    known = User.objects.filter(username=username).first()
    if known is not None:
        return known
    made: User = User.objects.create_user(username, f"{username}@example.org", first_name=username)
    append_event(
        scope_id=None, action="user.created", subject="user", subject_id=made.pk, by=None, at=at,
        data={"username": username, "kind": made.kind},
    )  # fmt: skip
    return made


def _members(
    draw: Draw, scopes: list[Scope], named: list[User], others: list[User], at: datetime
) -> dict[int, list[User]]:
    """Scope → its people. Each scope has two others at least: decisions take two."""
    everywhere, twenty, one = named
    held: dict[int, dict[int, User]] = {scope.pk: {everywhere.pk: everywhere} for scope in scopes}
    for scope in draw.rng.sample(scopes, min(SOME, len(scopes))):
        held[scope.pk][twenty.pk] = twenty
    held[scopes[-1].pk][one.pk] = one
    for scope in scopes:
        for person in draw.rng.sample(others, min(len(others), draw.rng.randint(2, 5))):
            held[scope.pk][person.pk] = person
    for scope in scopes:
        for index, person in enumerate(held[scope.pk].values()):
            role = Role.ADMIN if index == 0 else WORKING[index % len(WORKING)]
            set_member(scope=scope, user=person, role=role, by=None, at=at)
    return {pk: list(people.values()) for pk, people in held.items()}


def told(people: list[User]) -> str:
    """The three who are always there, for a sentence."""
    known: dict[str, Any] = {person.username: person for person in people}
    return ", ".join(name for name in (EVERYWHERE, TWENTY, ONE) if name in known)
