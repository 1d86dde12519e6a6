"""Doors to what is said of a whole scope beside the scans: standing approvals, look-ups of releases.

Revocations are told below their finding, proofs below their fix.
"""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from remediations import evidence_serializers as shapes
from remediations.filters import ReleaseFilter, StandingApprovalFilter
from remediations.models import Proof, Release, SecretRevocation, StandingApproval
from remediations.serializers import ReasonSerializer
from scans.services.releases import record_release
from scans.services.standing import end_standing_approval, give_standing_approval
from scopes.models import Scope

REVOCATIONS = SecretRevocation.objects.select_related("by")
PROOFS = Proof.objects.select_related("by")


@extend_schema_view(
    list=extend_schema(
        summary="List standing approvals",
        description="Owners' words for dependency bots in the scopes that you may read.",
    ),
    retrieve=extend_schema(
        summary="One standing approval", description="Who approves what by which bots, how long."
    ),
)
class StandingApprovalViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Owners' words, given once, for changes of versions only. Ended, never deleted."""

    queryset = StandingApproval.objects.select_related("by", "ended_by")
    serializer_class = shapes.StandingApprovalSerializer
    filterset_class = StandingApprovalFilter

    @extend_schema(
        summary="Give a standing approval",
        request=shapes.NewStandingApprovalSerializer,
        responses={201: shapes.StandingApprovalSerializer},
    )
    def create(self, request: Request) -> Response:
        """Approve, as owner, what these bots propose, where it changes versions only.

        It counts at tiers whose policy accepts it, and never for a fix that the owner had a hand in.
        """
        body = self.shape(shapes.NewStandingApprovalSerializer)
        body["scope"] = _scope(self, body)
        row = give_standing_approval(by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.StandingApprovalSerializer, 201)

    @extend_schema(
        summary="End a standing approval",
        request=ReasonSerializer,
        responses=shapes.StandingApprovalSerializer,
    )
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End it before its day, for good. What was completed with it stays so."""
        row, body = self.get_object(), self.shape(ReasonSerializer)
        ended = end_standing_approval(approval=row, by=self.user, at=timezone.now(), **body)
        return self.answer(ended, shapes.StandingApprovalSerializer)


@extend_schema_view(
    list=extend_schema(
        summary="List releases",
        description="What registries said of packages, in the scopes that you may read.",
    ),
    retrieve=extend_schema(summary="One release", description="One look-up of one version."),
)
class ReleaseViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Look-ups of packages' versions in their registries, made by service accounts."""

    queryset = Release.objects.select_related("by")
    serializer_class = shapes.ReleaseSerializer
    filterset_class = ReleaseFilter

    @extend_schema(
        summary="Tell of a release",
        request=shapes.NewReleaseSerializer,
        responses={201: shapes.ReleaseSerializer},
    )
    def create(self, request: Request) -> Response:
        """Tell whether a registry has a version; fixes of that package are judged anew."""
        body = self.shape(shapes.NewReleaseSerializer)
        body["scope"] = _scope(self, body)
        row = record_release(by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.ReleaseSerializer, 201)


def _scope(view: ApiViewSet, body: dict[str, Any]) -> Scope:
    found: Scope = view.one_of(Scope.objects.visible_to(view.user), body["scope"], "scope")
    return found
