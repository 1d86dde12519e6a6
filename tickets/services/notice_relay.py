"""From the event log to notices: for each event that concerns somebody, a row for each way they asked for.

Rows are inserted and the cursor of the scope is moved in one transaction that holds the cursor's row.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction

from core.models import Event
from scopes.models import Scope
from tickets.models import Notice, NoticeCursor, NoticePreferences, NoticeSetting
from tickets.services.chains import AT_ONCE, behind, events_after, in_parts
from tickets.services.notice_meaning import Meaning, meaning_of
from tickets.statuses import Pace

NAMED = 50  # findings that a notice names


def relay_notices(*, at: datetime) -> int:
    """Make the notices of what happened since the last time; return how many."""
    known = NoticeCursor.objects.values("scope_id")
    new = Scope.objects.exclude(pk__in=known).values_list("pk", flat=True)
    rows = [NoticeCursor(scope_id=pk, cursor=0) for pk in new]
    NoticeCursor.objects.bulk_create(rows, ignore_conflicts=True)
    late = behind(NoticeCursor.objects.all())
    return sum(in_parts(partial(_relay_some, pk, at)) for pk in late)


def next_digest(preferences: NoticePreferences | None, at: datetime) -> datetime:
    """Return the next full hour of digests after ``at``, in the person's time zone."""
    zone = ZoneInfo(preferences.time_zone if preferences else "UTC")
    hour = preferences.digest_hour if preferences else 8
    local = at.astimezone(zone)
    then = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return then if then > local else then + timedelta(days=1)


@transaction.atomic
def _relay_some(cursor_id: int, at: datetime) -> tuple[int, bool]:
    """Relay up to AT_ONCE events; return how many notices were made, and whether to go on."""
    rows = NoticeCursor.objects.select_for_update(skip_locked=True, no_key=True)
    cursor = rows.filter(pk=cursor_id).first()
    if cursor is None:  # another worker is at it
        return 0, False
    events = list(events_after(cursor.scope_id, cursor.cursor)[:AT_ONCE])
    if not events:
        return 0, False
    made = [notice for event in events for notice in _notices(event, at)]
    Notice.objects.bulk_create(made, ignore_conflicts=True)
    cursor.cursor = events[-1].seq
    cursor.save(update_fields=["cursor"])
    return len(made), len(events) == AT_ONCE


def _notices(event: Event, at: datetime) -> Iterator[Notice]:
    meaning = meaning_of(event)
    if meaning is None or event.scope_id is None:
        return
    for setting in _wanted(meaning, event.scope_id):
        findings = meaning.people[setting.user_id]
        later = setting.pace == Pace.DIGEST
        preferences = getattr(setting.user, "notice_preferences", None)
        yield Notice(
            user_id=setting.user_id, scope_id=event.scope_id, event=event, kind=meaning.kind.value,
            channel=setting.channel, pace=setting.pace, findings=findings[:NAMED],
            count=len(findings) or 1, message_id=f"notice_{secrets.token_hex(16)}", created_at=at,
            next_attempt_at=next_digest(preferences, at) if later else at,
        )  # fmt: skip


def _wanted(meaning: Meaning, scope_id: int) -> list[NoticeSetting]:
    """How those whom it concerns want to be told, as far as they are members."""
    rows = NoticeSetting.objects.filter(
        kind=meaning.kind, user__in=list(meaning.people), user__is_active=True,
        user__memberships__scope=scope_id,
    )  # fmt: skip
    return list(rows.select_related("user__notice_preferences").order_by("pk"))
