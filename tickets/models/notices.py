"""What people want to be told of and how, and each notice to one of them."""

from django.db import models
from django.db.models import Q

from core.constraints import one_of
from core.models import Event, User
from scopes.models import Scope
from tickets.statuses import Channel, NoticeKind, NoticeState, Pace


class NoticePreferences(models.Model):
    """Where and when one person is told: their chats' incoming webhooks, sealed, and the hour of digests.

    ``sealed_for`` names the row in the seals (core/sealing.py); empty seals: no address.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="notice_preferences")
    time_zone = models.CharField(max_length=64, default="UTC")
    digest_hour = models.PositiveSmallIntegerField(default=8)  # of that time zone
    sealed_for = models.CharField(max_length=40, unique=True)
    sealed_slack = models.TextField(default="")
    sealed_teams = models.TextField(default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(digest_hour__lte=23), name="notice_digest_hour")
        ]

    def __str__(self) -> str:
        return f"notices of {self.user_id}"


class NoticeSetting(models.Model):
    """One person is told of one kind of event by one channel, at once or in the digest. No row: not told."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_settings")
    kind = models.CharField(max_length=20)
    channel = models.CharField(max_length=5)
    pace = models.CharField(max_length=6)

    class Meta:
        constraints = [
            one_of("kind", NoticeKind, "noticesetting_kind"),
            one_of("channel", Channel, "noticesetting_channel"),
            one_of("pace", Pace, "noticesetting_pace"),
            models.UniqueConstraint(fields=["user", "kind", "channel"], name="noticesetting_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}: {self.pace}"


class NoticeCursor(models.Model):
    """The place in one scope's chain up to which notices were made."""

    scope = models.OneToOneField(Scope, on_delete=models.PROTECT, related_name="+")
    cursor = models.BigIntegerField()

    def __str__(self) -> str:
        return f"notices of scope {self.scope_id}"


class Notice(models.Model):
    """One event is told to one person by one channel. ``findings``: of which, as far as they are named;
    none: it is about a webhook or a tracker, and ``count`` is one.

    ``lease`` is the fencing token of whoever sends now; ``note``: what was answered, or why nothing was.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    channel = models.CharField(max_length=5)
    pace = models.CharField(max_length=6)
    findings = models.JSONField(default=list)
    count = models.PositiveIntegerField()
    message_id = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=7, default=NoticeState.WAITING.value)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    lease = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    note = models.TextField(default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            one_of("kind", NoticeKind, "notice_kind"),
            one_of("channel", Channel, "notice_channel"),
            one_of("pace", Pace, "notice_pace"),
            one_of("state", NoticeState, "notice_state"),
            models.CheckConstraint(
                name="notice_waits_or_has_ended",
                condition=Q(state="waiting", next_attempt_at__isnull=False, ended_at__isnull=True)
                | ~Q(state="waiting") & Q(next_attempt_at__isnull=True, ended_at__isnull=False),
            ),
            models.UniqueConstraint(fields=["event", "user", "channel"], name="notice_once"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="notice_waiting", condition=Q(state="waiting")
            ),
            models.Index(fields=["ended_at"], name="notice_over", condition=~Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return self.message_id
