"""Users, their sessions, the hash-chained event log, jobs, answers kept for a day. No rules about findings here."""

from enum import StrEnum
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

from core.constraints import CompositeForeignKey, both_or_neither, one_of


class UserKind(StrEnum):
    """Who acts: a person, a service account (pipeline, ticketing), or an AI agent's account."""

    HUMAN = "human"
    SERVICE = "service"
    AI = "ai"


class InstallationRole(StrEnum):
    """What somebody may beside what their roles in scopes let them."""

    NONE = ""
    ADMIN = "admin"  # people: accounts, their second factors, their sessions; no finding


class User(AbstractUser):
    """One person or service that can act here. ``is_staff`` and ``is_superuser`` open no door of ours."""

    kind = models.CharField(max_length=10, default=UserKind.HUMAN.value)
    installation_role = models.CharField(max_length=10, default="", blank=True)

    class Meta:
        constraints = [
            one_of("kind", UserKind, "user_kind"),
            one_of("installation_role", InstallationRole, "user_installation_role"),
        ]

    @property
    def display(self) -> str:
        return self.get_full_name() or self.username


class Session(AbstractBaseSession):
    """One browser; ``user`` is who is signed in there, nobody while they still sign in.

    Deleting the row signs out. ``seen_at`` is true to five minutes. See core/sessions.py.
    """

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        constraints = [both_or_neither("user", "signed_in_at", "session_signed_in_by_somebody")]

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore


class FailedSignIns(models.Model):
    """How often a sign-in to one account failed since an event last told of it.

    ``account`` is its id; 0 counts all names that nobody has.
    """

    account = models.BigIntegerField(primary_key=True)
    count = models.PositiveIntegerField(default=0)
    told_at = models.DateTimeField(null=True)


class ChainHead(models.Model):
    """The last event of one chain: ``scope:<id>`` or ``system``. Locked to append."""

    chain = models.CharField(max_length=40, primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")


class EventQuerySet(models.QuerySet["Event"]):
    def about(self, subject: str, subject_id: int) -> "EventQuerySet":
        return self.filter(subject=subject, subject_id=subject_id)

    def in_scopes(self, scope_ids: models.QuerySet | list[int]) -> "EventQuerySet":
        return self.filter(scope_id__in=scope_ids)


class Event(models.Model):
    """One thing that somebody or the system did, for good. Each row seals the one before it."""

    chain = models.CharField(max_length=40)
    seq = models.BigIntegerField()
    prev_seq = models.BigIntegerField(null=True)
    prev_hash = models.CharField(max_length=64, null=True)  # noqa: DJ001  (NULL switches the key off for the first)
    hash = models.CharField(max_length=64)
    scope_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    data = models.JSONField(default=dict)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "seq"], name="event_place"),
            models.UniqueConstraint(fields=["chain", "seq", "hash"], name="event_sealed"),
            models.CheckConstraint(
                name="event_follows",
                condition=Q(seq=1, prev_seq__isnull=True, prev_hash__isnull=True)
                | Q(seq__gt=1, prev_seq=models.F("seq") - 1, prev_hash__isnull=False),
            ),
            CompositeForeignKey(
                name="event_seals_previous",
                fields=["chain", "prev_seq", "prev_hash"],
                to_table="core_event",
                to_columns=["chain", "seq", "hash"],
            ),
        ]
        indexes = [
            models.Index(fields=["subject", "subject_id", "id"], name="event_subject"),
            models.Index(fields=["scope_id", "-id"], name="event_scope"),
        ]


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # refused for good: the input cannot be used
    QUARANTINED = "quarantined"  # gave up after the allowed attempts


class Job(models.Model):
    """Work to be done: the row is the job, the broker is only a doorbell. See core/jobs.py."""

    kind = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    key = models.CharField(max_length=120, unique=True)
    state = models.CharField(max_length=12, default=JobState.QUEUED.value)
    attempts = models.PositiveSmallIntegerField(default=0)  # also the fencing token of the lease
    postponed = models.PositiveSmallIntegerField(default=0)  # attempts that are not held against it
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField()
    error = models.TextField(default="")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            one_of("state", JobState, "job_state"),
            models.CheckConstraint(
                name="job_leased_while_running",
                condition=Q(state="running", lease_until__isnull=False)
                | (~Q(state="running") & Q(lease_until__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="job_due",
                condition=Q(state__in=["queued", "running"]),
            )
        ]


class Blob(models.Model):
    """One stored file, found by the SHA-256 of its bytes; where its bytes lie: core/blobs.py."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()  # bytes, unpacked
    stored_at = models.DateTimeField()


class KeyState(StrEnum):
    """How far the request of an idempotency key is."""

    RUNNING = "running"
    KEPT = "kept"
    NOT_KEPT = "not_kept"  # answered, but with more than is kept


class KeptAnswer(models.Model):
    """One POST that carried an ``Idempotency-Key``, and its answer, for a day. See core/idempotency.py."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, address, query, body and token
    state = models.CharField(max_length=8, default=KeyState.RUNNING.value)
    code = models.PositiveSmallIntegerField(null=True)  # the HTTP status of the answer
    headers = models.JSONField(default=dict)
    sealed = models.TextField(default="")  # the body: some show a secret once
    started_at = models.DateTimeField()

    class Meta:
        constraints = [
            one_of("state", KeyState, "kept_answer_state"),
            models.UniqueConstraint(fields=["user", "key"], name="kept_answer_key"),
            models.CheckConstraint(
                name="kept_answer_answered",
                condition=Q(state="running", code__isnull=True, sealed="")
                | Q(state="kept", code__isnull=False) & ~Q(sealed="")
                | Q(state="not_kept", code__isnull=False, sealed=""),
            ),
        ]
        indexes = [models.Index(fields=["started_at"], name="kept_answer_old")]
