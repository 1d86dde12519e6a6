"""What a scope says of itself: who owns it, what it handles, what it has to prove, who looks at it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import BadInput
from core.events import append_event
from core.jobs import enqueue
from core.models import User
from core.permissions import Permission
from scopes.access import check_may
from scopes.expectations import CLASSES
from scopes.models import Criticality, Exposure, Scope, Team
from scopes.regulations import CODES
from scopes.statuses import DataClass

MAX_FRESH_DAYS = 366
WEIGHS_OTHERWISE = "scope_weighs_otherwise"  # the kind of the job: its findings are scored anew
SETTABLE = (
    "name", "owner", "owner_team", "criticality", "exposure", "data_class", "regulations",
    "expected_classes", "fresh_days",
)  # fmt: skip
_WORDS: dict[str, type[Criticality] | type[Exposure] | type[DataClass]] = {
    "criticality": Criticality, "exposure": Exposure, "data_class": DataClass,
}  # fmt: skip
_LISTS = {"regulations": CODES, "expected_classes": CLASSES}


@transaction.atomic
def change_scope(*, scope: Scope, by: User | None, at: datetime, **changes: Any) -> Scope:
    """Change what ``changes`` names of SETTABLE; the event ``scope.changed`` says from what to what.

    Another criticality or exposure has its findings scored anew, by a job. ``owner_team``: a Team of
    this scope, or None. Lists are kept in the order of their catalogue.
    Nothing changes, and no event tells of it, where all is so already. Raises BadInput that names
    what cannot be used.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    now = Scope.objects.select_for_update(no_key=True).get(pk=scope.pk)
    told: dict[str, Any] = {"from": {}, "to": {}}
    for name, value in changes.items():
        value, before = _checked(now, name, value), getattr(now, name)
        setattr(scope, name, value)
        if value != before:
            setattr(now, name, value)
            told["from"][name], told["to"][name] = _said(before), _said(value)
    if told["to"]:
        now.save(update_fields=list(told["to"]))
        if {"criticality", "exposure"} & told["to"].keys():
            key = (
                f"{WEIGHS_OTHERWISE}:{scope.pk}:{at.isoformat()}"  # each change is a job of its own
            )
            enqueue(kind=WEIGHS_OTHERWISE, subject_id=scope.pk, at=at, key=key)
        append_event(
            scope_id=scope.pk, action="scope.changed", subject="scope", subject_id=scope.pk,
            by=by, at=at, data={**told, "changed": sorted(told["to"])},
        )  # fmt: skip
    return now


def _said(value: Any) -> Any:
    return str(value) if isinstance(value, Team) else value


def _checked(scope: Scope, name: str, value: Any) -> Any:
    """Return the value as it is kept. Raises BadInput."""
    if name not in SETTABLE:
        raise BadInput(name, "cannot be set here")
    if name in _WORDS:
        return _member(name, value)
    if name in _LISTS:
        return _listed(name, value, _LISTS[name])
    if name == "owner_team" and value is not None and value.scope_id != scope.pk:
        raise BadInput("owner_team", "is of another scope")
    if name == "fresh_days" and not 1 <= value <= MAX_FRESH_DAYS:
        raise BadInput("fresh_days", f"{value} is outside 1 to {MAX_FRESH_DAYS}")
    if name == "name" and not value.strip():
        raise BadInput("name", "must not be empty")
    return value


def _member(name: str, value: str) -> str:
    words = [member.value for member in _WORDS[name]]
    if value not in words:
        raise BadInput(name, f"{str(value)[:40]!r} is none of: {', '.join(words)}")
    return value


def _listed(name: str, values: Sequence[str], known: Sequence[str]) -> list[str]:
    for value in values:
        if value not in known:
            raise BadInput(name, f"{str(value)[:40]!r} is none of: {', '.join(known)}")
    return [value for value in known if value in values]
