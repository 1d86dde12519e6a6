"""Doors to proposed fixes: take them in from a file, take one as a fix, decline it, download it."""

from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet, download
from findings.models import Finding
from remediations import proposal_serializers as shapes
from remediations.filters import ProposalFilter
from remediations.models import Proposal, ProposalFinding, Remediation
from remediations.proposing import (
    PATCH,
    REPLACEMENTS,
    Taken,
    decline_proposal,
    patch_file,
    take_in_proposals,
)
from remediations.serializers import RemediationDetailSerializer
from scans.api.scans import line_of
from scans.services.proposals import take_proposal
from scopes.models import Asset


@extend_schema_view(
    list=extend_schema(
        summary="List proposed fixes",
        description="Fixes that files proposed, in the scopes that you may read.",
    ),
    retrieve=extend_schema(
        summary="One proposed fix", description="What it is for, how surely, and who made it."
    ),
)
class ProposalViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Fixes that tools and agents propose as files. None of them is evidence."""

    queryset = Proposal.objects.select_related("created_by", "decided_by").prefetch_related(
        Prefetch("named", ProposalFinding.objects.order_by("pk"))
    )
    serializer_class = shapes.ProposalSerializer
    filterset_class = ProposalFilter

    @extend_schema(
        summary="Upload proposed fixes",
        request=shapes.NewProposalsSerializer,
        responses={200: shapes.TakenInSerializer, 201: shapes.TakenInSerializer},
    )
    def create(self, request: Request) -> Response:
        """Keep the fixes that a file proposes for open findings of a line: CodeTF, SARIF or a diff.

        Those for no open finding are left out, with the reason. A file that leads outside of the
        repository, or is too much, is refused as a whole. The same change again is known (200).
        """
        body = self.shape(shapes.NewProposalsSerializer)
        asset = self.one_of(Asset.objects.visible_to(self.user), body.pop("asset"), "asset")
        line = line_of(asset, body.pop("line", None))
        visible = Finding.objects.visible_to(self.user).filter(line=line)
        findings = self.all_of(visible, body.pop("findings", ()), "findings")
        data = body.pop("text").encode()
        taken = take_in_proposals(
            asset=asset, line=line, data=data, findings=findings, by=self.user, at=timezone.now(),
            **body,
        )  # fmt: skip
        return self.answer(self._told(taken), shapes.TakenInSerializer, 201 if taken.new else 200)

    def _told(self, taken: Taken) -> dict[str, Any]:
        ids = [proposal.pk for proposal in taken.proposals]
        left = [{"where": where, "why": why} for where, why in taken.left]
        return {
            "format": taken.format,
            "new": taken.new,
            "proposals": list(self.get_queryset().filter(pk__in=ids).order_by("pk")),
            "left_out": left,
        }

    @extend_schema(
        summary="Take it as a fix",
        request=shapes.TakeSerializer,
        responses={201: RemediationDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def take(self, request: Request, pk: str) -> Response:
        """Say which fix the proposal became: one that is known, or a commit, which is proposed so.

        What told who made the proposal is kept as signs of who wrote the fix.
        """
        proposal, body = self.get_object(), self.shape(shapes.TakeSerializer)
        if "remediation" in body:
            fixes = Remediation.objects.visible_to(self.user)
            body["remediation"] = self.one_of(fixes, body["remediation"], "remediation")
        if "findings" in body:
            visible = Finding.objects.visible_to(self.user)
            body["findings"] = self.all_of(visible, body["findings"], "findings")
        fix = take_proposal(proposal=proposal, by=self.user, at=timezone.now(), **body)
        shown = Remediation.objects.visible_to(self.user).get(pk=fix.pk)
        return self.answer(shown, RemediationDetailSerializer, 201)

    @extend_schema(
        summary="Decline", request=shapes.DeclineSerializer, responses=shapes.ProposalSerializer
    )
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: str) -> Response:
        """Decline a proposal, with the reason. Its findings stand where they stand."""
        proposal, body = self.get_object(), self.shape(shapes.DeclineSerializer)
        decline_proposal(proposal=proposal, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.ProposalSerializer)

    @extend_schema(
        summary="Download the patch",
        responses={(200, kind): OpenApiTypes.BINARY for kind in (PATCH, REPLACEMENTS)},
    )
    @action(detail=True, methods=["get"], url_path="patch")
    def download_patch(self, request: Request, pk: str) -> HttpResponse:
        """Download the change: a diff for `git apply`, or replacements where no file was told."""
        return download(*patch_file(self.get_object()))
