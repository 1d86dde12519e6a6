"""Where a person is told by a channel. The addresses of chats are secrets: they are opened here alone."""

import secrets

from core.models import User
from core.sealing import seal, unseal
from tickets.models import NoticePreferences
from tickets.statuses import Channel

CHATS = {Channel.SLACK: "sealed_slack", Channel.TEAMS: "sealed_teams"}


def new_preferences(user: User) -> NoticePreferences:
    """Return a row for this person, not yet saved."""
    return NoticePreferences(user=user, sealed_for=secrets.token_urlsafe(24))


def set_address(preferences: NoticePreferences, channel: Channel, url: str) -> None:
    """Seal the incoming webhook of a chat; "" takes it away."""
    sealed = seal(url, context=_context(preferences, channel)) if url else ""
    setattr(preferences, CHATS[channel], sealed)


def has_address(user: User, preferences: NoticePreferences | None, channel: Channel) -> bool:
    """Whether the person can be told by this channel."""
    if channel == Channel.MAIL:
        return bool(user.email)
    return preferences is not None and bool(getattr(preferences, CHATS[channel]))


def address_of(user: User, preferences: NoticePreferences | None, channel: Channel) -> str:
    """Return the address, or "" where there is none, or where its seal does not open."""
    if channel == Channel.MAIL:
        return user.email
    sealed = getattr(preferences, CHATS[channel]) if preferences else ""
    try:
        return unseal(sealed, context=_context(preferences, channel)) if sealed else ""
    except ValueError:  # another SECRET_KEY
        return ""


def _context(preferences: NoticePreferences | None, channel: Channel) -> str:
    name = preferences.sealed_for if preferences else ""
    return f"tickets.notices:{name}:{channel}"
