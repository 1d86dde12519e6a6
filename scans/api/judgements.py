"""Doors to what the gate decided: verifications, clearances, and the article's question."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from findings.models import Finding
from remediations.models import Remediation
from remediations.services import rows_locked_with
from scans import serializers as shapes
from scans.api.certificates import FORMAT, RESPONSES, certificate_of, form_of
from scans.filters import ClearanceFilter, VerificationFilter
from scans.models import Clearance, Verification
from scans.services.audit import History, answer_last_closed
from scans.services.doors import record_disposition
from scopes.models import Scope


def with_roles(rows: Any) -> Any:
    """Verifications with what their shape shows beside their own columns."""
    return rows.prefetch_related("scan_roles").annotate(replaced_by=F("superseded_by"))


@extend_schema_view(
    list=extend_schema(
        summary="List verifications", description="Judgements in the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One verification",
        description="A judgement with all checks, reasons, evidence, and what would turn them green.",
    ),
)
class VerificationViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """The gate's judgements, each of one finding under one fix. Immutable."""

    queryset = Verification.objects.all()
    filterset_class = VerificationFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return rows_locked_with(Remediation.objects.filter(pk=row.remediation_id))

    def get_queryset(self) -> QuerySet[Verification]:
        rows = with_roles(super().get_queryset())
        return rows.defer("judgement", "inputs") if self.action == "list" else rows.defer("inputs")

    def get_serializer_class(self) -> Any:
        listing = self.action == "list"
        return shapes.VerificationSerializer if listing else shapes.VerificationDetailSerializer

    @extend_schema(
        summary="List dispositions",
        responses=shapes.DispositionSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def dispositions(self, request: Request, pk: str) -> Response:
        """List what people decided about the new results of this verification."""
        rows = self.get_object().dispositions.select_related("by")
        return self.pages(rows, shapes.DispositionSerializer)

    @extend_schema(
        summary="Dispose of a new result",
        request=shapes.NewDispositionSerializer,
        responses={201: shapes.DispositionSerializer},
    )
    @dispositions.mapping.post
    def dispose(self, request: Request, pk: str) -> Response:
        """Record what was decided about one result that the fix brought in, with the reason."""
        verification, body = self.get_object(), self.shape(shapes.NewDispositionSerializer)
        row = record_disposition(verification=verification, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.DispositionSerializer, 201)


@extend_schema_view(
    list=extend_schema(
        summary="List clearances", description="Clearances in the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One clearance", description="Live, or revoked with the reason."
    ),
)
class ClearanceViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Records that a finding may be complete. Revoked, never deleted."""

    queryset = Clearance.objects.select_related("revoked_by").defer("certificate")
    serializer_class = shapes.ClearanceSerializer
    filterset_class = ClearanceFilter

    @extend_schema(
        summary="Certificate of a clearance",
        parameters=[FORMAT],
        responses=RESPONSES,
    )
    @action(detail=True, methods=["get"], extra_parameters=("format",))
    def certificate(self, request: Request, pk: str) -> HttpResponse:
        """Download the signed certificate, also of a clearance that was revoked."""
        return certificate_of(self.get_object(), form_of(request))


class AuditViewSet(ApiViewSet):
    """Questions of an auditor, answered per finding."""

    queryset = Finding.objects.all()

    @extend_schema(
        summary="Was the fix scanned before it merged?",
        parameters=[shapes.LastClosedQuerySerializer],
        responses=shapes.LastClosedAnswerSerializer,
        filters=False,
    )
    @action(detail=False, methods=["get"], url_path="last-closed", pagination_class=None)
    def last_closed(self, request: Request) -> Response:
        """Answer for the findings that were proven last: yes, after (the merge), no, or unknown.

        Only what the server saw itself counts; a time that somebody declared proves nothing. What was
        closed elsewhere is told only with `history`, each with where it was told.
        """
        asked = shapes.LastClosedQuerySerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        scope = told.get("scope")
        if scope is not None:
            self.one_of(Scope.objects.visible_to(self.user), scope, "scope")
        answer = answer_last_closed(
            self.user, n=told["n"], origin=told["origin"], history=History(told["history"]),
            scopes=None if scope is None else [scope],
        )  # fmt: skip
        return Response(shapes.LastClosedAnswerSerializer(answer).data)
