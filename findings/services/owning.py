"""Whose findings are: the team that owns the path of each, by the CODEOWNERS file of its asset.

``Finding.owned_by`` is a machine fact. It is set for all findings of an asset or scope at once (of those
that ended too: they may reopen), whenever a newer file comes or a team's handle changes; as they are
imported new findings get theirs, and those whose path is another.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from core import bulk, jobs
from core.errors import WrongState
from core.models import Job, User
from core.permissions import Permission
from findings.models import Finding
from findings.services.telling import append_set_event
from scopes.access import check_may
from scopes.codeowners import read
from scopes.models import Asset, CodeOwners, Scope, Team
from scopes.services.assets import lock_assets
from scopes.services.ownership import keep_code_owners, teams_of
from scopes.services.teams import change_team, create_team, remove_team
from scopes.statuses import Dialect

OWN_SCOPE, OWN_ASSET = "owners_of_scope", "owners_of_asset"  # kinds of the job
PART = 10_000  # findings that are read and written together; more are a job
FILES_AT_ONCE = 5  # of the files of a scope, which may have megabytes each


@transaction.atomic
def take_code_owners(
    *, asset: Asset, text: str | bytes, by: User | None, at: datetime, **told: str
) -> tuple[CodeOwners, bool]:
    """Keep a newer CODEOWNERS file, and set the owners of the asset's findings by it.

    As ``keep_code_owners``, which says what is refused.
    """
    check_may(by, Permission.UPLOAD_SCAN, asset.scope_id)
    _lock_first(asset.scope_id, asset)
    row, is_new = keep_code_owners(asset=asset, text=text, by=by, at=at, **told)
    if is_new:
        set_owners(scope_id=asset.scope_id, asset=asset, by=by, at=at)
    return row, is_new


@transaction.atomic
def add_team(*, scope: Scope, name: str, by: User | None, at: datetime, handle: str = "") -> Team:
    """Create a team; findings below the paths of its handle become its own."""
    check_may(by, Permission.ADMINISTER, scope.pk)
    if handle:
        _lock_first(scope.pk)
    team = create_team(scope=scope, name=name, by=by, at=at, handle=handle)
    if team.handle:
        set_owners(scope_id=scope.pk, by=by, at=at)
    return team


@transaction.atomic
def rename_team(
    *, team: Team, by: User | None, at: datetime, name: str | None = None, handle: str | None = None
) -> Team:
    """Give a team another name or handle, and set owners anew where the handle says something else."""
    check_may(by, Permission.ADMINISTER, team.scope_id)
    if handle is not None:
        _lock_first(team.scope_id)
    before = Team.objects.values_list("handle", flat=True).get(pk=team.pk)  # as it is by now
    team = change_team(team=team, by=by, at=at, name=name, handle=handle)
    if team.handle != before:
        set_owners(scope_id=team.scope_id, by=by, at=at)
    return team


@transaction.atomic
def end_team(*, team: Team, by: User | None, at: datetime) -> None:
    """Remove a team that nothing is assigned to; what it owned by its handle is owned anew."""
    check_may(by, Permission.ADMINISTER, team.scope_id)
    _lock_first(team.scope_id, team=team)  # imports may name the team
    if assigned := Finding.objects.filter(team=team).count():
        raise WrongState(
            f"{team} has {assigned} findings assigned to it: give them to others first."
        )
    scope_id, handle = team.scope_id, team.handle
    Finding.objects.filter(owned_by=team).update(owned_by=None)
    remove_team(team=team, by=by, at=at)
    if handle:
        set_owners(scope_id=scope_id, by=by, at=at)


@transaction.atomic
def set_owners(*, scope_id: int, by: User | None, at: datetime, asset: Asset | None = None) -> int:
    """Set the owners of findings by the files that count now; return how many changed.

    Of one asset, or of all of the scope that have a file: at once if they are few, with the same number
    of statements whatever theirs, else by a job (then 0). The caller has checked who may.
    """
    files, findings = _concerned(scope_id, asset)
    kind, subject_id = (OWN_SCOPE, scope_id) if asset is None else (OWN_ASSET, asset.pk)
    if _are_many(findings.filter(asset__in=files.values("asset"))):
        key = f"{kind}:{subject_id}:{at.isoformat()}"  # each change is a job of its own
        jobs.enqueue(kind=kind, subject_id=subject_id, at=at, key=key)
        return 0
    return _own(scope_id, files, findings, asset=asset, by=by, at=at)


Files = models.QuerySet[CodeOwners]
Findings = models.QuerySet[Finding]


def _concerned(scope_id: int, asset: Asset | None) -> tuple[Files, Findings]:
    """The files that count, and the findings that they may be of: of one asset, or of all of the scope."""
    files = CodeOwners.objects.in_force().filter(scope_id=scope_id)
    findings: Findings = Finding.objects.filter(scope_id=scope_id)
    if asset is None:
        return files, findings
    return files.filter(asset=asset), findings.filter(asset=asset)


def _are_many(findings: Findings) -> bool:
    return len(findings.order_by().values_list("pk")[: PART + 1]) > PART


def _lock_first(scope_id: int, asset: Asset | None = None, *, team: Team | None = None) -> None:
    """Lock the assets, then the findings that are owned anew while somebody waits, before the first event.

    Who imports or assigns holds findings and waits for the head of the log. ``team``: one that owns
    nothing any more.
    """
    files, findings = _concerned(scope_id, asset)
    if asset is None:
        lock_assets(scope_id)
        findings = findings.filter(asset__in=files.values("asset"))
    else:  # its file may be the first
        Asset.objects.select_for_update(no_key=True).get(pk=asset.pk)
    ids = set() if _are_many(findings) else set(findings.values_list("pk", flat=True))
    if team is not None:
        ids.update(Finding.objects.filter(owned_by=team).values_list("pk", flat=True))
    _lock(ids)


def own_scope(job: Job) -> None:
    """The job of a scope in which a handle means another team, or none."""
    _own_parts(job, job.subject_id, None)


def own_asset(job: Job) -> None:
    """The job of an asset with a newer file."""
    asset = Asset.objects.get(pk=job.subject_id)
    _own_parts(job, asset.scope_id, asset)


def _own_parts(job: Job, scope_id: int, asset: Asset | None) -> None:
    """Part by part, each with an event of its own; what a killed worker did is done."""
    files, last = CodeOwners.objects.in_force().filter(scope_id=scope_id), 0
    findings = Finding.objects.filter(scope_id=scope_id)
    if asset is not None:
        findings = findings.filter(asset=asset)
    with transaction.atomic():
        lock_assets(scope_id)  # imports that may have read what counted before
    rows = findings.order_by("pk").values_list("pk", flat=True)
    while ids := list(rows.filter(pk__gt=last)[:PART]):
        last, part = ids[-1], Finding.objects.filter(pk__in=bulk.listed(ids))
        of_part = files.filter(asset__in=part.values("asset"))
        with transaction.atomic():
            if not jobs.held(job).exists():
                return
            _own(scope_id, of_part, part, asset=asset, by=None, at=timezone.now())
    jobs.finish(job, timezone.now())


def _own(
    scope_id: int, files: Files, findings: Findings, *,
    asset: Asset | None, by: User | None, at: datetime,
) -> int:  # fmt: skip
    """One event for all that changed, with a digest of the rows."""
    _wait_for_imports(files)
    changed = list(_changed(scope_id, files, findings))
    if changed:
        _lock(pk for pk, _ in changed)
        bulk.update(Finding, ("owned_by",), changed)
        sealed = "\n".join(f"{pk}:{team or 0}" for pk, team in sorted(changed, key=itemgetter(0)))
        append_set_event(
            scope_id=scope_id, action="findings.owned", subject="asset" if asset else "scope",
            subject_id=asset.pk if asset else scope_id, by=by, at=at,
            data={"count": len(changed), "rows": hashlib.sha256(sealed.encode()).hexdigest()},
            findings=[pk for pk, _ in changed],
        )  # fmt: skip
    return len(changed)


def _wait_for_imports(files: Files) -> None:
    assets = Asset.objects.filter(pk__in=files.values("asset")).order_by("pk")
    list(assets.select_for_update(no_key=True).values_list("pk", flat=True))


def _lock(ids: Iterable[int]) -> None:
    """Lock findings in the order in which everybody does."""
    rows = Finding.objects.filter(pk__in=bulk.listed(ids)).order_by("pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))


def _changed(scope_id: int, files: Files, findings: Findings) -> Iterator[tuple[int, int | None]]:
    """Findings whose owner is another by now, with that owner."""
    teams = Team.objects.filter(scope_id=scope_id).exclude(handle="").values_list("handle", "pk")
    handles = {handle.casefold(): pk for handle, pk in teams}
    found = findings.filter(asset__in=files.values("asset")).order_by("asset_id")
    rows = found.values_list("asset_id", "pk", "path", "owned_by_id").iterator(chunk_size=10_000)
    by_asset = _Read(files.order_by("asset_id"), handles)
    for asset_id, group in groupby(rows, key=itemgetter(0)):
        team = by_asset.of(asset_id)
        for _, pk, path, before in group:
            if (now := team(path)) != before:
                yield pk, now


class _Read:
    """Files in the order of their assets, each read when its findings come, and forgotten after them."""

    def __init__(self, files: Files, handles: dict[str, int]) -> None:
        told = files.values_list("asset_id", "text", "dialect")
        self._rows: Iterator[Any] = told.iterator(chunk_size=FILES_AT_ONCE)
        self._handles = handles

    def of(self, asset_id: int) -> Callable[[str], int | None]:
        for found, text, dialect in self._rows:
            if found == asset_id:
                return teams_of(read(text, Dialect(dialect)), self._handles)
        return lambda path: None
