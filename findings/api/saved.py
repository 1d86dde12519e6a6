"""Doors to saved views of the list of findings."""

from typing import Any

from django.utils import timezone
from django_filters import FilterSet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from core.filters import StableOrdering, VisibleFilter
from findings import saved_serializers as shapes
from findings.choosing import read_words
from findings.models import SavedView
from findings.services import change_view, remove_view, save_view
from scopes.models import Scope


class SavedViewFilter(FilterSet):
    scope = VisibleFilter(Scope.objects.visible_to)
    ordering = StableOrdering(fields=("name", "id"))

    class Meta:
        model = SavedView
        fields = ()


@extend_schema_view(
    list=extend_schema(
        summary="List views",
        description="Your own saved views, and those shared in scopes that you may read.",
    ),
    retrieve=extend_schema(summary="One view", description="A saved view of the list of findings."),
)
class SavedViewViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Filters and columns of the list of findings, kept under a name."""

    queryset = SavedView.objects.select_related("scope", "owner")
    serializer_class = shapes.SavedViewSerializer
    filterset_class = SavedViewFilter

    @extend_schema(
        summary="Save a view",
        request=shapes.NewViewSerializer,
        responses={201: shapes.SavedViewSerializer},
    )
    def create(self, request: Request) -> Response:
        """Save a view for yourself; with `scope`, for whoever may read it (who triages there may)."""
        body = self.shape(shapes.NewViewSerializer)
        scope = body.pop("scope", None)
        if scope is not None:
            body["scope"] = self.one_of(Scope.objects.visible_to(self.user), scope, "scope")
        told = self._told(body)
        view = save_view(by=self.user, at=timezone.now(), **{"query": "", **told})
        return self.answer(view, shapes.SavedViewSerializer, 201)

    @extend_schema(
        summary="Change a view",
        request=shapes.ChangeViewSerializer,
        responses=shapes.SavedViewSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give a view another name, other filters or columns."""
        view = self.get_object()
        body = self._told(self.shape(shapes.ChangeViewSerializer))
        change_view(view=view, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.SavedViewSerializer)

    @extend_schema(summary="Remove a view", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a view. Nothing that it showed changes."""
        remove_view(view=self.get_object(), by=self.user, at=timezone.now())
        return Response(status=204)

    def _told(self, body: dict[str, Any]) -> dict[str, Any]:
        """A body with its filters read as this person's: what they cannot see is no filter."""
        if "filter" in body:
            body["query"] = read_words(body.pop("filter"), self.request)
        return body
