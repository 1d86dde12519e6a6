"""The door through which findings leave as a file."""

from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from core.api import ApiViewSet
from core.contract import FIELDS
from core.downloads import stream_out
from core.filters import PAGING
from findings.exports import FORMATS, KINDS, choose, file_of
from findings.services.exporting import record_export

FORMAT = OpenApiParameter("format", OpenApiTypes.STR, enum=FORMATS, description="Left out: `json`.")


class ExportActions(ApiViewSet):
    """Beside the list: all of it at once, as a file."""

    @extend_schema(
        summary="Export findings",
        parameters=[FORMAT],
        filters=True,
        responses={
            (200, KINDS["json"]): OpenApiTypes.OBJECT,
            (200, KINDS["csv"]): OpenApiTypes.STR,
            (200, KINDS["xlsx"]): OpenApiTypes.BINARY,
        },
    )
    @action(detail=False, methods=["get"], pagination_class=None, extra_parameters=("format",))
    def export(self, request: Request) -> StreamingHttpResponse:
        """Hand out all findings that the filters let through, as a file in their order.

        An event of each scope tells who exported how many by which filter. Texts are safe in
        spreadsheets: what could be a formula has an apostrophe before it in CSV, and is text in XLSX,
        which holds 1,048,575 findings (413 for more; CSV and JSON have no limit).
        """
        self.refuse_parameters(PAGING | {FIELDS})
        form = request.query_params.get("format", "json")
        if form not in FORMATS:
            raise ValidationError({"format": [f"Must be one of: {', '.join(FORMATS)}."]})
        rows: Any = self.filter_queryset(self.get_queryset().select_related(None))
        if not rows.query.order_by:
            rows = rows.order_by("-priority_score", "-pk")
        asked, at = request.query_params.copy(), timezone.now()
        asked.pop("format", None)
        words, chosen = asked.urlencode(), choose(rows, form)
        record_export(counts=chosen.by_scope, form=form, words=words, by=self.user, at=at)
        head = {"filter": words, "exported_at": at.isoformat()}
        name = f"findings-{at:%Y-%m-%d}.{form}"
        return stream_out(file_of(chosen, form, head), KINDS[form], name)
