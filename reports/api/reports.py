"""Doors to reports: the archive, making one, and its files."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from core.contract import FIELDS
from core.openapi import PROBLEM, ProblemSerializer
from reports import serializers as shapes
from reports.filters import ReportFilter
from reports.handing import hand_out
from reports.models import Report
from reports.renderers.forms import FORMS, XLSX
from reports.services.reports import order_report, scopes_for
from reports.statuses import Period
from scopes.models import Scope

FORMAT = OpenApiParameter(
    "format",
    OpenApiTypes.STR,
    enum=FORMS,
    description="`json`, the default: the snapshot, whose bytes have the digest that the event seals. "
    "`figures`, `findings`: CSV, safe to be opened in a spreadsheet. `xlsx`: both, with definitions.",
)


@extend_schema_view(
    list=extend_schema(
        summary="List reports",
        description="The archive: reports of which you may read every scope, newest first.",
    ),
    retrieve=extend_schema(summary="One report", description="What it tells of, and its digests."),
)
class ReportViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Reports, frozen when they were made."""

    queryset = Report.objects.select_related("ordered_by", "job").prefetch_related("parts")
    serializer_class = shapes.ReportSerializer
    filterset_class = ReportFilter

    def get_queryset(self) -> QuerySet[Report]:
        """Newest first."""
        return super().get_queryset().order_by("-until", "-id")

    @extend_schema(
        summary="Make a report",
        request=shapes.NewReportSerializer,
        responses={202: shapes.ReportSerializer},
    )
    def create(self, request: Request) -> Response:
        """Have a report made, of one scope or of all in which you may; `Location` says where it will be."""
        body: dict[str, Any] = self.shape(shapes.NewReportSerializer)
        scope = body.pop("scope")
        rows = Scope.objects.visible_to(self.user)
        scopes = scopes_for(self.user) if scope is None else [self.one_of(rows, scope, "scope")]
        report = order_report(
            scopes=scopes, by=self.user, at=timezone.now(),
            **{**body, "period": Period(body["period"])},
        )  # fmt: skip
        where = reverse("api:report-detail", args=[report.pk])
        return self.answer(report, shapes.ReportSerializer, 202, Location=where)

    @extend_schema(
        summary="Download a report",
        parameters=[FORMAT],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, XLSX): OpenApiTypes.BINARY,
            (409, PROBLEM): OpenApiResponse(ProblemSerializer, "It is not made yet."),
        },
    )
    @action(detail=True, methods=["get"], extra_parameters=("format",))
    def download(self, request: Request, pk: str) -> HttpResponseBase:
        """Download a report that is made, drawn from its frozen parts alone; 409 while it is not."""
        self.refuse_parameters([FIELDS])
        form = request.query_params.get("format", "json")
        if form not in FORMS:
            raise ValidationError({"format": [f"Must be one of: {', '.join(FORMS)}."]})
        return hand_out(self.get_object(), form)
