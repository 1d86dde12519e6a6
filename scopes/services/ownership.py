"""The CODEOWNERS files of assets: kept by version, and read to say which team a path is of."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, CharField, F, TextField, Value
from django.db.models.functions import Cast

from core.errors import BadInput
from core.events import append_event
from core.models import User
from core.permissions import Permission
from core.text import is_clean
from scopes.access import check_may
from scopes.codeowners import CodeOwnersFile, read
from scopes.models import Asset, CodeOwners, Team
from scopes.statuses import Dialect

_HEX = frozenset("0123456789abcdef")
_FILE = 0  # stands where a team's id would


@transaction.atomic
def keep_code_owners(
    *,
    asset: Asset,
    text: str | bytes,
    by: User | None,
    at: datetime,
    path: str = "",
    commit: str = "",
    dialect: str = "",
) -> tuple[CodeOwners, bool]:
    """Keep a file as the one that counts; return it and whether it is new. The same text again is the first.

    ``dialect`` left out: GitLab's where it lies in ``.gitlab/`` or has sections, else GitHub's. Lines
    that cannot be used are told in ``problems``. Raises TooLarge or BadInput for the whole of it. The
    caller sets the owners of findings: findings/services/owning.py.
    """
    check_may(by, Permission.UPLOAD_SCAN, asset.scope_id)
    _check_place(path, commit)
    data = text.encode() if isinstance(text, str) else text
    told, sha256 = read(data, _dialect(dialect, path)), hashlib.sha256(data).hexdigest()
    Asset.objects.select_for_update(no_key=True).get(pk=asset.pk)  # files come one after another
    before = CodeOwners.objects.in_force().filter(asset=asset).first()
    if before is not None and (before.sha256, before.dialect) == (sha256, told.dialect):
        return before, False
    CodeOwners.objects.in_force().filter(asset=asset).update(ended_at=at)
    row = CodeOwners.objects.create(
        scope_id=asset.scope_id, asset=asset, text=data.decode("utf-8-sig"), sha256=sha256,
        dialect=told.dialect.value, path=path, commit=commit, rules=told.rules,
        problems=list(told.problems), at=at, by=by,
    )  # fmt: skip
    append_event(
        scope_id=asset.scope_id, action="asset.code_owners_told", subject="asset",
        subject_id=asset.pk, by=by, at=at,
        data={"sha256": sha256, "commit": commit, "path": path, "rules": told.rules,
              "problems": len(told.problems)},
    )  # fmt: skip
    return row, True


def _dialect(told: str, path: str) -> Dialect | None:
    if told:
        return Dialect(told)
    return Dialect.GITLAB if path.startswith(".gitlab/") else None


def _check_place(path: str, commit: str) -> None:
    if not is_clean(path):
        raise BadInput("path", "holds a character that cannot be stored")
    if commit and (len(commit) not in (40, 64) or not set(commit) <= _HEX):
        raise BadInput("commit", "must be a full commit id in lower case")


def owners_of(asset: Asset) -> Callable[[str], int | None]:
    """Return what says which team (its id) a path of the asset is of, or None. One statement, then none.

    By the asset's newest file, and the handles of the scope's teams; of several owners the first that
    is a team here. Each path is worked out once.
    """
    files = CodeOwners.objects.in_force().filter(asset=asset)
    teams = Team.objects.filter(scope_id=asset.scope_id).exclude(handle="")
    rows = _keyed(files, Value(_FILE, BigIntegerField()), "text", F("dialect")).union(
        _keyed(teams, F("pk"), "handle", Value("", CharField())), all=True
    )
    told = list(rows)
    handles = {word.casefold(): key for key, word, _ in told if key != _FILE}
    for key, text, dialect in told:
        if key == _FILE:
            return teams_of(read(text, Dialect(dialect)), handles)
    return lambda path: None


def _keyed(rows: Any, key: Any, word: str, more: Any) -> Any:
    told = rows.annotate(key=key, word=Cast(F(word), TextField()), more=more)
    return told.values_list("key", "word", "more")


def teams_of(file: CodeOwnersFile, handles: dict[str, int]) -> Callable[[str], int | None]:
    """The same for a file that was read; ``handles``: of teams, in small letters, with their ids."""
    known: dict[str, int | None] = {}

    def team(path: str) -> int | None:
        if path not in known:
            known[path] = _first(file.owners_of(path), handles)
        return known[path]

    return team


def _first(owners: Iterable[str], handles: dict[str, int]) -> int | None:
    found = (handles.get(owner.casefold()) for owner in owners)
    return next((team for team in found if team is not None), None)
