"""Doors to waivers and disputes of their own; they are given and proposed below their fix."""

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
from remediations.filters import DisputeFilter, WaiverFilter
from remediations.models import Dispute, Remediation, Waiver
from remediations.serializers import DisputeSerializer, ReasonSerializer, WaiverSerializer
from remediations.services import rows_locked_with
from scans.services.disputes import confirm_dispute, withdraw_dispute
from scans.services.waivers import revoke_waiver

WAIVERS = Waiver.objects.select_related("by", "revoked_by")
DISPUTES = Dispute.objects.select_related("by", "second", "withdrawn_by")


@extend_schema_view(
    list=extend_schema(
        summary="List waivers", description="Checks set aside in the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One waiver", description="Who set which check aside, why, until when."
    ),
)
class WaiverViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Checks set aside by a person until a day. Revoked, never deleted."""

    queryset = WAIVERS
    serializer_class = WaiverSerializer
    filterset_class = WaiverFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return rows_locked_with(Remediation.objects.filter(pk=row.remediation_id))

    @extend_schema(summary="Revoke a waiver", request=ReasonSerializer, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """Take a waiver back; the fix is judged without it. What was completed with it stays so."""
        waiver, body = self.get_object(), self.shape(ReasonSerializer)
        row = revoke_waiver(waiver=waiver, by=self.user, at=timezone.now(), **body)
        return self.answer(row, WaiverSerializer)


@extend_schema_view(
    list=extend_schema(
        summary="List disputes", description="Disputes in the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One dispute", description="What was rejected, by whom, and how far it came."
    ),
)
class DisputeViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Rejections of a pair or a cause in a judgement, by two people. Withdrawn, never deleted."""

    queryset = DISPUTES
    serializer_class = DisputeSerializer
    filterset_class = DisputeFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return rows_locked_with(Remediation.objects.filter(pk=row.remediation_id))

    @extend_schema(summary="Confirm a dispute", request=None, responses=DisputeSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Second a dispute of somebody else; the fix is judged with it at once."""
        row = confirm_dispute(dispute=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(row, DisputeSerializer)

    @extend_schema(
        summary="Withdraw a dispute", request=ReasonSerializer, responses=DisputeSerializer
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take a dispute back; one that was confirmed by an approver, and the fix is judged without it."""
        dispute, body = self.get_object(), self.shape(ReasonSerializer)
        row = withdraw_dispute(dispute=dispute, by=self.user, at=timezone.now(), **body)
        return self.answer(row, DisputeSerializer)
