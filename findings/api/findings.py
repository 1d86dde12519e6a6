"""Doors to findings. Moving and proving them needs evidence from above: see scans/api/."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet, EventSerializer
from findings import serializers as shapes
from findings.api.discovery import TriageActions
from findings.api.exporting import ExportActions
from findings.api.mobilizing import MobilizingActions
from findings.api.priorities import PriorityActions
from findings.api.validation import ValidationActions
from findings.filters import FindingFilter
from findings.models import Finding, history_of
from findings.services import (
    add_comment,
    change_comment,
    remove_comment,
    request_dismissal,
    request_risk_acceptance,
)
from scopes.models import Scope

COMMENT = OpenApiParameter(
    "number", OpenApiTypes.INT64, OpenApiParameter.PATH, description="The id of the comment."
)


@extend_schema_view(
    list=extend_schema(
        summary="List findings",
        description="Findings of the scopes that you may read. Parameters that are not known are refused.",
    ),
    retrieve=extend_schema(
        summary="One finding", description="A finding with the terms of its priority."
    ),
)
class FindingViewSet(
    ExportActions,
    MobilizingActions,
    PriorityActions,
    TriageActions,
    ValidationActions,
    ListModelMixin,
    RetrieveModelMixin,
    ApiViewSet,
):
    """Weaknesses, each on one line of one asset, followed over time."""

    queryset = Finding.objects.select_related(
        "scope", "series", "described_by", "claimed_by", "assigned_to"
    )
    filterset_class = FindingFilter

    def get_queryset(self) -> Any:
        if self.action == "retrieve":
            return super().get_queryset().select_related("priority")
        if self.action != "list":
            return super().get_queryset()
        scopes = Scope.objects.visible_to(self.user).values_list("pk", flat=True)
        rows = self.queryset.in_scopes(scopes)
        return rows.defer("original", "current")

    def get_serializer_class(self) -> Any:
        return shapes.FindingSerializer if self.action == "list" else shapes.FindingDetailSerializer

    @extend_schema(
        summary="List comments", responses=shapes.CommentSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def comments(self, request: Request, pk: str) -> Response:
        """List the comments on a finding, newest first."""
        rows = self.get_object().comments.select_related("by", "removed_by")
        return self.pages(rows, shapes.CommentSerializer)

    @extend_schema(
        summary="Comment",
        request=shapes.NewCommentSerializer,
        responses={201: shapes.CommentSerializer},
    )
    @comments.mapping.post
    def comment(self, request: Request, pk: str) -> Response:
        """Add a comment, as plain text. `@` and the user name of a member of the scope tells them."""
        finding, body = self.get_object(), self.shape(shapes.NewCommentSerializer)
        row = add_comment(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.CommentSerializer, 201)

    @extend_schema(
        summary="Change a comment",
        parameters=[COMMENT],
        request=shapes.NewCommentSerializer,
        responses=shapes.CommentSerializer,
    )
    @action(detail=True, methods=["post"], url_path=r"comments/(?P<number>[0-9]{1,18})/change")
    def change_comment(self, request: Request, pk: str, number: str) -> Response:
        """Put one's own comment into other words; the log keeps digests of both."""
        row = get_object_or_404(self.get_object().comments, pk=int(number))
        body = self.shape(shapes.NewCommentSerializer)
        row = change_comment(comment=row, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.CommentSerializer)

    @extend_schema(
        summary="Remove a comment",
        parameters=[COMMENT],
        request=None,
        responses=shapes.CommentSerializer,
    )
    @action(detail=True, methods=["post"], url_path=r"comments/(?P<number>[0-9]{1,18})/remove")
    def remove_comment(self, request: Request, pk: str, number: str) -> Response:
        """Remove the words of one's own comment, or of another's as an administrator of the scope."""
        row = get_object_or_404(self.get_object().comments, pk=int(number))
        row = remove_comment(comment=row, by=self.user, at=timezone.now())
        return self.answer(row, shapes.CommentSerializer)

    @extend_schema(
        summary="List risk acceptances",
        responses=shapes.RiskAcceptanceSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="risk-acceptances")
    def risk_acceptances(self, request: Request, pk: str) -> Response:
        """List the requests to carry the risk, decided or not."""
        rows = self.get_object().riskacceptances.select_related("requested_by", "approved_by")
        return self.pages(rows, shapes.RiskAcceptanceSerializer)

    @extend_schema(
        summary="Ask to accept the risk",
        request=shapes.NewRiskAcceptanceSerializer,
        responses={201: shapes.RiskAcceptanceSerializer},
    )
    @risk_acceptances.mapping.post
    def request_risk_acceptance(self, request: Request, pk: str) -> Response:
        """Ask to carry the risk until a date; another person decides by the transition `accept_risk`."""
        finding, body = self.get_object(), self.shape(shapes.NewRiskAcceptanceSerializer)
        row = request_risk_acceptance(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.RiskAcceptanceSerializer, 201)

    @extend_schema(
        summary="List dismissals", responses=shapes.DismissalSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def dismissals(self, request: Request, pk: str) -> Response:
        """List the requests to dismiss the finding as a false positive, decided or not."""
        rows = self.get_object().dismissals.select_related("requested_by", "approved_by")
        return self.pages(rows, shapes.DismissalSerializer)

    @extend_schema(
        summary="Ask to dismiss",
        request=shapes.NewDismissalSerializer,
        responses={201: shapes.DismissalSerializer},
    )
    @dismissals.mapping.post
    def request_dismissal(self, request: Request, pk: str) -> Response:
        """Ask to dismiss as a false positive; another person decides by the transition `dismiss`."""
        finding, body = self.get_object(), self.shape(shapes.NewDismissalSerializer)
        row = request_dismissal(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.DismissalSerializer, 201)

    @extend_schema(summary="List events", responses=EventSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def events(self, request: Request, pk: str) -> Response:
        """List everything that happened to the finding, alone or together with others, newest first."""
        rows = history_of(self.get_object().pk).select_related("actor")
        return self.pages(rows, EventSerializer)
