"""Assets with the evidence that reaches them: the door that needs scans."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from findings.mobilizing_serializers import SuggestedSerializer
from findings.services.owning import take_code_owners
from findings.suggesting import suggest_for_asset
from scans import evidence_serializers as shapes
from scans.api.moving_in import MovingInActions
from scans.scoping_serializers import CoverageSerializer
from scans.services.attested import check_may_upload
from scans.services.coverage import coverage_of
from scans.services.rehearsal import rehearse
from scans.services.unknowns import causes_of, weeks_of
from scopes.api.scopes import AssetViewSet
from scopes.models import Asset, CodeOwners, Scope
from scopes.scoping_serializers import CodeOwnersSerializer, NewCodeOwnersSerializer


class EvidencedAssetViewSet(MovingInActions, AssetViewSet):
    """Things in a scope that can have findings; repositories first."""

    queryset = Asset.objects.select_related("scope__policy").prefetch_related("lines")

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return [Scope.objects.filter(pk=row.scope_id)]  # what moves in waits there first

    @extend_schema(
        summary="What could be closed together",
        responses=SuggestedSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def suggestions(self, request: Request, pk: str) -> Response:
        """Answer what one fix could close, and what is likely one weakness, among the most urgent open findings."""
        return self.answer(suggest_for_asset(self.get_object()), SuggestedSerializer)

    @extend_schema(
        summary="What evidence is worth here",
        responses=shapes.AssetEvidenceSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def evidence(self, request: Request, pk: str) -> Response:
        """Answer what facts arrive, what the gate would still lack for a perfect fix, and how often it did.

        The gate is asked with the newest full scan of each tool, one finding taken out, as if it had
        been fixed, reviewed by two and merged now. Nothing is stored.
        """
        asset, now = self.get_object(), timezone.now()
        weeks = weeks_of([asset], at=now)
        answer = {
            "setups": rehearse(asset, at=now), "weeks": weeks, "causes": causes_of(weeks),
        }  # fmt: skip
        return self.answer(answer, shapes.AssetEvidenceSerializer)

    @extend_schema(summary="Coverage of an asset", responses=CoverageSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def coverage(self, request: Request, pk: str) -> Response:
        """Answer which classes of tools looked at which line and commit when, and what is missing."""
        (told,) = coverage_of([self.get_object()], at=timezone.now())
        return self.answer(told, CoverageSerializer)

    @extend_schema(
        summary="List versions of CODEOWNERS",
        responses=CodeOwnersSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="code-owners")
    def code_owners(self, request: Request, pk: str) -> Response:
        """List the versions of the asset's CODEOWNERS file, newest first: that one counts."""
        rows = CodeOwners.objects.filter(asset=self.get_object()).select_related("by")
        return self.pages(rows.defer("text"), CodeOwnersSerializer)

    @extend_schema(
        summary="Tell the code owners",
        request=NewCodeOwnersSerializer,
        responses={200: CodeOwnersSerializer, 201: CodeOwnersSerializer},
    )
    @code_owners.mapping.post
    def take_code_owners(self, request: Request, pk: str) -> Response:
        """Keep the asset's CODEOWNERS file, and set the owners of its open findings by it.

        The same text again changes nothing (200). Lines that cannot be used are told in `problems`.
        """
        asset, body = self.get_object(), self.shape(NewCodeOwnersSerializer)
        check_may_upload(self.user, asset)
        row, is_new = take_code_owners(asset=asset, by=self.user, at=timezone.now(), **body)
        return self.answer(row, CodeOwnersSerializer, 201 if is_new else 200)
