"""Doors to the links between assets."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from scopes import scoping_serializers as shapes
from scopes.filters import AssetLinkFilter
from scopes.models import Asset, AssetLink
from scopes.services.links import link_assets, unlink_assets


@extend_schema_view(
    list=extend_schema(
        summary="List links of assets",
        description="How assets hang together, in the scopes that you may read.",
    ),
    retrieve=extend_schema(summary="One link", description="Which asset hangs on which, and how."),
)
class AssetLinkViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """A service is built from repositories, runs on hosts, …"""

    queryset = AssetLink.objects.select_related("target")
    serializer_class = shapes.AssetLinkSerializer
    filterset_class = AssetLinkFilter

    @extend_schema(
        summary="Link two assets",
        request=shapes.NewAssetLinkSerializer,
        responses={200: shapes.AssetLinkSerializer, 201: shapes.AssetLinkSerializer},
    )
    def create(self, request: Request) -> Response:
        """Say that an asset is built from, runs on … another of its scope. For administrators of it."""
        body = self.shape(shapes.NewAssetLinkSerializer)
        visible = Asset.objects.visible_to(self.user)
        asset = self.one_of(visible, body["asset"], "asset")
        target = self.one_of(visible.filter(scope=asset.scope_id), body["target"], "target")
        link, is_new = link_assets(
            asset=asset, kind=body["kind"], target=target, by=self.user, at=timezone.now()
        )
        return self.answer(link, shapes.AssetLinkSerializer, 201 if is_new else 200)

    @extend_schema(summary="Take a link away", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Say that the assets do not hang together any more. For administrators of the scope."""
        unlink_assets(link=self.get_object(), by=self.user, at=timezone.now())
        return Response(status=204)
