"""Assets with the evidence that reaches them: the door that needs scans."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from scans import evidence_serializers as shapes
from scans.services.rehearsal import rehearse
from scans.services.unknowns import causes_of, weeks_of
from scopes.api.scopes import AssetViewSet
from scopes.models import Asset


class EvidencedAssetViewSet(AssetViewSet):
    """Things in a scope that can have findings; repositories first."""

    queryset = Asset.objects.select_related("scope__policy").prefetch_related("lines")

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
