"""Connections to trackers, tickets of findings, what is to be done to a ticket, and who rang."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import User
from findings.models import Comment, Finding
from scopes.models import Scope
from tickets.statuses import (
    LIVE_TICKET,
    Reopens,
    RungState,
    StepKind,
    StepState,
    Talks,
    TicketState,
    TrackerKind,
    TrackerState,
)


class TrackerQuerySet(models.QuerySet["TrackerConnection"]):
    def visible_to(self, user: User | AnonymousUser) -> "TrackerQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def live(self) -> "TrackerQuerySet":
        return self.exclude(state=TrackerState.ENDED)


class TrackerConnection(models.Model):
    """One project of a tracker in which one scope keeps its tickets.

    ``cursor``: the place in the scope's chain up to which tickets were thought of. ``lease`` is the
    fencing token of whoever talks to it now; until ``rest_until`` it is left alone. Secrets are sealed
    (core/sealing.py) for ``hook``, the last part of the webhook's address. ``actor`` is the service
    account that claims are recorded by; ``who``: the name that the tracker knows us by.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="trackers")
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=80)
    base = models.CharField(max_length=200)
    project = models.CharField(max_length=200)
    account = models.CharField(max_length=200, default="")  # that signs in; empty: the token alone
    hook = models.CharField(max_length=40, unique=True)
    sealed_key = models.TextField()
    sealed_secret = models.TextField()
    sealed_old_secret = models.TextField(default="")
    old_secret_until = models.DateTimeField(null=True)
    mapping = models.JSONField(default=dict)  # tickets/trackers/mapping.py
    reopens = models.CharField(max_length=6, default=Reopens.ALWAYS.value)
    comments = models.CharField(
        max_length=4, default=Talks.BOTH.value, db_default=Talks.NONE.value
    )  # those that were there before keep silent until somebody says otherwise
    rule = models.JSONField(default=dict)  # tickets/trackers/mapping.py; empty: no ticket by itself
    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=7, default=TrackerState.ACTIVE.value)
    problem = models.CharField(max_length=300, default="")
    who = models.CharField(max_length=200, default="")
    cursor = models.BigIntegerField()
    lease = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    rest_until = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)  # a look was asked for and has not been made
    looked_at = models.DateTimeField(null=True)
    message_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = TrackerQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("kind", TrackerKind, "tracker_kind"),
            one_of("reopens", Reopens, "tracker_reopens"),
            one_of("comments", Talks, "tracker_comments"),
            one_of("state", TrackerState, "tracker_state"),
            both_or_neither("ended_at", "ended_by", "tracker_ended_by_somebody"),
            models.CheckConstraint(
                name="tracker_ended_tells",
                condition=Q(state="ended", ended_at__isnull=False, sealed_key="", sealed_secret="")
                | ~Q(state="ended") & Q(ended_at__isnull=True) & ~Q(sealed_key=""),
            ),
            models.CheckConstraint(
                name="tracker_old_secret_ends",
                condition=Q(sealed_old_secret="", old_secret_until__isnull=True)
                | ~Q(sealed_old_secret="") & Q(old_secret_until__isnull=False),
            ),
            models.UniqueConstraint(fields=["scope", "name"], name="tracker_name_in_scope"),
            models.UniqueConstraint(fields=["id", "scope"], name="tracker_and_scope"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("tracker", args=[self.pk])

    @property
    def has_ended(self) -> bool:
        return self.state == TrackerState.ENDED


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user: User | AnonymousUser) -> "TicketQuerySet":
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def live(self) -> "TicketQuerySet":
        return self.filter(state__in=LIVE_TICKET)


class Ticket(models.Model):
    """A finding in a tracker. What people do to it there is a claim; it proves nothing here.

    ``state``, ``status_there``, ``version``, ``assignee`` and ``assignee_key`` (who it is, and as what the
    tracker knows them) are as it told last. ``told_status``, ``told_band`` and ``told_to`` are what it was
    told of the finding: what is the same is not told again. ``heard_version``: up to which version its
    comments were read. ``marker`` is written into the ticket, so that it is found where the answer to its
    creation was lost. ``asked_by`` null: a rule. ``rung_at``: somebody rang since it was read.
    """

    connection = models.ForeignKey(
        TrackerConnection, on_delete=models.PROTECT, related_name="tickets"
    )
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="tickets")
    marker = models.CharField(max_length=40, unique=True)
    external_id = models.CharField(max_length=64, default="")
    key = models.CharField(max_length=64, default="")
    address = models.CharField(max_length=500, default="")
    state = models.CharField(max_length=8, default=TicketState.WAITING.value)
    status_there = models.CharField(max_length=100, default="", db_column="status")
    version = models.CharField(max_length=60, default="")
    heard_version = models.CharField(max_length=60, default="", db_default="")
    assignee = models.CharField(max_length=200, default="", db_default="")
    assignee_key = models.CharField(max_length=128, default="", db_default="")
    told_status = models.CharField(max_length=22, default="")
    told_band = models.CharField(max_length=2, default="")
    told_to = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    problem = models.CharField(max_length=300, default="")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    read_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("state", TicketState, "ticket_state"),
            models.CheckConstraint(
                name="ticket_there_has_an_id",
                condition=~Q(state__in=["open", "closed"]) | ~Q(external_id="") & ~Q(key=""),
            ),
            models.CheckConstraint(
                name="ticket_over_tells",
                condition=Q(state__in=["failed", "unlinked"], ended_at__isnull=False)
                | ~Q(state__in=["failed", "unlinked"]) & Q(ended_at__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["connection", "finding"],
                name="ticket_once_a_finding",
                condition=~Q(state__in=["failed", "unlinked"]),
            ),
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                name="ticket_once_linked",
                condition=~Q(external_id="") & ~Q(state__in=["failed", "unlinked"]),
            ),
            models.UniqueConstraint(fields=["id", "scope"], name="ticket_and_scope"),
            CompositeForeignKey(
                name="ticket_connection_in_scope",
                fields=["connection", "scope"],
                to_table="tickets_trackerconnection",
                to_columns=["id", "scope_id"],
            ),
            CompositeForeignKey(
                name="ticket_finding_in_scope",
                fields=["finding", "scope"],
                to_table="findings_finding",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [models.Index(fields=["connection", "read_at"], name="ticket_read_longest_ago")]

    def __str__(self) -> str:
        return self.key or "ticket to be made"


class TicketRemark(models.Model):
    """A comment of somebody in the tracker that was heard, so that it is taken over once.

    ``comment``: what it became on the finding; null: it stays there (said before the ticket was linked).
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="remarks")
    external_id = models.CharField(max_length=64)
    comment = models.ForeignKey(Comment, null=True, on_delete=models.SET_NULL, related_name="+")
    heard_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ticket", "external_id"], name="remark_heard_once")
        ]

    def __str__(self) -> str:
        return f"comment {self.external_id}"


class TicketStep(models.Model):
    """One thing to do to a ticket because of one event: an outbox. ``plan`` stays over all attempts.

    ``seq``: the event's place in the scope's chain. ``marker`` is written with a comment, so that it is
    not written twice where the answer was lost.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="steps")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=7)
    plan = models.JSONField(default=dict)
    marker = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=7, default=StepState.WAITING.value)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            one_of("kind", StepKind, "step_kind"),
            one_of("state", StepState, "step_state"),
            models.CheckConstraint(
                name="step_waits_or_has_ended",
                condition=Q(state="waiting", next_attempt_at__isnull=False, ended_at__isnull=True)
                | ~Q(state="waiting") & Q(next_attempt_at__isnull=True, ended_at__isnull=False),
            ),
            models.UniqueConstraint(fields=["ticket", "seq", "kind"], name="step_once_an_event"),
            CompositeForeignKey(
                name="step_ticket_in_scope",
                fields=["ticket", "scope"],
                to_table="tickets_ticket",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [
            models.Index(fields=["ticket", "id"], name="step_waiting", condition=Q(state="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.kind} of event {self.seq}"


class TrackerMessage(models.Model):
    """A message whose signature held. It only rings: what is true is read from the tracker."""

    connection = models.ForeignKey(
        TrackerConnection, on_delete=models.PROTECT, related_name="messages"
    )
    delivery = models.CharField(max_length=100)
    event = models.CharField(max_length=60)
    external_id = models.CharField(max_length=64, default="")
    state = models.CharField(max_length=7)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            one_of("state", RungState, "tracker_message_state"),
            models.UniqueConstraint(fields=["connection", "delivery"], name="tracker_message_once"),
        ]
