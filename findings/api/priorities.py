"""Doors to what priorities follow from: feeds, weights of a scope, and why a priority is not what it was."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from findings import priority_serializers as shapes
from findings.filters import FeedFilter
from findings.models import Feed
from findings.services.priority_policies import (
    priority_versions,
    put_priority_policy_in_force,
    try_priority_policy,
)


@extend_schema_view(
    list=extend_schema(
        summary="List feeds",
        description="What was imported of exploited CVEs and names of weaknesses, newest first. The "
        "newest of each kind counts.",
    )
)
class FeedViewSet(ListModelMixin, ApiViewSet):
    """Files that priorities follow from. An operator imports them; they are kept."""

    queryset = Feed.objects.order_by("-pk")
    serializer_class = shapes.FeedSerializer
    filterset_class = FeedFilter


class PriorityActions(ApiViewSet):
    """What is asked of one finding."""

    @extend_schema(
        summary="List changes of the priority",
        responses=shapes.PriorityChangeSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="priority-changes")
    def priority_changes(self, request: Request, pk: str) -> Response:
        """List what the priority was, newest first, each with the whole sum of its time."""
        rows = self.get_object().priority_changes.select_related("until_then").order_by("-pk")
        return self.pages(rows, shapes.PriorityChangeSerializer)


class WeightsActions(ApiViewSet):
    """What is asked of one scope."""

    @extend_schema(
        summary="List versions of the weights",
        responses=shapes.PriorityVersionSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="priority-policies", pagination_class=None)
    def priority_policies(self, request: Request, pk: str) -> Response:
        """List the weights that priorities were worked out by, newest first: in force is `until` null."""
        versions = priority_versions(self.get_object())
        return Response(shapes.PriorityVersionSerializer(versions, many=True).data)

    @extend_schema(
        summary="Put weights in force",
        request=shapes.NewWeightsSerializer,
        responses={201: shapes.RescoringSerializer},
    )
    @priority_policies.mapping.post
    def put_weights_in_force(self, request: Request, pk: str) -> Response:
        """Work priorities out by this text from now on; the findings of the scope are scored anew.

        For administrators of the scope. A name means one text here: changed weights need another
        name. Errors say the member.
        """
        body = self.shape(shapes.NewWeightsSerializer)
        body["toml"] = body["toml"].encode()
        run = put_priority_policy_in_force(
            scope=self.get_object(), by=self.user, at=timezone.now(), **body
        )
        return self.answer(run, shapes.RescoringSerializer, 201)

    @extend_schema(
        summary="Try weights",
        request=shapes.WeightsSerializer,
        responses=shapes.TriedWeightsSerializer,
        filters=False,
    )
    @action(detail=True, methods=["post"], url_path="priority-policies/dry-run", pagination_class=None)  # fmt: skip
    def try_weights(self, request: Request, pk: str) -> Response:
        """Answer how many open findings would have another score or band. Nothing is stored.

        No further findings are looked at after 20 seconds (`left` counts those). For administrators
        of the scope.
        """
        scope, body = self.get_object(), self.shape(shapes.WeightsSerializer)
        told = try_priority_policy(scope=scope, toml=body["toml"].encode(), by=self.user)
        return self.answer(told, shapes.TriedWeightsSerializer)
