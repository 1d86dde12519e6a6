"""The life of a connection to a code host: connect, change, look, renew its secrets, end.

A key is not tried out here: no host is asked inside a transaction. The first look tells.
"""

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from core import jobs
from core.errors import WrongState
from core.events import append_event
from core.models import Job, JobState, User, UserKind
from core.permissions import Permission, Role
from forges.hosts.gitlab_hooks import SIGNING_PREFIX
from forges.models import Connection, PullRequest
from forges.services import told
from forges.services.looks import ask_look as queue_look
from forges.services.opening import seal_for
from forges.statuses import ConnectionState, Forge, Mode, PullState
from scopes.access import check_may
from scopes.models import Scope
from scopes.services import set_member

HOOK_BYTES = 24  # in the webhook's address: 32 characters
SECRET_BYTES = 32  # that sign its messages: 43 characters
ROTATION = timedelta(hours=24)  # for which the webhook secret of before is still taken
PAUSE = timedelta(minutes=1)  # between looks that are asked for by hand
MOST_SHOWN = 500  # open pull requests that hear of another mode at once


@transaction.atomic
def connect(
    *,
    scope: Scope,
    forge: str,
    name: str,
    account: str,
    sign_in: str,
    key: str,
    by: User,
    at: datetime,
    api: str = "",
    app_id: str = "",
    installation: str = "",
    include: Sequence[str] = ("*",),
    release_branches: Sequence[str] = (),
    mode: str = Mode.WARN.value,
) -> tuple[Connection, str]:
    """Connect an account of a code host; return the row and the webhook's secret, shown this once.

    Makes the service account by which all is recorded that comes from there, and asks for the first
    look. Raises NotAllowed, BadInput that names the member, WrongState where the name is taken.
    """
    check_may(by, Permission.ADMINISTER, scope.pk)
    host = told.check_forge(forge)
    way, app_id, installation = told.check_sign_in(host, sign_in, app_id, installation)
    connection = Connection(
        scope=scope, forge=host.value, name=told.check_name(name), api=told.check_api(api, host),
        account=told.check_account(account), include=told.check_include(include),
        release_branches=told.check_globs(release_branches, "release_branches"),
        mode=told.check_mode(mode).value, sign_in=way.value, app_id=app_id,
        installation=installation, hook=secrets.token_urlsafe(HOOK_BYTES),
        created_at=at, created_by=by,
    )  # fmt: skip
    connection.sealed_key = seal_for(connection, "key", told.check_key(way, key))
    secret = _new_secret(connection)
    connection.sealed_secret = seal_for(connection, "secret", secret)
    connection.actor = _service_account(connection)
    _save_new(connection)
    queue_look(connection, at)
    set_member(scope=scope, user=connection.actor, role=Role.PIPELINE, by=None, at=at)
    _tell(
        connection, "connected", by, at, {**_shown(connection), "actor": connection.actor.username}
    )
    connection.refresh_from_db()
    return connection, secret


@transaction.atomic
def change_connection(
    *,
    connection: Connection,
    by: User,
    at: datetime,
    name: str | None = None,
    include: Sequence[str] | None = None,
    release_branches: Sequence[str] | None = None,
    mode: str | None = None,
) -> Connection:
    """Change what is told; None leaves a member as it is. Other repositories or branches ask for a look.

    Raises NotAllowed, BadInput, WrongState for an ended connection or a name that is taken.
    """
    row = _live(connection, by)
    before = _shown(row)
    row.name = row.name if name is None else told.check_name(name)
    row.include = row.include if include is None else told.check_include(include)
    if release_branches is not None:
        row.release_branches = told.check_globs(release_branches, "release_branches")
    row.mode = row.mode if mode is None else told.check_mode(mode).value
    after = _shown(row)
    changed = {member: [before[member], after[member]] for member in after
               if before[member] != after[member]}  # fmt: skip
    if not changed:
        return row
    try:
        with transaction.atomic():
            row.save(update_fields=["name", "include", "release_branches", "mode"])
    except IntegrityError as error:
        raise WrongState(f"The scope already has a connection called {row.name}.") from error
    if {"include", "release_branches"} & set(changed):
        queue_look(row, at)
    if "mode" in changed:
        _show_anew(row, at)
    _tell(row, "changed", by, at, changed)
    return row


@transaction.atomic
def replace_key(
    *,
    connection: Connection,
    key: str,
    by: User,
    at: datetime,
    app_id: str | None = None,
    installation: str | None = None,
) -> Connection:
    """Sign in with another token or private key from now on; a look tells whether the host takes it.

    None leaves a number of the App as it is. Raises NotAllowed, BadInput, WrongState.
    """
    row = _live(connection, by)
    way, row.app_id, row.installation = told.check_sign_in(
        told.check_forge(row.forge),
        row.sign_in,
        row.app_id if app_id is None else app_id,
        row.installation if installation is None else installation,
    )
    row.sealed_key = seal_for(row, "key", told.check_key(way, key))
    row.state, row.problem = ConnectionState.ACTIVE.value, ""
    row.save(update_fields=["app_id", "installation", "sealed_key", "state", "problem"])
    queue_look(row, at)
    _tell(row, "key_replaced", by, at, {"app_id": row.app_id, "installation": row.installation})
    return row


@transaction.atomic
def renew_webhook_secret(
    *, connection: Connection, by: User, at: datetime
) -> tuple[Connection, str]:
    """Return another secret for the webhook, shown this once; the one of before is taken for 24 hours.

    Raises NotAllowed, WrongState.
    """
    row = _live(connection, by)
    secret = _new_secret(row)
    row.sealed_old_secret, row.old_secret_until = row.sealed_secret, at + ROTATION
    row.sealed_secret = seal_for(row, "secret", secret)
    row.save(update_fields=["sealed_old_secret", "old_secret_until", "sealed_secret"])
    _tell(row, "webhook_secret_renewed", by, at, {})
    return row, secret


@transaction.atomic
def ask_look(*, connection: Connection, by: User, at: datetime) -> Connection:
    """Have the connection looked at now; nothing new where a look of the last minute waits to begin.

    Raises NotAllowed, WrongState for an ended connection.
    """
    row = _live(connection, by, Permission.TRIAGE)
    waiting = Job.objects.filter(kind="forge_connection", subject_id=row.pk, attempts=0)
    if waiting.filter(state=JobState.QUEUED, created_at__gt=at - PAUSE).exists():
        return row
    queue_look(row, at)
    _tell(row, "look_asked", by, at, {})
    row.refresh_from_db()
    return row


@transaction.atomic
def end_connection(*, connection: Connection, by: User, at: datetime) -> Connection:
    """End a connection for good: its secrets are wiped, its service account cannot act any more.

    What it brought stays as it is. Raises NotAllowed, WrongState where it has ended.
    """
    row = _live(connection, by)
    row.state, row.ended_at, row.ended_by = ConnectionState.ENDED.value, at, by
    row.sealed_key = row.sealed_secret = row.sealed_old_secret = ""
    row.old_secret_until = None
    row.save(update_fields=["state", "ended_at", "ended_by", "sealed_key", "sealed_secret",
                            "sealed_old_secret", "old_secret_until"])  # fmt: skip
    User.objects.filter(pk=row.actor_id).update(is_active=False)
    _tell(row, "ended", by, at, {})
    return row


def ask_look_soon(connection: Connection, at: datetime) -> None:
    """Queue a look because the host rang: now, or a minute after the last that was asked for."""
    last = connection.asked_at
    if last is None or at - last >= PAUSE:
        queue_look(connection, at)
        return
    due = last + PAUSE  # whoever asks within the minute asks for this one
    key = f"forge_connection:{connection.pk}:{due.isoformat()}"
    jobs.enqueue(kind="forge_connection", subject_id=connection.pk, at=due, key=key)


def _live(
    connection: Connection, by: User, permission: Permission = Permission.ADMINISTER
) -> Connection:
    """The connection as it is now, locked. Raises NotAllowed, WrongState where it has ended."""
    check_may(by, permission, connection.scope_id)
    row = Connection.objects.select_for_update(of=("self",), no_key=True).get(pk=connection.pk)
    if row.has_ended:
        raise WrongState("The connection has ended; connect the account again.")
    return row


def _new_secret(connection: Connection) -> str:
    """A webhook secret; for GitLab a signing token, which serves as a secret token without its prefix."""
    if connection.forge == Forge.GITLAB:
        return SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return secrets.token_urlsafe(SECRET_BYTES)


def _service_account(connection: Connection) -> User:
    account = re.sub(r"[^A-Za-z0-9._-]+", "-", connection.account)[:80]
    name = f"{connection.forge}-{account}-{connection.hook[:8]}".lower()
    return User.objects.create_user(name, kind=UserKind.SERVICE.value)  # without a password


def _save_new(connection: Connection) -> None:
    try:
        with transaction.atomic():
            connection.save(force_insert=True)
    except IntegrityError as error:
        raise WrongState(f"The scope already has a connection called {connection.name}.") from error


def _show_anew(connection: Connection, at: datetime) -> None:
    """What open pull requests were told was of the other mode."""
    rows = PullRequest.objects.filter(repository__connection=connection, state=PullState.OPEN)
    for pk in rows.order_by("-pk").values_list("pk", flat=True)[:MOST_SHOWN]:
        key = f"forge_show:{pk}:{at.isoformat()}"
        jobs.enqueue(kind="forge_show", subject_id=pk, at=at, key=key)


def _shown(connection: Connection) -> dict[str, Any]:
    """What may be told of it, and what an event holds: never a key, nor the webhook's address."""
    return {
        name: getattr(connection, name)
        for name in ("name", "forge", "api", "account", "sign_in", "mode", "include",
                     "release_branches")
    }  # fmt: skip


def _tell(connection: Connection, what: str, by: User, at: datetime, data: dict[str, Any]) -> None:
    append_event(
        scope_id=connection.scope_id, action=f"connection.{what}", subject="connection",
        subject_id=connection.pk, by=by, at=at, data=data,
    )  # fmt: skip
