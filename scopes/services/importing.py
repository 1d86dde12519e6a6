"""Taking over a list of assets: planned against what is there, then written whole or not at all.

A fixed number of statements for any number of assets. The same file twice changes nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from core import bulk
from core.errors import BadInput, WrongState
from core.events import append_event
from core.models import User
from core.permissions import Permission
from scopes.access import check_may
from scopes.asset_files import AssetRow, Refusal, read
from scopes.models import Asset, AssetKind, AssetLink, Line, LineKind, Scope, Team
from scopes.services.assets import clean_tags

FIELDS = ("name", "kind", "repository", "environment", "tags", "team_id", "address", "external_id")
_NEW: dict[str, Any] = {"kind": AssetKind.REPOSITORY.value, "repository": "", "environment": "", "tags": [],
        "team_id": None, "address": "", "external_id": ""}  # fmt: skip
_COLUMNS = tuple(name.removesuffix("_id") if name == "team_id" else name for name in FIELDS)
MOST_TOLD = 100  # refusals and notes that an answer lists


@dataclass(slots=True)
class Plan:
    """What a file would do: new assets and changed ones with all their members, and new links."""

    created: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    unchanged: int = 0
    links: list[tuple[str, str, str]] = field(default_factory=list)  # asset, kind, target by name
    refused: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # name that is no more → the new one


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file. ``written`` False: a dry run, or something was refused, so nothing was."""

    written: bool
    created: int
    changed: int
    unchanged: int
    links: int
    refused: int
    refusals: tuple[Refusal, ...]  # the first of them
    notes: tuple[str, ...]


def import_assets(
    *,
    scope: Scope,
    data: bytes,
    by: User | None,
    at: datetime,
    file_format: str = "",
    dry_run: bool = False,
) -> Outcome:
    """Create and change assets as a file tells: all of them, or none if one cannot be used.

    An asset is known by its external id, else by its name. What a file leaves out stays as it is; tags
    and links are added, never taken away. Raises BadInput or TooLarge for a file that cannot be read.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    rows, refused = read(data, file_format)
    with transaction.atomic():
        Scope.objects.select_for_update(no_key=True).get(
            pk=scope.pk
        )  # files come one after another
        plan = _planned(scope, rows)
        plan.refused = sorted([*refused, *plan.refused], key=lambda r: int(r.where.split()[-1]))
        written = not dry_run and not plan.refused
        if written:
            _write(scope, plan, by, at)
            _tell(scope, plan, hashlib.sha256(data).hexdigest(), by, at)
    return Outcome(
        written, len(plan.created), len(plan.changed), plan.unchanged, len(plan.links),
        len(plan.refused), tuple(plan.refused[:MOST_TOLD]), tuple(plan.notes[:MOST_TOLD]),
    )  # fmt: skip


# --- planning ------------------------------------------------------------------------------------
class _There:
    """What the scope has already, found by the ways in which files name it."""

    def __init__(self, scope: Scope) -> None:
        found = Asset.objects.filter(scope=scope).order_by("pk")  # all members are written back
        rows = list(found.select_for_update(no_key=True).values("id", *FIELDS))
        self.by_name = {row["name"]: row for row in rows}
        self.by_id = {row["external_id"]: row for row in rows if row["external_id"]}
        lines = Line.objects.filter(scope=scope, kind=LineKind.DEFAULT)
        self.lines = dict(lines.values_list("asset_id", "name"))
        names = {row["id"]: row["name"] for row in rows}
        # Not by a join: tables that were just filled have no statistics, and PostgreSQL guesses badly.
        links = AssetLink.objects.filter(scope=scope).values_list("asset_id", "kind", "target_id")
        self.links = {(names[asset], kind, names[target]) for asset, kind, target in links}
        teams = list(Team.objects.filter(scope=scope).values_list("pk", "name", "handle"))
        self._teams = {handle.casefold(): pk for pk, _, handle in teams if handle}
        self._teams |= {name.casefold(): pk for pk, name, _ in teams}

    def team(self, word: str) -> int:
        """A team by its name or handle. Raises BadInput."""
        found = self._teams.get(word.casefold())
        if found is None:
            raise BadInput("team", f"the scope has no team {word[:60]!r}")
        return found

    def known(self, told: Mapping[str, Any]) -> dict[str, Any] | None:
        """The asset that a row means. Raises BadInput where name and external id are of two."""
        name, external_id = told["name"], told.get("external_id", "")
        by_id, by_name = self.by_id.get(external_id), self.by_name.get(name)
        if by_id is not None:
            if by_name is not None and by_name["id"] != by_id["id"]:
                raise BadInput("name", f"{name[:80]!r} is another asset than {external_id}")
            return by_id
        if by_name is not None and external_id and by_name["external_id"]:
            raise BadInput(
                "external_id", f"{name[:80]!r} has another: {by_name['external_id'][:80]}"
            )
        return by_name


def _planned(scope: Scope, rows: Iterable[AssetRow]) -> Plan:
    there, plan = _There(scope), Plan()
    seen: dict[str, str] = {}
    taken: dict[int, str] = {}  # asset → where the file tells of it
    usable: list[AssetRow] = []
    for row in rows:
        try:
            _check_once(row, seen)
            _place(row, there, plan, taken)
        except BadInput as error:
            plan.refused.append(Refusal(row.where, str(error)))
        else:
            usable.append(row)
    now = plan.renamed
    names = {*there.by_name, *(row.name for row in usable)} - now.keys()
    known = {(now.get(one, one), kind, now.get(two, two)) for one, kind, two in there.links}
    for row in usable:
        plan.links += _links(row, names, known, plan)
    return plan


def _check_once(row: AssetRow, seen: dict[str, str]) -> None:
    for column in ("name", "external_id"):
        key = f"{column} {row.told.get(column, '')}"
        if column in row.told and key in seen:
            raise BadInput(column, f"is that of {seen[key]} already")
        seen[key] = row.where


def _place(row: AssetRow, there: _There, plan: Plan, taken: dict[int, str]) -> None:
    """Put a row to what is new, changed or unchanged. Raises BadInput."""
    told = {name: value for name, value in row.told.items() if name not in ("default_line", "team")}
    if "team" in row.told:
        told["team_id"] = there.team(row.told["team"])
    line, known = row.told.get("default_line"), there.known(row.told)
    if known is None:
        plan.created.append({**_NEW, **told, "line": line or "main"})
        return
    if where := taken.get(known["id"]):
        raise BadInput("name", f"{row.name[:80]!r} is the asset of {where} already")
    taken[known["id"]] = row.where
    if "tags" in told:
        told["tags"] = clean_tags([*known["tags"], *told["tags"]])
    after = {**known, **told}
    if line and line != there.lines.get(known["id"]):
        plan.notes.append(
            f"{row.where}: the default line of {row.name} stays {there.lines.get(known['id'])}; the "
            f"file says {line}. Findings follow a line."
        )
    if after["name"] != known["name"]:
        plan.renamed[known["name"]] = after["name"]
    if after == known:
        plan.unchanged += 1
    else:
        plan.changed.append(after)


def _links(
    row: AssetRow, names: set[str], known: set[tuple[str, str, str]], plan: Plan
) -> Iterator[tuple[str, str, str]]:
    for kind, targets in row.links.items():
        for target in targets:
            if target == row.name or target not in names:
                what = "itself" if target == row.name else f"{target[:80]!r}, which is not there"
                plan.refused.append(Refusal(row.where, f"{kind}: is linked with {what}"))
            elif (row.name, kind, target) not in known:
                known.add((row.name, kind, target))
                yield row.name, kind, target


# --- writing -------------------------------------------------------------------------------------
def _write(scope: Scope, plan: Plan, by: User | None, at: datetime) -> None:
    try:
        _write_assets(scope, plan, at)
        _write_links(scope, plan, by, at)
    except IntegrityError as error:
        raise WrongState("Assets changed meanwhile; try the file again.") from error


def _write_assets(scope: Scope, plan: Plan, at: datetime) -> None:
    ids = bulk.new_ids(Asset, len(plan.created))
    now = bulk.moment(at)
    bulk.insert(
        Asset, ("id", *_COLUMNS, "scope", "created_at"),
        ((pk, *_values(one), scope.pk, now) for pk, one in zip(ids, plan.created, strict=True)),
    )  # fmt: skip
    bulk.update(Asset, _COLUMNS, ((one["id"], *_values(one)) for one in plan.changed))
    bulk.insert(
        Line, ("asset", "scope", "name", "kind"),
        ((pk, scope.pk, one["line"], LineKind.DEFAULT.value)
         for pk, one in zip(ids, plan.created, strict=True)),
    )  # fmt: skip


def _write_links(scope: Scope, plan: Plan, by: User | None, at: datetime) -> None:
    if not plan.links:
        return
    found = dict(Asset.objects.filter(scope=scope).values_list("name", "pk"))
    bulk.insert(
        AssetLink, ("asset", "kind", "target", "scope", "created_at", "created_by"),
        ((found[name], kind, found[target], scope.pk, bulk.moment(at), by.pk if by else None)
         for name, kind, target in plan.links),
    )  # fmt: skip


def _values(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(json.dumps(one[name]) if name == "tags" else one[name] for name in FIELDS)


def _tell(scope: Scope, plan: Plan, sha256: str, by: User | None, at: datetime) -> None:
    """One event for the whole file, with a digest of what it made of which asset."""
    if not (plan.created or plan.changed or plan.links):
        return
    rows = sorted(f"{one['name']}:new" for one in plan.created)
    rows += sorted(f"{one['name']}:changed" for one in plan.changed)
    rows += sorted(":".join(link) for link in plan.links)
    append_event(
        scope_id=scope.pk, action="assets.imported", subject="scope", subject_id=scope.pk,
        by=by, at=at,
        data={"created": len(plan.created), "changed": len(plan.changed), "links": len(plan.links),
              "sha256": sha256, "rows": hashlib.sha256("\n".join(rows).encode()).hexdigest()},
    )  # fmt: skip
