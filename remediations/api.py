"""Doors for reading fixes. What judges a fix with them is above: see scans/api/fixes.py."""

from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet, EventSerializer
from core.models import Event
from findings.models import Finding
from remediations import serializers as shapes
from remediations.filters import RemediationFilter
from remediations.models import Remediation


@extend_schema_view(
    list=extend_schema(
        summary="List remediations", description="Fixes in the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One remediation",
        description="A fix with its commits, changed files and the signs of who wrote it.",
    ),
)
class RemediationViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Proposed fixes, each at its newest revision."""

    queryset = Remediation.objects.select_related("created_by").prefetch_related(
        Prefetch("findings", Finding.objects.only("pk").order_by("pk"))
    )
    filterset_class = RemediationFilter

    def get_serializer_class(self) -> Any:
        reading_many = self.action == "list"
        return shapes.RemediationSerializer if reading_many else shapes.RemediationDetailSerializer

    @extend_schema(
        summary="List reviews", responses=shapes.ReviewSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def reviews(self, request: Request, pk: str) -> Response:
        """List the reviews of all revisions, newest first."""
        rows = self.get_object().reviews.select_related("reviewer")
        return self.pages(rows, shapes.ReviewSerializer)

    @extend_schema(summary="List events", responses=EventSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def events(self, request: Request, pk: str) -> Response:
        """List everything that happened to the fix, newest first."""
        rows = Event.objects.about("remediation", self.get_object().pk).select_related("actor")
        return self.pages(rows, EventSerializer)
