"""Things that can have findings."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scopes.access import check_may
from scopes.models import (
    Asset,
    AssetKind,
    Line,
    LineKind,
    Scope,
    Team,
)
from scopes.statuses import Environment

MAX_TAGS = 20
MAX_TAG = 40  # characters
TAG = re.compile(r"[a-z0-9][a-z0-9._:/+-]*")
SETTABLE = (
    "name", "kind", "repository", "environment", "tags", "team", "address", "external_id",
)  # fmt: skip


@transaction.atomic
def create_asset(
    *,
    scope: Scope,
    name: str,
    by: User | None,
    at: datetime,
    kind: str = AssetKind.REPOSITORY.value,
    repository: str = "",
    default_line: str = "main",
    **more: Any,
) -> Asset:
    """Create an asset with its default line; ``more``: further members of SETTABLE.

    Raises WrongState when the name or the external id is taken.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    asset = Asset(scope=scope, name=name, kind=kind, repository=repository, created_at=at)
    for member, value in more.items():
        setattr(asset, member, checked(asset, member, value))
    _keep(asset)
    Line.objects.create(asset=asset, scope=scope, name=default_line, kind=LineKind.DEFAULT)
    append_event(
        scope_id=scope.pk, action="asset.created", subject="asset", subject_id=asset.pk,
        by=by, at=at, data={"name": name, "line": default_line},
    )  # fmt: skip
    return asset


@transaction.atomic
def change_asset(*, asset: Asset, by: User | None, at: datetime, **changes: Any) -> Asset:
    """Change what ``changes`` names of SETTABLE; the event says from what to what.

    Raises BadInput that names what cannot be used, WrongState when a name or external id is taken.
    """
    check_may(by, Permission.ADMINISTER, asset.scope_id)
    now = Asset.objects.select_for_update(of=("self",), no_key=True).get(pk=asset.pk)
    told: dict[str, Any] = {"from": {}, "to": {}}
    for name, value in changes.items():
        value, before = checked(now, name, value), getattr(now, name)
        if value != before:
            setattr(now, name, value)
            told["from"][name], told["to"][name] = _said(before), _said(value)
    if told["to"]:
        _keep(now)
        append_event(
            scope_id=now.scope_id, action="asset.changed", subject="asset", subject_id=now.pk,
            by=by, at=at, data={**told, "name": now.name},
        )  # fmt: skip
    return now


def lock_assets(scope_id: int) -> dict[int, frozenset[str]]:
    """Keep imports of the scope waiting until the end of the transaction; return the assets' tags."""
    rows = Asset.objects.filter(scope=scope_id).order_by("pk").select_for_update(no_key=True)
    return {asset: frozenset(tags) for asset, tags in rows.values_list("pk", "tags")}


def _said(value: Any) -> Any:
    return str(value) if isinstance(value, Team) else value


def checked(asset: Asset, name: str, value: Any) -> Any:
    """Return a member of an asset as it is kept. Raises BadInput that names it."""
    if name not in SETTABLE:
        raise BadInput(name, "cannot be set here")
    if name == "tags":
        return clean_tags(value)
    if name in ("environment", "kind"):
        words = [member.value for member in (Environment if name == "environment" else AssetKind)]
        if value not in words:
            raise BadInput(
                name, f"{str(value)[:40]!r} is none of: {', '.join(filter(None, words))}"
            )
    if name == "team" and value is not None and value.scope_id != asset.scope_id:
        raise BadInput("team", "is of another scope")
    if name == "name" and not value.strip():
        raise BadInput("name", "must not be empty")
    return value


def clean_tags(tags: Sequence[str]) -> list[str]:
    """Return tags as they are kept: small letters, each once, sorted. Raises BadInput."""
    told = sorted({tag.strip().lower() for tag in tags if tag.strip()})
    if len(told) > MAX_TAGS:
        raise BadInput("tags", f"more than allowed ({len(told)} > {MAX_TAGS})")
    for tag in told:
        if len(tag) > MAX_TAG or not TAG.fullmatch(tag):
            raise BadInput(
                "tags",
                f"{tag[:50]!r} is no short word (letters, digits, . _ : / + -; at most {MAX_TAG})",
            )
    return told


def _keep(asset: Asset) -> None:
    try:
        with transaction.atomic():
            asset.save()
    except IntegrityError as error:
        raise WrongState(
            f"The scope already has an asset called {asset.name}{_or_id(asset)}."
        ) from error


def _or_id(asset: Asset) -> str:
    return f" or with the external id {asset.external_id}" if asset.external_id else ""
