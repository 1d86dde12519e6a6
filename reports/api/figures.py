"""The door to figures of now."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from reports import serializers as shapes
from reports.services.asking import ask_figures, frame_of
from reports.statuses import Period
from scopes.models import Scope


class MetricsViewSet(ApiViewSet):
    """The figures of the overview and of reports, as JSON."""

    queryset = Scope.objects.all()
    serializer_class = shapes.FiguresSerializer
    pagination_class = None

    @extend_schema(
        summary="Figures of a time",
        parameters=[shapes.FrameQuerySerializer],
        responses=shapes.FiguresSerializer,
        filters=False,
    )
    def retrieve(self, request: Request) -> Response:
        """Count what is open, why it changed, how fast and how well, with the definition of each figure.

        Of one scope or of all that you may read, for the last week, month (30 days), quarter (91 days), or
        between two moments.
        """
        query = {k: v for k, v in request.query_params.dict().items() if k != "fields"}
        asked = shapes.FrameQuerySerializer(data=query)
        asked.is_valid(raise_exception=True)
        told: dict[str, Any] = asked.validated_data
        scope, at = told.pop("scope", None), timezone.now()
        rows = Scope.objects.visible_to(self.user)
        scopes = [self.one_of(rows, scope, "scope")] if scope is not None else list(rows)
        frame = frame_of(scopes, at=at, **{**told, "period": Period(told["period"])})
        figures = shapes.with_definitions(ask_figures(frame, at=at), list(frame.scopes))
        return self.answer(figures, shapes.FiguresSerializer)
