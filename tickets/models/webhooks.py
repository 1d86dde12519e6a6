"""Endpoints of others that are told of events, and each message to them."""

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from core.constraints import CompositeForeignKey, both_or_neither, one_of
from core.models import Event, User
from core.permissions import Permission
from scopes.models import Scope
from tickets.statuses import DeliveryState, EndpointState, Lane, Payload


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def visible_to(self, user: User | AnonymousUser) -> "WebhookEndpointQuerySet":
        """Those of readable scopes; what is in them is told to administrators only."""
        return self.filter(scope__in=Scope.objects.visible_to(user))

    def administered_by(self, user: User | AnonymousUser) -> "WebhookEndpointQuerySet":
        return self.filter(scope__in=Scope.objects.permitting(user, Permission.ADMINISTER))

    def with_waiting(self) -> "WebhookEndpointQuerySet":
        """With ``n_waiting``: deliveries that are not over."""
        waiting = Delivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.WAITING)
        counted = waiting.order_by().values("endpoint").annotate(n=Count("pk")).values("n")
        return self.annotate(n_waiting=Coalesce(Subquery(counted), 0))


class WebhookEndpoint(models.Model):
    """An address that is told of one scope's events, in their order.

    ``actions``: globs of actions; an event that meets none is not sent. ``cursor``: the place in the
    scope's chain up to which deliveries were made. ``lease`` is the fencing token of whoever sends now.
    ``sealed_for`` names the row in the seals of its secrets (core/sealing.py).
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="webhooks")
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=1000)  # may hold a secret: for administrators only
    actions = models.JSONField(default=list)
    payload = models.CharField(max_length=4, default=Payload.THIN.value)
    sealed_for = models.CharField(max_length=40, unique=True)
    sealed_secret = models.TextField()
    sealed_old_secret = models.TextField(default="")
    old_secret_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default=EndpointState.ON.value)
    reason = models.CharField(max_length=300, default="")  # why it is disabled
    cursor = models.BigIntegerField()
    last_number = models.BigIntegerField(default=0)  # of its deliveries
    lease = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        constraints = [
            one_of("state", EndpointState, "webhook_state"),
            one_of("payload", Payload, "webhook_payload"),
            both_or_neither("ended_at", "ended_by", "webhook_ended_by_somebody"),
            models.CheckConstraint(
                name="webhook_ended_tells",
                condition=Q(state="ended", ended_at__isnull=False, sealed_secret="")
                | ~Q(state="ended") & Q(ended_at__isnull=True) & ~Q(sealed_secret=""),
            ),
            models.CheckConstraint(
                name="webhook_disabled_tells_why",
                condition=Q(state="disabled") & ~Q(reason="") | ~Q(state="disabled") & Q(reason=""),
            ),
            models.CheckConstraint(
                name="webhook_old_secret_ends",
                condition=Q(sealed_old_secret="", old_secret_until__isnull=True)
                | ~Q(sealed_old_secret="") & Q(old_secret_until__isnull=False),
            ),
            models.UniqueConstraint(fields=["scope", "name"], name="webhook_name_in_scope"),
            models.UniqueConstraint(fields=["id", "scope"], name="webhook_and_scope"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=[self.pk])

    @property
    def has_ended(self) -> bool:
        return self.state == EndpointState.ENDED


class Delivery(models.Model):
    """One message to one endpoint: of an event, or (``event`` null) a test.

    ``message_id`` stays over all attempts. ``number`` counts within the endpoint, in the order of the
    events. ``note``: what was answered, or why nothing was.
    """

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries"
    )
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    number = models.BigIntegerField()
    event = models.ForeignKey(Event, null=True, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField(null=True)  # of the event in the scope's chain
    action = models.CharField(max_length=60)
    payload = models.CharField(max_length=4)
    message_id = models.CharField(max_length=40, unique=True)
    lane = models.CharField(max_length=5, default=Lane.ORDER.value)
    state = models.CharField(max_length=7, default=DeliveryState.WAITING.value)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    note = models.TextField(default="")
    took_ms = models.PositiveIntegerField(null=True)  # of the last attempt
    created_at = models.DateTimeField()
    attempted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            one_of("payload", Payload, "delivery_payload"),
            one_of("lane", Lane, "delivery_lane"),
            one_of("state", DeliveryState, "delivery_state"),
            both_or_neither("event", "seq", "delivery_of_an_event_or_a_test"),
            models.CheckConstraint(
                name="delivery_waits_or_has_ended",
                condition=Q(state="waiting", next_attempt_at__isnull=False, ended_at__isnull=True)
                | ~Q(state="waiting") & Q(next_attempt_at__isnull=True, ended_at__isnull=False),
            ),
            models.UniqueConstraint(fields=["endpoint", "number"], name="delivery_number"),
            models.UniqueConstraint(fields=["endpoint", "seq"], name="delivery_once_an_event"),
            CompositeForeignKey(
                name="delivery_endpoint_in_scope",
                fields=["endpoint", "scope"],
                to_table="tickets_webhookendpoint",
                to_columns=["id", "scope_id"],
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "lane", "number"],
                name="delivery_waiting",
                condition=Q(state="waiting"),
            ),
            models.Index(fields=["ended_at"], name="delivery_over", condition=~Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"delivery {self.number}"
