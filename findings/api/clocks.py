"""Doors to the clocks of findings."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from findings import clock_serializers as shapes
from findings.filters import PauseFilter
from findings.models import ClockPause, Finding
from findings.services.clocks import pause_clock, resume_clock


@extend_schema_view(
    list=extend_schema(
        summary="List pauses",
        description="Times in which the SLA's clock of a finding stood still.",
    ),
    retrieve=extend_schema(
        summary="One pause", description="Whom the finding waited for, and why."
    ),
)
class PauseViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Pauses of the SLA's clock, while somebody else has to act."""

    queryset = ClockPause.objects.select_related("started_by", "ended_by")
    serializer_class = shapes.PauseSerializer
    filterset_class = PauseFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return [Finding.objects.filter(pk=row.finding_id)]

    @extend_schema(
        summary="Pause a clock",
        request=shapes.NewPauseSerializer,
        responses={201: shapes.PauseSerializer},
    )
    def create(self, request: Request) -> Response:
        """Let the clock of an open finding stand still while somebody else has to act."""
        body: dict[str, Any] = self.shape(shapes.NewPauseSerializer)
        finding = self.one_of(Finding.objects.visible_to(self.user), body.pop("finding"), "finding")
        pause = pause_clock(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(pause, shapes.PauseSerializer, 201)

    @extend_schema(
        summary="End a pause", request=None, responses=shapes.PauseSerializer, filters=False
    )
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Let the clock run on: the due date moves by the time it stood still. 409 where the pause is over."""
        pause = resume_clock(pause=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(pause, shapes.PauseSerializer)
