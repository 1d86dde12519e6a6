"""Doors to what is not looked at, or was long ago."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from scans.scoping_serializers import CoverageSerializer
from scans.services.coverage import assets_with_gaps, coverage_of
from scopes.filters import AssetFilter
from scopes.models import Asset


class CoverageGapViewSet(ApiViewSet):
    """Assets at which an expected class of tools never looked, not lately, or not with success."""

    queryset = Asset.objects.all()
    serializer_class = CoverageSerializer
    filterset_class = AssetFilter

    def get_queryset(self) -> QuerySet[Asset]:
        if not self.request.user.is_authenticated:  # the schema is being written
            return Asset.objects.none()
        return assets_with_gaps(self.user, at=timezone.now())

    @extend_schema(summary="List coverage gaps", responses=CoverageSerializer(many=True))
    def list(self, request: Request) -> Response:
        """List the assets with a gap, each with what is missing and what looked at it last."""
        rows: Any = self.filter_queryset(self.get_queryset()).select_related("scope")
        page = self.paginate_queryset(rows)
        told = coverage_of(page or [], at=timezone.now())
        return self.get_paginated_response(CoverageSerializer(told, many=True).data)
