"""Sending notices: one person's, by one channel, one message after the other, outside of transactions.

Who may not read the scope any more is told nothing: that is looked up just before each message is made.
A worker that dies loses its lease, and the message is sent again with the same id: at least once.
"""

import smtplib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.models import User
from scopes.models import Scope
from tickets.models import Notice, NoticePreferences, NoticeSetting
from tickets.services.notice_addresses import address_of
from tickets.services.notice_words import Message, mail_of, message_of, slack_body, teams_body
from tickets.services.webhook_sending import PAUSES, Outcome, pause_before, post_once
from tickets.statuses import Channel, NoticeState, Pace

Clock = Callable[[], datetime]
LEASE = timedelta(seconds=60)  # longer than one attempt
ROUND = 100  # messages of one person before the thread gives way
MOST_TOGETHER = 100  # notices of one digest
GONE = "May not read the scope any more."
UNWANTED = "Does not want it any more."
NO_MAIL = "The server sends no mail."
MAIL_TAKEN = 250  # as SMTP says it


@dataclass(frozen=True, slots=True)
class Taken:
    """A message to send now: of these notices, each with the lease under which."""

    channel: str
    address: str
    message_id: str
    message: Message
    leases: dict[int, int]


def due_boxes(at: datetime) -> list[tuple[int, str]]:
    """Return whom something has to be told now, and by which channel."""
    rows = Notice.objects.filter(_due(at)).order_by("user_id", "channel")
    return list(rows.values_list("user_id", "channel").distinct())


def send_notices(user_id: int, channel: str, *, clock: Clock = timezone.now) -> int:
    """Send what is due to one person by one channel; return how many attempts were made."""
    for attempts in range(ROUND):
        taken = _take(user_id, channel, clock())
        if taken is None:
            return attempts
        _record(taken, _attempt(taken, clock()), clock())
    return ROUND


def _due(at: datetime) -> Q:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=at)
    return Q(state=NoticeState.WAITING, next_attempt_at__lte=at) & free


@transaction.atomic
def _take(user_id: int, channel: str, at: datetime) -> Taken | None:
    """Take the next message: one notice, or those of a digest together; None when nothing is due."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)  # one worker at a time
    rows = Notice.objects.filter(_due(at), user_id=user_id, channel=channel)
    due = rows.select_related("event").order_by("pk")
    kept = _told_still(user, channel, list(due[: MOST_TOGETHER * 5]), at)
    if not kept:
        return None
    first = kept[0]
    batch = [first]
    if first.pace == Pace.DIGEST:
        batch = [n for n in kept if n.pace == Pace.DIGEST][:MOST_TOGETHER]
    for notice in batch:
        notice.lease, notice.lease_until = notice.lease + 1, at + LEASE
        notice.save(update_fields=["lease", "lease_until"])
    preferences = NoticePreferences.objects.filter(user=user).first()
    address = address_of(user, preferences, Channel(channel))
    leases = {notice.pk: notice.lease for notice in batch}
    return Taken(channel, address, first.message_id, message_of(batch), leases)


def _told_still(user: User, channel: str, due: Sequence[Notice], at: datetime) -> list[Notice]:
    """Those that the person may still read and still wants; the others are dropped."""
    scopes = set(Scope.objects.visible_to(user).values_list("pk", flat=True))
    wanted = NoticeSetting.objects.filter(user=user, channel=channel)
    kinds = set(wanted.values_list("kind", flat=True))
    kept = []
    for notice in due:
        why = "" if notice.kind in kinds else UNWANTED
        why = why if notice.scope_id in scopes else GONE
        if why:
            _end(notice, NoticeState.DROPPED, why, at)
        else:
            kept.append(notice)
    return kept


def _end(notice: Notice, state: NoticeState, note: str, at: datetime) -> None:
    notice.state, notice.note = state.value, note
    notice.next_attempt_at, notice.ended_at, notice.lease_until = None, at, None
    notice.save()


def _attempt(taken: Taken, at: datetime) -> Outcome:
    """Send once. Never raises for what the other side does."""
    if not taken.address:
        return Outcome(None, "There is no address.", 0)
    if taken.channel == Channel.MAIL:
        return _mail(taken)
    body = slack_body if taken.channel == Channel.SLACK else teams_body
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    return post_once(taken.address, headers, body(taken.message), at)


def _mail(taken: Taken) -> Outcome:
    if not settings.EMAIL_HOST:
        return Outcome(None, NO_MAIL, 0)
    began = time.monotonic()
    mail = mail_of(taken.message, to=taken.address, message_id=taken.message_id)
    status: int | None = MAIL_TAKEN
    note = ""
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:  # its words may repeat what was sent
        code = getattr(error, "smtp_code", "")
        status, note = (
            None,
            f"The mail server did not take it: {type(error).__name__} {code}".strip(),
        )
    return Outcome(status, note, int((time.monotonic() - began) * 1000))


@transaction.atomic
def _record(taken: Taken, outcome: Outcome, at: datetime) -> None:
    """Write down what became of an attempt, for the notices whose lease was not lost meanwhile."""
    rows = Notice.objects.select_for_update(no_key=True, of=("self",))
    for notice in rows.filter(pk__in=taken.leases, state=NoticeState.WAITING).order_by("pk"):
        if notice.lease != taken.leases[notice.pk]:
            continue
        notice.attempts += 1
        notice.lease_until, notice.note = None, outcome.note
        if outcome.is_taken:
            _end(notice, NoticeState.SENT, outcome.note, at)
        elif outcome.status == 410 or notice.attempts >= len(PAUSES):
            _end(notice, NoticeState.FAILED, outcome.note or f"answered {outcome.status}", at)
        else:
            notice.next_attempt_at = at + pause_before(notice.attempts, outcome)
            notice.save()
