"""Doors to scans and tools: upload, order, look, download."""

import io
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_view,
)
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from core.api import ApiViewSet, BoundedFormParser, StrictJsonParser, download
from findings.models import Tally
from remediations.models import Remediation
from scans import serializers as shapes
from scans.api.waiting import LOCATION, PREFER, check_readable, seconds_to_wait, wait_for
from scans.filters import ScanFilter, ToolFilter
from scans.models import Scan, Tool
from scans.scoping_serializers import InboxReportSerializer
from scans.services.cancel import cancel_scan
from scans.services.handouts import REPORT_KINDS, report_of
from scans.services.inbox import keep_report
from scans.services.uploads import blocks_of, inflated, order_scan, upload_scan
from scopes.models import Asset, Line, LineKind, Scope
from scopes.services.links import find_asset


def line_of(asset: Asset, name: str | None) -> Line:
    """Return the line of this name, or the default one. Raises ValidationError."""
    wanted = asset.lines.filter(name=name) if name else asset.lines.filter(kind=LineKind.DEFAULT)
    line = wanted.first()
    if line is None:
        raise ValidationError({"line": ["Not found."]})
    return line


def location_of(scan: Scan, request: Request) -> str:
    return reverse("api:scan-detail", [scan.pk], request=request)


@extend_schema_view(
    list=extend_schema(
        summary="List tools", description="Scanners that reported in the scopes that you may read."
    ),
    retrieve=extend_schema(summary="One tool", description="A scanner with its class."),
)
class ToolViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Scanners with their classes."""

    queryset = Tool.objects.all()
    serializer_class = shapes.ToolSerializer
    filterset_class = ToolFilter

    def get_queryset(self) -> QuerySet[Tool]:
        """Tools are shared rows: only those that the user can know from scans or findings."""
        user = self.user
        return Tool.objects.filter(
            Q(name__in=Scan.objects.visible_to(user).values("tool"))
            | Q(name__in=Tally.objects.visible_to(user).values("tool"))
        )


@extend_schema_view(
    list=extend_schema(summary="List scans", description="Scans in the scopes that you may read."),
    retrieve=extend_schema(
        summary="One scan", description="State, progress, counts, and what was wrong with it."
    ),
)
class ScanViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Runs of tools on revisions, with their raw files."""

    queryset = Scan.objects.select_related("created_by")
    filterset_class = ScanFilter
    parser_classes = (StrictJsonParser, BoundedFormParser)

    def get_serializer_class(self) -> Any:
        return shapes.ScanSerializer if self.action == "list" else shapes.ScanDetailSerializer

    @extend_schema(
        summary="Upload a scan",
        parameters=[PREFER, LOCATION],
        request={
            "multipart/form-data": shapes.UploadFormSerializer,
            "application/json": shapes.UploadSerializer,
        },
        responses={
            200: OpenApiResponse(
                shapes.ScanDetailSerializer, "The same bytes, facts and target: the first scan."
            ),
            201: OpenApiResponse(shapes.ScanDetailSerializer, "Read while you waited."),
            202: OpenApiResponse(
                PolymorphicProxySerializer(
                    "ReceivedReport",
                    [shapes.ScanDetailSerializer, InboxReportSerializer],
                    resource_type_field_name=None,
                ),
                "Stored; it is being read. Or kept in the inbox: its asset is not there.",
            ),
        },
    )
    def create(self, request: Request) -> Response:
        """Store a report with its facts; it is read in the background.

        Read are SARIF 2.1.0, CycloneDX, security reports of GitLab, code scanning alerts of GitHub, the JSON of
        OSV-Scanner, Trivy, Grype, Semgrep, Bandit and Nuclei, and CSV: which of them it is, its content tells.

        A report that cannot be used answers 400 with the place where you waited for it; otherwise
        the scan ends as `failed` with the same words in `error`.

        Where `scope` and a name or repository are given instead of `asset`, and there is no such asset,
        the report is kept whole in the inbox (202, with its place there) until somebody says whose it is.
        """
        data, body = self._report()
        target = self._target(body)
        if isinstance(target, Scope):
            return self._keep(target, data, body)
        scan, new = upload_scan(
            data=data, by=self.user, at=timezone.now(), facts=body.get("facts", {}), **target
        )
        seconds = seconds_to_wait(request)
        (scan,) = wait_for([scan], seconds)
        if seconds:
            check_readable([scan])
        status = (201 if scan.is_over else 202) if new else 200
        applied = {"Preference_Applied": f"wait={seconds}"} if seconds else {}
        return self.answer(
            scan,
            shapes.ScanDetailSerializer,
            status,
            Location=location_of(scan, request),
            **applied,
        )

    def _report(self) -> tuple[Iterable[bytes], dict[str, Any]]:
        """Return the report block by block and the rest of the body, from either form of it."""
        if (self.request.content_type or "").startswith("multipart/"):
            body = self.shape(shapes.UploadFormSerializer)
            return blocks_of(body.pop("file")), body
        body = self.shape(shapes.UploadSerializer)
        packed = io.BytesIO(body.pop("sarif_gzip_base64"))
        return inflated(packed, settings.MAX_REPORT_BYTES, "sarif_gzip_base64"), body

    def _keep(self, scope: Scope, data: Iterable[bytes], body: dict[str, Any]) -> Response:
        """Keep a report of an asset that the scope does not have."""
        told = {name: body.get(name, "") for name in ("asset_name", "repository", "line")}
        report, _ = keep_report(
            scope=scope,
            data=data,
            facts=body.get("facts", {}),
            by=self.user,
            at=timezone.now(),
            **told,
        )
        place = reverse("api:inbox-detail", [report.pk], request=self.request)
        return self.answer(report, InboxReportSerializer, 202, Location=place)

    def _target(self, body: dict[str, Any]) -> dict[str, Any] | Scope:
        """Look up what the scan is of, among what the user may see; the scope that lacks its asset."""
        user = self.user
        if "asset" in body:
            asset = self.one_of(Asset.objects.visible_to(user), body["asset"], "asset")
        else:
            scope: Scope = self.one_of(Scope.objects.visible_to(user), body["scope"], "scope")
            asset = find_asset(
                scope, name=body.get("asset_name", ""), repository=body.get("repository", "")
            )
            if asset is None and "remediation" not in body:
                return scope
            if asset is None:
                raise ValidationError({"asset_name": ["A fix is of an asset that is there."]})
        is_line = (
            "line" in body or "asset" not in body
        )  # by name: the default line, as in the inbox
        if "remediation" not in body and is_line:
            return {"asset": asset, "line": line_of(asset, body.get("line"))}
        if "remediation" not in body or "line" in body:
            raise ValidationError({"line": ["Give either line or remediation."]})
        fix = self.one_of(Remediation.objects.visible_to(user), body["remediation"], "remediation")
        return {"asset": asset, "remediation": fix, "control": body["control"]}

    @extend_schema(
        summary="Order a scan",
        parameters=[LOCATION],
        request=shapes.ScanOrderSerializer,
        responses={202: shapes.ScanDetailSerializer},
    )
    @action(detail=False, methods=["post"])
    def order(self, request: Request) -> Response:
        """Have our own runner scan one commit of a line; its facts will be measured."""
        body = self.shape(shapes.ScanOrderSerializer)
        asset = self.one_of(Asset.objects.visible_to(self.user), body["asset"], "asset")
        scan, _ = order_scan(
            asset=asset, line=line_of(asset, body.get("line")), recipe=body["recipe"],
            commit=body["commit"], by=self.user, at=timezone.now(),
        )  # fmt: skip
        return self.answer(
            scan, shapes.ScanDetailSerializer, 202, Location=location_of(scan, request)
        )

    @extend_schema(summary="Cancel a scan", request=None, responses=shapes.ScanDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """End a scan, ordered or uploaded: one that waits at once, one that runs or is read within seconds."""
        scan = cancel_scan(scan=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(scan, shapes.ScanDetailSerializer)

    @extend_schema(
        summary="Download a report",
        responses={
            (200, kind): OpenApiTypes.ANY if kind.endswith("json") else OpenApiTypes.BINARY
            for kind in REPORT_KINDS
        },
    )
    @action(detail=True, methods=["get"])
    def raw(self, request: Request, pk: str) -> HttpResponse:
        """Download the report byte for byte, as an attachment."""
        scan = self.get_object()
        if scan.raw_id is None:
            raise Http404
        report = report_of(scan)
        return download(report.data, report.kind, f"scan-{scan.pk}.{report.ending}")
