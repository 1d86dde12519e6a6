"""The door through which lists of assets come."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet, BoundedFormParser, StrictJsonParser
from core.permissions import Permission
from scopes import scoping_serializers as shapes
from scopes.access import check_may
from scopes.asset_files import check_size
from scopes.services.importing import import_assets


class AssetFileActions(ApiViewSet):
    """What scopes do with lists of assets."""

    @extend_schema(
        summary="Import assets",
        request={
            "multipart/form-data": shapes.AssetFileFormSerializer,
            "application/json": shapes.AssetFileSerializer,
        },
        responses=shapes.AssetImportSerializer,
        filters=False,
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="import-assets",
        parser_classes=[StrictJsonParser, BoundedFormParser],
        pagination_class=None,
    )
    def import_assets(self, request: Request, pk: str) -> Response:
        """Create and change assets as a list tells: CSV, or repositories as GitHub or GitLab list them.

        All of them or, if one cannot be used, none (400, with the lines); `dry_run` answers what would
        be. The same list again changes nothing. For administrators of the scope.
        """
        scope = self.get_object()
        check_may(self.user, Permission.ADMINISTER, scope.pk)  # before a long list is read
        data, body = self._file()
        outcome = import_assets(
            scope=scope, data=data, by=self.user, at=timezone.now(),
            file_format=body.get("format", ""), dry_run=body["dry_run"],
        )  # fmt: skip
        if outcome.refused and not body["dry_run"]:
            said = [f"{one.where}: {one.sentence}" for one in outcome.refusals]
            raise ValidationError(
                {"file": [*said, f"{outcome.refused} refused; nothing was written."]}
            )
        return self.answer(outcome, shapes.AssetImportSerializer)

    def _file(self) -> tuple[bytes, dict[str, Any]]:
        if (self.request.content_type or "").startswith("multipart/"):
            body = self.shape(shapes.AssetFileFormSerializer)
            check_size(body["file"].size)
            return body["file"].read(), body
        body = self.shape(shapes.AssetFileSerializer)
        return body["text"].encode(), body
