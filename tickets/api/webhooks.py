"""Doors to outgoing webhooks and to what was sent by them: for administrators of their scope."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from scopes.models import Scope
from tickets import webhook_serializers as shapes
from tickets.models import WebhookEndpoint
from tickets.services.webhooks import (
    change_webhook,
    end_webhook,
    make_webhook,
    pause_webhook,
    resend,
    resume_webhook,
    rotate_secret,
    try_webhook,
)
from tickets.webhook_filters import WebhookFilter

NUMBER = OpenApiParameter(
    "number", OpenApiTypes.INT64, OpenApiParameter.PATH, description="Of the delivery."
)
READING = ("list", "retrieve", "deliveries")
ONE = shapes.WebhookEndpointSerializer


@extend_schema_view(
    list=extend_schema(
        summary="List webhooks", description="Those of the scopes that you administer."
    ),
    retrieve=extend_schema(
        summary="One webhook", description="Where it sends what, and how far it is."
    ),
)
class WebhookViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Addresses that are told of events. Their secrets are shown once, and for administrators only is the rest."""

    queryset = WebhookEndpoint.objects.select_related("created_by", "ended_by")
    serializer_class = ONE
    filterset_class = WebhookFilter

    def get_queryset(self) -> QuerySet[Any]:
        """Return the webhooks that the user administers; for a verb those of readable scopes: it refuses."""
        rows: Any = super().get_queryset()
        return (rows.administered_by(self.user) if self.action in READING else rows).with_waiting()

    @extend_schema(
        summary="Make a webhook",
        request=shapes.NewWebhookSerializer,
        responses={201: shapes.WebhookWithSecretSerializer},
    )
    def create(self, request: Request) -> Response:
        """Tell an address of what happens from now on; its secret is in this answer and nowhere else."""
        body = self.shape(shapes.NewWebhookSerializer)
        body["scope"] = self.one_of(Scope.objects.visible_to(self.user), body["scope"], "scope")
        made, secret = make_webhook(by=self.user, at=timezone.now(), **body)
        return self._with_secret(made, secret, 201)

    @extend_schema(
        summary="Change a webhook", request=shapes.ChangedWebhookSerializer, responses=ONE
    )
    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        """Change name, address, patterns or payload; members left out stay as they are."""
        row, body = self.get_object(), self.shape(shapes.ChangedWebhookSerializer)
        change_webhook(endpoint=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), ONE)

    @extend_schema(summary="Pause a webhook", request=None, responses=ONE)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing until it is resumed."""
        pause_webhook(endpoint=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), ONE)

    @extend_schema(summary="Resume a webhook", request=None, responses=ONE)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Send again from where it stopped: nothing that happened meanwhile is left out."""
        resume_webhook(endpoint=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), ONE)

    @extend_schema(
        summary="Rotate the secret", request=None, responses=shapes.WebhookWithSecretSerializer
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Make another secret, in this answer and nowhere else; for 24 hours the one before signs too."""
        row, secret = rotate_secret(endpoint=self.get_object(), by=self.user, at=timezone.now())
        return self._with_secret(row, secret, 200)

    @extend_schema(
        summary="Try a webhook", request=None, responses={202: shapes.DeliverySerializer}
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send a `ctem.test` message once, whatever waits; see its delivery for what was answered."""
        made = try_webhook(endpoint=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(made, shapes.DeliverySerializer, 202)

    @extend_schema(summary="End a webhook", request=None, responses=ONE)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End it for good; its secrets are wiped, what waits is not sent."""
        end_webhook(endpoint=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), ONE)

    @extend_schema(
        summary="List deliveries of a webhook",
        responses=shapes.DeliverySerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def deliveries(self, request: Request, pk: str) -> Response:
        """List what was sent and what waits, newest first; what ended is kept for 90 days."""
        return self.pages(self.get_object().deliveries.all(), shapes.DeliverySerializer)

    @extend_schema(
        summary="Send a delivery again",
        parameters=[NUMBER],
        request=None,
        responses={202: shapes.DeliverySerializer},
    )
    @action(detail=True, methods=["post"], url_path=r"deliveries/(?P<number>[0-9]{1,18})/resend")
    def resend(self, request: Request, pk: str, number: str) -> Response:
        """Send it once more with the same message id, or now if it waits to be tried again."""
        row = get_object_or_404(self.get_object().deliveries, number=int(number))
        again = resend(delivery=row, by=self.user, at=timezone.now())
        return self.answer(again, shapes.DeliverySerializer, 202)

    def _with_secret(self, row: WebhookEndpoint, secret: str, status: int) -> Response:
        told = {"webhook": self.get_queryset().get(pk=row.pk), "secret": secret}
        return self.answer(told, shapes.WebhookWithSecretSerializer, status)
