"""From a row to a signed-in adapter: the one place where a connection's secrets are opened."""

from collections.abc import Callable
from datetime import datetime

from core.outbound import HostError
from core.sealing import seal, unseal
from forges.hosts.github import GitHub
from forges.hosts.gitlab import GitLab
from forges.hosts.host import Host
from forges.models import Connection
from forges.statuses import Forge, SignIn


def context(connection: Connection, use: str) -> str:
    """What a secret is sealed for: this connection and this use (key, secret)."""
    return f"forges.connection:{connection.hook}:{use}"


def seal_for(connection: Connection, use: str, text: str) -> str:
    """Seal a secret of this connection."""
    return seal(text, context=context(connection, use))


def open_host(connection: Connection) -> Host:
    """Return the adapter of a live connection, not asked yet. Raises HostError if its key does not open."""
    try:
        return _HOSTS[Forge(connection.forge)](connection)
    except ValueError as error:  # the seal does not open: another SECRET_KEY
        raise HostError(str(error), final=True) from error


def webhook_secrets(connection: Connection, at: datetime) -> list[str]:
    """The secrets that a message may be signed with: the current one, and for a while the last."""
    sealed = [connection.sealed_secret]
    if connection.old_secret_until is not None and connection.old_secret_until > at:
        sealed.append(connection.sealed_old_secret)
    return [unseal(text, context=context(connection, "secret")) for text in sealed if text]


def _github(connection: Connection) -> Host:
    key = unseal(connection.sealed_key, context=context(connection, "key"))
    if connection.sign_in == SignIn.APP:
        return GitHub(
            api=connection.api, account=connection.account, app_id=connection.app_id,
            private_key=key, installation=connection.installation,
        )  # fmt: skip
    return GitHub(api=connection.api, account=connection.account, token=key)


def _gitlab(connection: Connection) -> Host:
    key = unseal(connection.sealed_key, context=context(connection, "key"))
    return GitLab(api=connection.api, account=connection.account, token=key)


_HOSTS: dict[Forge, Callable[[Connection], Host]] = {Forge.GITHUB: _github, Forge.GITLAB: _gitlab}
