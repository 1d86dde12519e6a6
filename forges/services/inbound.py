"""Messages from code hosts: who signed one may ring, and no more. What is true is looked up at the host.

Of a message only ids are kept. A message that is lost, late, doubled or out of order does no harm.
"""

import hashlib
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from core import jobs
from core.text import clean_text
from forges.hosts import github_messages, gitlab_hooks
from forges.hosts.records import Message
from forges.models import Connection, InboundMessage, Repository
from forges.services.asking import MOST_NUMBER
from forges.services.connections import ask_look_soon
from forges.services.looks import ring_for_pull, ring_for_repository
from forges.services.opening import webhook_secrets
from forges.statuses import Forge, MessageState

MAX_BYTES = 25 * 1024 * 1024  # as much as GitHub sends
KEPT = timedelta(days=90)
_DECOY = secrets.token_urlsafe(32)  # nobody has it: for addresses that are not there
log = logging.getLogger(__name__)


def is_signed_by_nobody(headers: Mapping[str, str], body: bytes) -> None:
    """Do for an address that is not there the work that one that is there would make."""
    github_messages.read_message(headers, body, [_DECOY])


def live_connection(hook: str) -> Connection | None:
    """The connection that a webhook's address is of, unless it has ended."""
    rows = Connection.objects.live().select_related("scope", "actor")
    return rows.filter(hook=hook).first()


def receive_message(
    *, connection: Connection, headers: Mapping[str, str], body: bytes, at: datetime
) -> tuple[InboundMessage, bool] | None:
    """Take one message in and ring for what it is about; return the row and whether it is new.

    None: nobody signed it who may. ``headers`` by names in small letters. Raises BadInput for a signed
    one that cannot be read.
    """
    try:
        known = webhook_secrets(connection, at)
    except ValueError as error:  # the server's own secret was changed
        log.error("the webhook secret of connection %s: %s", connection.pk, error)
        known = [_DECOY]
    message = _read(connection, headers, body, known)
    return None if message is None else _record(connection, message, body, at)


def _read(
    connection: Connection, headers: Mapping[str, str], body: bytes, known: Collection[str]
) -> Message | None:
    if connection.forge == Forge.GITLAB:  # one that cannot sign shows the key instead
        plain = [secret.removeprefix(gitlab_hooks.SIGNING_PREFIX) for secret in known]
        return gitlab_hooks.read_message(headers, body, [*known, *plain])
    return github_messages.read_message(headers, body, known, own_app=connection.app_id)


@transaction.atomic
def _record(
    connection: Connection, message: Message, body: bytes, at: datetime
) -> tuple[InboundMessage, bool]:
    """Write it down once, and ring with it: both are committed, or neither."""
    ring = RINGS.get(message.about, _nobody)
    row, is_new = InboundMessage.objects.get_or_create(
        connection=connection, delivery=_delivery(message, body), defaults=_ids(message, at)
    )
    if not is_new:
        return row, False
    Connection.objects.filter(pk=connection.pk).update(message_at=at)
    row.state = ring(connection, row, at)
    row.save(update_fields=["state"])
    return row, True


def _ids(message: Message, at: datetime) -> dict[str, Any]:
    return {
        "event": clean_text(message.event, 60), "about": clean_text(message.about, 20),
        "repository": clean_text(message.repository, 40),
        "number": message.number if 0 < message.number <= MOST_NUMBER else None,
        "ref": _field(message, ("ref", "head_ref"), 250),
        "commit": _field(message, ("commit", "after", "head_sha"), 64),
        "state": MessageState.IGNORED, "received_at": at,
    }  # fmt: skip


def _field(message: Message, names: Sequence[str], limit: int) -> str:
    """A text by the first of the names that the host's messages know it by."""
    return clean_text(next((message.fields[n] for n in names if n in message.fields), ""), limit)


def _delivery(message: Message, body: bytes) -> str:
    """The name of the delivery; where the host gives none, the message itself."""
    if message.delivery and len(message.delivery) <= 100:
        return clean_text(message.delivery)
    return hashlib.sha256(f"{message.event}\n{message.delivery}\n".encode() + body).hexdigest()


def forget_messages(*, at: datetime) -> int:
    """Delete messages that came long ago; return how many. One that came again would only ring."""
    return InboundMessage.objects.filter(received_at__lt=at - KEPT).delete()[0]


# --- what rings for what -------------------------------------------------------------------------
def _nobody(connection: Connection, row: InboundMessage, at: datetime) -> MessageState:
    return MessageState.IGNORED


def _whole(connection: Connection, row: InboundMessage, at: datetime) -> MessageState:
    ask_look_soon(connection, at)
    return MessageState.RANG


def _pull(connection: Connection, row: InboundMessage, at: datetime) -> MessageState:
    if row.number is None:
        return _repository(connection, row, at)
    known = _known(connection, row)
    if known is None:
        return _whole(connection, row, at)
    ring_for_pull(known.pk, known.scope_id, row.number, at)
    return MessageState.RANG


def _repository(connection: Connection, row: InboundMessage, at: datetime) -> MessageState:
    known = _known(connection, row)
    if known is None:
        return _whole(connection, row, at)
    ring_for_repository(known, at)
    return MessageState.RANG


def _group(connection: Connection, row: InboundMessage, at: datetime) -> MessageState:
    if _known(connection, row) is None:
        return _whole(connection, row, at)
    jobs.enqueue(kind="forge_group", subject_id=row.pk, at=at)
    return MessageState.RANG


def _known(connection: Connection, row: InboundMessage) -> Repository | None:
    if not row.repository:
        return None
    return Repository.objects.filter(connection=connection, host_id=row.repository).first()


Ring = Callable[[Connection, InboundMessage, datetime], MessageState]
RINGS: dict[str, Ring] = {
    "pull": _pull,
    "push": _repository,
    "analysis": _repository,
    "repository": _whole,
    "installation": _whole,
    "merge_group": _group,
}
