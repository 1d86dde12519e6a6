"""From a row to a signed-in tracker, and which client each kind has: secrets of trackers are opened here alone."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.outbound import HostError
from core.sealing import seal, unseal
from tickets.models import TrackerConnection
from tickets.statuses import TrackerKind
from tickets.trackers import github, gitlab, jira, servicenow
from tickets.trackers.base import Account, Reader, Tracker

CLIENTS: dict[TrackerKind, Callable[[Account, dict[str, Any]], Tracker]] = {
    TrackerKind.JIRA: jira.Jira,
    TrackerKind.GITHUB: github.GitHub,
    TrackerKind.GITLAB: gitlab.GitLab,
    TrackerKind.SERVICENOW: servicenow.ServiceNow,
}
READERS: dict[TrackerKind, Reader] = {
    TrackerKind.JIRA: jira.read_message,
    TrackerKind.GITHUB: github.read_message,
    TrackerKind.GITLAB: gitlab.read_message,
    TrackerKind.SERVICENOW: servicenow.read_message,
}


def seal_for(row: TrackerConnection, use: str, text: str) -> str:
    """Seal a secret of this connection (use: key, secret)."""
    return seal(text, context=_context(row, use))


def open_tracker(row: TrackerConnection) -> Tracker:
    """Return the client of a live connection, not asked yet. Raises HostError if its key does not open."""
    try:
        key = unseal(row.sealed_key, context=_context(row, "key"))
    except ValueError as error:  # another SECRET_KEY
        raise HostError(str(error), final=True) from error
    account = Account(base=row.base, project=row.project, account=row.account, key=key)
    return CLIENTS[TrackerKind(row.kind)](account, row.mapping)


def webhook_secrets(row: TrackerConnection, at: datetime) -> list[str]:
    """What a message may be signed with: the current secret, and for a while the one before.

    Raises ValueError with a sentence where one does not open.
    """
    sealed = [row.sealed_secret]
    if row.old_secret_until is not None and row.old_secret_until > at:
        sealed.append(row.sealed_old_secret)
    return [unseal(text, context=_context(row, "secret")) for text in sealed if text]


def _context(row: TrackerConnection, use: str) -> str:
    return f"tickets.tracker:{row.hook}:{use}"
