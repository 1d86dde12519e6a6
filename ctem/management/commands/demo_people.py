"""People, service accounts and a scope for the demo. Everything else comes in through the API."""

import json
import secrets
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from core.events import append_event
from core.models import User, UserKind
from core.permissions import Role
from scopes.models import Scope
from scopes.services import create_scope, issue_token, set_member


class Person(NamedTuple):
    """Somebody in the demo: named for what they may."""

    username: str
    name: str
    role: Role
    kind: UserKind = UserKind.HUMAN


PEOPLE = (
    Person("admin", "Ada Admin", Role.ADMIN),
    Person("analyst", "Ana Analyst", Role.ANALYST),
    Person("developer", "Dan Developer", Role.DEVELOPER),
    Person("approver", "Ari Approver", Role.APPROVER),
    Person("viewer", "Vic Viewer", Role.VIEWER),
    Person("pipeline", "Build pipeline", Role.PIPELINE, UserKind.SERVICE),
    Person("ticketing", "Ticketing system", Role.TICKETING, UserKind.SERVICE),
)
OUTSIDER = Person("outsider", "Otto Outsider", Role.ADMIN)
SCOPE = {"name": "Customer portal", "slug": "portal", "owner": "Portal team"}
ELSEWHERE = {"name": "Somebody else's", "slug": "elsewhere"}
TOKEN_DAYS = 30


class Command(BaseCommand):
    help = (
        "Make the demo's users, roles, scopes and tokens; print them as JSON. Not for production."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password", help="of every user; generated when it is not given")

    @transaction.atomic
    def handle(self, *args: Any, password: str | None, **options: Any) -> None:
        at = timezone.now()
        password = password or secrets.token_urlsafe(12)
        portal = _scope(at, **SCOPE, exposure="internet", criticality="high")
        elsewhere = _scope(at, **ELSEWHERE)
        logins: dict[str, Any] = {"password": password, "scope": portal.slug}
        for person in PEOPLE:
            logins[person.username] = _join(person, portal, password, at)
        logins[OUTSIDER.username] = _join(OUTSIDER, elsewhere, password, at)
        self.stdout.write(json.dumps(logins, indent=2))


def _scope(at: datetime, **members: str) -> Scope:
    known = Scope.objects.filter(slug=members["slug"]).first()
    return known or create_scope(by=None, at=at, **members)


def _join(person: Person, scope: Scope, password: str, at: datetime) -> dict[str, str]:
    """Make the user if need be, with a role in the scope and a fresh token."""
    user = User.objects.filter(username=person.username).first() or _create(person, at)
    user.set_password(password)
    user.save(update_fields=["password"])
    set_member(scope=scope, user=user, role=person.role, by=None, at=at)
    _, key = issue_token(
        user=user, name="demo", by=user, at=at, days=min(TOKEN_DAYS, settings.MAX_TOKEN_DAYS)
    )
    return {"role": person.role.value, "name": person.name, "token": key}


def _create(person: Person, at: datetime) -> User:
    first, _, last = person.name.partition(" ")
    user = User.objects.create_user(
        person.username, f"{person.username}@portal.example", first_name=first, last_name=last,
        kind=person.kind.value,
    )  # fmt: skip
    append_event(
        scope_id=None, action="user.created", subject="user", subject_id=user.pk, by=None, at=at,
        data={"username": user.username, "kind": user.kind},
    )  # fmt: skip
    return user
