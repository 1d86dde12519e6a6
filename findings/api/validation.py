"""Doors to evidence, files and disputes of findings."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core import blobs
from core.api import ApiViewSet, BoundedFormParser, StrictJsonParser
from core.downloads import hand_out
from core.models import User
from findings import validation_serializers as shapes
from findings.discovery_filters import FindingDisputeFilter
from findings.files import KINDS
from findings.models import FindingDispute
from findings.services.disputes import answer_dispute, dispute_finding, withdraw_dispute
from findings.services.evidence import MAX_BYTES, add_evidence, attach

NUMBER = OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH)


class FileParser(BoundedFormParser):
    """A form with one file that is small."""

    def most(self) -> int:
        return MAX_BYTES


class ValidationActions(ApiViewSet):
    """What is below a finding: evidence, files, disputes."""

    @extend_schema(
        summary="List evidence", responses=shapes.EvidenceSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def evidence(self, request: Request, pk: str) -> Response:
        """List what people brought to show that the finding is real, newest first."""
        rows = self.get_object().validation_evidence.select_related("by")
        return self.pages(rows.prefetch_related("attachments"), shapes.EvidenceSerializer)

    @extend_schema(
        summary="Bring evidence",
        request=shapes.NewEvidenceSerializer,
        responses={201: shapes.EvidenceSerializer},
    )
    @evidence.mapping.post
    def add_evidence(self, request: Request, pk: str) -> Response:
        """Bring evidence; the transition `validate` takes its own and moves the finding."""
        finding, body = self.get_object(), self.shape(shapes.NewEvidenceSerializer)
        row = add_evidence(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.EvidenceSerializer, 201)

    @extend_schema(
        summary="List files", responses=shapes.AttachmentSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"], parser_classes=(StrictJsonParser, FileParser))
    def attachments(self, request: Request, pk: str) -> Response:
        """List the files that people brought to the finding, newest first."""
        rows = self.get_object().attachments.select_related("by")
        return self.pages(rows, shapes.AttachmentSerializer)

    @extend_schema(
        summary="Bring a file",
        request={"multipart/form-data": shapes.NewAttachmentSerializer},
        responses={201: shapes.AttachmentSerializer},
    )
    @attachments.mapping.post
    def attach(self, request: Request, pk: str) -> Response:
        """Keep a file with the finding: at most 10 MiB, at most 20 of them."""
        finding, body = self.get_object(), self.shape(shapes.NewAttachmentSerializer)
        file, pk_of = body["file"], body.get("evidence")
        rows = finding.validation_evidence.all()
        evidence = self.one_of(rows, pk_of, "evidence") if pk_of else None
        row = attach(
            finding=finding, name=file.name or "", blocks=file.chunks(), evidence=evidence,
            by=self.user, at=timezone.now(),
        )  # fmt: skip
        return self.answer(row, shapes.AttachmentSerializer, 201)

    @extend_schema(
        summary="Download a file",
        parameters=[NUMBER],
        responses={(200, kind): OpenApiTypes.BINARY for kind in KINDS},
        filters=False,
    )
    @action(
        detail=True,
        methods=["get"],
        url_path=r"attachments/(?P<number>[0-9]{1,4})",
        pagination_class=None,
    )
    def attachment(self, request: Request, pk: str, number: str) -> HttpResponse:
        """Download one file of the finding, to be kept, never shown."""
        row = get_object_or_404(self.get_object().attachments, number=int(number))
        return hand_out(blobs.load(row.blob_id), row.content_type, row.name)

    @extend_schema(
        summary="List disputes of a finding",
        responses=shapes.FindingDisputeSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def disputes(self, request: Request, pk: str) -> Response:
        """List who said that the finding is not real, not as severe or not theirs, newest first."""
        rows = self.get_object().disputed.select_related("by", "answered_by")
        return self.pages(rows, shapes.FindingDisputeSerializer)

    @extend_schema(
        summary="Dispute a finding",
        request=shapes.NewFindingDisputeSerializer,
        responses={201: shapes.FindingDisputeSerializer},
    )
    @disputes.mapping.post
    def dispute(self, request: Request, pk: str) -> Response:
        """Say that the finding is not real, not as severe, or not for who answers for it."""
        finding, body = self.get_object(), self.shape(shapes.NewFindingDisputeSerializer)
        row = dispute_finding(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.FindingDisputeSerializer, 201)


@extend_schema_view(
    list=extend_schema(
        summary="List disputed findings",
        description="Disputes of findings of the scopes that you may read.",
    ),
    retrieve=extend_schema(summary="One dispute of a finding"),
)
class FindingDisputeViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """What members dispute about findings, and what was answered."""

    queryset = FindingDispute.objects.select_related("by", "answered_by")
    serializer_class = shapes.FindingDisputeSerializer
    filterset_class = FindingDisputeFilter

    @extend_schema(
        summary="Answer a dispute of a finding",
        request=shapes.AnswerSerializer,
        responses=shapes.FindingDisputeSerializer,
    )
    @action(detail=True, methods=["post"], url_path="answer")
    def give_answer(self, request: Request, pk: str) -> Response:
        """Uphold or reject a dispute, with a reason; never one's own."""
        row, body = self.get_object(), self.shape(shapes.AnswerSerializer)
        to = body.pop("to", None)
        members = User.objects.filter(memberships__scope=row.scope_id)
        person = self.one_of(members, to, "to") if to else None
        told = answer_dispute(dispute=row, to=person, by=self.user, at=timezone.now(), **body)
        return self.answer(told, shapes.FindingDisputeSerializer)

    @extend_schema(
        summary="Take back a dispute of a finding",
        request=None,
        responses=shapes.FindingDisputeSerializer,
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take back one's own dispute that nobody has answered."""
        row = withdraw_dispute(dispute=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(row, shapes.FindingDisputeSerializer)
