"""Doors to reports of assets that nobody has told us of."""

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
from scans import scoping_serializers as shapes
from scans.filters import InboxFilter
from scans.inbox import InboxReport
from scans.services.inbox import of_its_name, place_on_new_asset, place_report, reject_report
from scopes.models import Asset


@extend_schema_view(
    list=extend_schema(
        summary="List the inbox",
        description="Reports of assets that were not there when they came, and what became of them.",
    ),
    retrieve=extend_schema(
        summary="One report of the inbox",
        description="What came, from whom, and what became of it.",
    ),
)
class InboxViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Reports that wait to be told whose they are."""

    queryset = InboxReport.objects.select_related("created_by", "decided_by")
    serializer_class = shapes.InboxReportSerializer
    filterset_class = InboxFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return [of_its_name(row)]  # those that are placed with it, in the order of arrival

    @extend_schema(
        summary="Place a report", request=shapes.PlaceSerializer, responses=shapes.PlacedSerializer
    )
    @action(detail=True, methods=["post"])
    def place(self, request: Request, pk: str) -> Response:
        """Make a report and those that wait under its name, at most 200, uploads of an asset; remember the name.

        A new asset is made by administrators of the scope alone.
        """
        report, body, now = self.get_object(), self.shape(shapes.PlaceSerializer), timezone.now()
        if "asset" in body:
            assets = Asset.objects.filter(scope=report.scope_id)
            placed = place_report(
                report=report, asset=self.one_of(assets, body["asset"], "asset"),
                line=body.get("line", ""), by=self.user, at=now,
            )  # fmt: skip
        else:
            placed = place_on_new_asset(report=report, by=self.user, at=now, **body["new_asset"])
        return self.answer(placed, shapes.PlacedSerializer)

    @extend_schema(
        summary="Reject a report",
        request=shapes.RejectSerializer,
        responses=shapes.InboxReportSerializer,
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Turn a report away for a reason; it is kept, and listed as rejected. For administrators."""
        reason = self.shape(shapes.RejectSerializer)["reason"]
        report = reject_report(
            report=self.get_object(), reason=reason, by=self.user, at=timezone.now()
        )
        return self.answer(report, shapes.InboxReportSerializer)
