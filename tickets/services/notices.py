"""What a person wants to be told of: set by themselves, signed in. And forgetting notices that are over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import available_timezones

from django.db import transaction

from core.errors import BadInput, NotAllowed
from core.events import append_event
from core.models import User
from scopes.models import limit_of
from tickets.models import Notice, NoticePreferences, NoticeSetting
from tickets.services.notice_addresses import CHATS, has_address, new_preferences, set_address
from tickets.services.webhook_told import check_url
from tickets.statuses import Channel, NoticeKind, NoticeState, Pace

KEPT = timedelta(days=90)  # of notices that are over
Way = tuple[NoticeKind, Channel]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person wants: where, when, and for each kind and channel the pace, or None: off."""

    time_zone: str
    digest_hour: int
    channels: dict[Channel, bool]  # whether there is an address
    paces: dict[Way, Pace | None]


def wishes_of(user: User) -> Wishes:
    """Return what the person wants now."""
    preferences = NoticePreferences.objects.filter(user=user).first()
    kept = {
        (row.kind, row.channel): Pace(row.pace) for row in NoticeSetting.objects.filter(user=user)
    }
    return Wishes(
        preferences.time_zone if preferences else "UTC",
        preferences.digest_hour if preferences else 8,
        {channel: has_address(user, preferences, channel) for channel in Channel},
        {(kind, channel): kept.get((kind, channel)) for kind in NoticeKind for channel in Channel},
    )


@transaction.atomic
def set_notices(
    *,
    by: User,
    at: datetime,
    paces: Mapping[Way, Pace | None] | None = None,
    time_zone: str | None = None,
    digest_hour: int | None = None,
    addresses: Mapping[Channel, str] | None = None,
) -> Wishes:
    """Change what one is told of oneself, and how; what is not told stays.

    ``addresses``: incoming webhooks of chats; "" takes one away, and what was told there. Raises
    NotAllowed for who came by a token, BadInput that names the member.
    """
    if limit_of(by) is not None:
        raise NotAllowed("A token does not change what its owner is told of; sign in.")
    preferences = NoticePreferences.objects.select_for_update().filter(user=by).first()
    preferences = preferences or new_preferences(by)
    if time_zone is not None:
        preferences.time_zone = _checked_zone(time_zone)
    if digest_hour is not None:
        preferences.digest_hour = _checked_hour(digest_hour)
    for channel, url in (addresses or {}).items():
        if channel not in CHATS:
            raise BadInput("addresses", "mail goes to the address of the account")
        set_address(preferences, channel, check_url(url) if url else "")
    preferences.save()
    for way, pace in (paces or {}).items():
        _set(by, way, pace)
    NoticeSetting.objects.filter(
        user=by, channel__in=[c for c in CHATS if not has_address(by, preferences, c)]
    ).delete()
    _check_reachable(by, preferences, paces or {})
    append_event(
        scope_id=None, action="notices.set", subject="user", subject_id=by.pk, by=by, at=at,
        data={"addresses": sorted(addresses or {}), "kinds": sorted({k for k, _ in paces or {}})},
    )  # fmt: skip
    return wishes_of(by)


def forget_notices(*, at: datetime) -> int:
    """Delete notices that were over 90 days ago, which the log of events outlives; return how many."""
    return (
        Notice.objects.exclude(state=NoticeState.WAITING).filter(ended_at__lt=at - KEPT).delete()[0]
    )


def _set(user: User, way: Way, pace: Pace | None) -> None:
    kind, channel = way
    if pace is None:
        NoticeSetting.objects.filter(user=user, kind=kind, channel=channel).delete()
    else:
        NoticeSetting.objects.update_or_create(
            user=user, kind=kind, channel=channel, defaults={"pace": pace.value}
        )


def _check_reachable(
    user: User, preferences: NoticePreferences, paces: Mapping[Way, Pace | None]
) -> None:
    """Raise BadInput for a channel that is asked for and has no address."""
    for (_, channel), pace in paces.items():
        if pace is not None and not has_address(user, preferences, channel):
            raise BadInput("paces", f"there is no address for {channel}")


def _checked_zone(time_zone: str) -> str:
    if time_zone not in available_timezones():
        raise BadInput("time_zone", "is none that is known, such as Europe/Berlin")
    return time_zone


def _checked_hour(hour: int) -> int:
    if not 0 <= hour <= 23:
        raise BadInput("digest_hour", f"{hour} is outside 0 to 23")
    return hour
