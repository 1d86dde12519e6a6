"""Doors to trackers and tickets. Trackers are for administrators of their scope to change."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from findings.models import Finding
from scopes.models import Scope
from tickets import tracker_serializers as shapes
from tickets.models import Ticket, TrackerConnection
from tickets.services.tickets import ask_ticket, unlink_ticket
from tickets.services.tracker_preview import preview_ticket
from tickets.services.trackers import (
    change_tracker,
    check_tracker,
    connect_tracker,
    disconnect_tracker,
    renew_tracker_secret,
    replace_tracker_key,
)
from tickets.tracker_filters import TicketFilter, TrackerFilter

ONE = shapes.TrackerSerializer


@extend_schema_view(
    list=extend_schema(summary="List trackers", description="Projects of trackers, by scope."),
    retrieve=extend_schema(summary="One tracker", description="How it is connected and doing."),
)
class TrackerViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Projects of trackers in which scopes keep their tickets. Secrets are never read back."""

    queryset = TrackerConnection.objects.select_related("actor", "created_by", "ended_by")
    serializer_class = ONE
    filterset_class = TrackerFilter

    @extend_schema(
        summary="Connect a tracker",
        request=shapes.NewTrackerSerializer,
        responses={201: shapes.TrackerWithSecretSerializer},
    )
    def create(self, request: Request) -> Response:
        """Connect a project; its webhook's secret is in this answer and nowhere else."""
        body = self.shape(shapes.NewTrackerSerializer)
        body["scope"] = self.one_of(Scope.objects.visible_to(self.user), body["scope"], "scope")
        made, secret = connect_tracker(by=self.user, at=timezone.now(), **body)
        return self._with_secret(made, secret, 201)

    @extend_schema(
        summary="Change a tracker", request=shapes.ChangedTrackerSerializer, responses=ONE
    )
    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        """Change name, mapping, rule or policy; members left out stay as they are."""
        row, body = self.get_object(), self.shape(shapes.ChangedTrackerSerializer)
        change_tracker(tracker=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), ONE)

    @extend_schema(summary="Check a tracker", request=None, responses={202: ONE})
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Have it asked within seconds who we are; `who` or `problem` tells."""
        check_tracker(tracker=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), ONE, 202)

    @extend_schema(
        summary="Replace the token", request=shapes.NewTrackerKeySerializer, responses=ONE
    )
    @action(detail=True, methods=["post"])
    def key(self, request: Request, pk: str) -> Response:
        """Sign in with another token from now on."""
        row, body = self.get_object(), self.shape(shapes.NewTrackerKeySerializer)
        replace_tracker_key(tracker=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), ONE)

    @extend_schema(
        summary="Renew the webhook's secret",
        request=None,
        responses=shapes.TrackerWithSecretSerializer,
    )
    @action(detail=True, methods=["post"], url_path="webhook-secret")
    def webhook_secret(self, request: Request, pk: str) -> Response:
        """Make another secret, in this answer and nowhere else; the one before is taken for 24 hours."""
        row, secret = renew_tracker_secret(
            tracker=self.get_object(), by=self.user, at=timezone.now()
        )
        return self._with_secret(row, secret, 200)

    @extend_schema(
        summary="Try a mapping",
        request=shapes.TryMappingSerializer,
        responses=shapes.TriedMappingSerializer,
    )
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, pk: str) -> Response:
        """Say what a ticket of a finding would hold. Nothing is written, the tracker is not asked."""
        row, body = self.get_object(), self.shape(shapes.TryMappingSerializer)
        body["finding"] = self.one_of(
            Finding.objects.visible_to(self.user), body["finding"], "finding"
        )
        return self.answer(
            preview_ticket(tracker=row, by=self.user, **body), shapes.TriedMappingSerializer
        )

    @extend_schema(summary="Disconnect a tracker", request=None, responses=ONE)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End it for good; its secrets are wiped, tickets stay in the tracker as they are."""
        disconnect_tracker(tracker=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), ONE)

    def _with_secret(self, row: TrackerConnection, secret: str, status: int) -> Response:
        site = settings.PUBLIC_URL or self.request.build_absolute_uri("/").rstrip("/")
        told = {
            "tracker": self.get_queryset().get(pk=row.pk),
            "webhook_address": f"{site}{reverse('tracker-hook', args=[row.hook])}",
            "webhook_secret": secret,
        }
        return self.answer(told, shapes.TrackerWithSecretSerializer, status)


@extend_schema_view(
    list=extend_schema(summary="List tickets", description="Findings in trackers."),
    retrieve=extend_schema(summary="One ticket", description="As the tracker told last."),
)
class TicketViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Findings in trackers. A ticket that is closed there is a claim; it proves nothing here."""

    queryset = Ticket.objects.select_related("asked_by")
    serializer_class = shapes.TicketSerializer
    filterset_class = TicketFilter

    @extend_schema(
        summary="Make or link a ticket",
        request=shapes.NewTicketSerializer,
        responses={201: shapes.TicketSerializer},
    )
    def create(self, request: Request) -> Response:
        """Order a ticket for a finding, or link one by its key; the tracker is asked within seconds."""
        body = self.shape(shapes.NewTicketSerializer)
        finding = self.one_of(Finding.objects.visible_to(self.user), body["finding"], "finding")
        tracker = self.one_of(
            TrackerConnection.objects.visible_to(self.user), body["connection"], "connection"
        )
        made = ask_ticket(
            finding=finding, tracker=tracker, by=self.user, at=timezone.now(),
            key=body.get("key", ""),
        )  # fmt: skip
        return self.answer(self.get_queryset().get(pk=made.pk), shapes.TicketSerializer, 201)

    @extend_schema(summary="Unlink a ticket", request=None, responses=shapes.TicketSerializer)
    @action(detail=True, methods=["post"])
    def unlink(self, request: Request, pk: str) -> Response:
        """Follow it no more; in the tracker it stays as it is."""
        unlink_ticket(ticket=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(self.get_object(), shapes.TicketSerializer)
