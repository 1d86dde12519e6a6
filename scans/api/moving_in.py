"""The doors through which findings move in from other trackers, and closures as history."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet, BoundedFormParser, StrictJsonParser
from core.errors import TooLarge
from core.permissions import Permission
from scans import moving_serializers as shapes
from scans.history import HistorySource
from scans.services.history import Files, import_history
from scans.services.moving_in import MOST_BY_DOOR, line_named, move_in
from scopes.access import check_may
from scopes.models import Asset

FORM = (StrictJsonParser, BoundedFormParser)


class MovingInActions(ApiViewSet):
    """What assets do with exports of other trackers."""

    @extend_schema(
        summary="Move in",
        request={
            "multipart/form-data": shapes.MoveInFormSerializer,
            "application/json": shapes.MoveInSerializer,
        },
        responses=shapes.MovedInSerializer,
        filters=False,
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="move-in",
        parser_classes=FORM,
        pagination_class=None,
    )
    def move_in(self, request: Request, pk: str) -> Response:
        """Take over open findings of another tracker with dates, notes, keys and decisions.

        Decisions become requests that a second person confirms here; what is closed there becomes
        history. All of the file or nothing; the same file again changes nothing. At most 20,000 rows:
        `manage.py move_in` has no such limit. For administrators of the scope.
        """
        asset = self.get_object()
        check_may(self.user, Permission.ADMINISTER, asset.scope_id)  # before a long file is read
        body = self.shape(
            shapes.MoveInFormSerializer if _is_form(self) else shapes.MoveInSerializer
        )
        content = _file(self, body)
        told = move_in(
            line=line_named(asset, body["line"]), source=HistorySource(body["source"]),
            name="file", content=content, by=self.user, at=timezone.now(),
            columns=_columns(body), tool=body["tool"], category=body["category"],
            dry_run=body["dry_run"], most_rows=MOST_BY_DOOR,
        )  # fmt: skip
        return self.answer(told, shapes.MovedInSerializer)


class HistoryActions(ApiViewSet):
    """What scopes do with closures from elsewhere."""

    @extend_schema(
        summary="Import history",
        request={
            "multipart/form-data": shapes.HistoryFormSerializer,
            "application/json": shapes.HistorySerializer,
        },
        responses=shapes.ImportedSerializer,
        filters=False,
    )
    @action(
        detail=True, methods=["post"], url_path="import-history", parser_classes=FORM,
        pagination_class=None,
    )  # fmt: skip
    def import_history(self, request: Request, pk: str) -> Response:
        """Keep what was closed elsewhere, for the question whether the fix was scanned before it merged.

        Never a finding, never complete, counted apart. All of the file or nothing; the same file again
        changes nothing. For administrators of the scope.
        """
        scope = self.get_object()
        body = self.shape(
            shapes.HistoryFormSerializer if _is_form(self) else shapes.HistorySerializer
        )
        asset = None
        if "asset" in body:
            rows = Asset.objects.visible_to(self.user).filter(scope=scope)
            asset = self.one_of(rows, body["asset"], "asset")
        check_may(self.user, Permission.ADMINISTER, scope.pk)  # before long files are read
        content = _file(self, body)
        more = {
            name: _content(body[name], name) for name in ("pulls", "analyses") if body.get(name)
        }
        files = Files(("file", content), **{name: (name, data) for name, data in more.items()})
        told = import_history(
            scope=scope, source=HistorySource(body["source"]), files=files, by=self.user,
            at=timezone.now(), asset=asset, columns=_columns(body), tool=body["tool"],
            dry_run=body["dry_run"],
        )  # fmt: skip
        return self.answer(told, shapes.ImportedSerializer)


def _is_form(view: ApiViewSet) -> bool:
    return (view.request.content_type or "").startswith("multipart/")


def _file(view: ApiViewSet, body: dict[str, Any]) -> bytes:
    return _content(body.pop("file" if _is_form(view) else "text"), "file")


def _content(given: UploadedFile | str, name: str) -> bytes:
    if isinstance(given, str):
        return given.encode()
    if (given.size or 0) > shapes.MAX_BYTES:
        raise TooLarge(name, f"larger than is read here ({given.size} > {shapes.MAX_BYTES} bytes): "
                             "use the command")  # fmt: skip
    return bytes(given.read())


def _columns(body: dict[str, Any]) -> dict[str, str]:
    told = body["columns"]
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise ValidationError({"columns": ["Must be an object of texts."]})
    return told
