"""The pipeline's door: one call that creates what is missing, waits, and answers the judgement."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from findings.models import Finding
from remediations.models import Remediation
from scans import serializers as shapes
from scans.api.scans import line_of
from scans.api.waiting import PREFER, check_readable, seconds_to_wait, wait_for
from scans.models import Scan, Verification
from scans.services.attested import check_may_upload
from scans.services.doors import judge_fix
from scans.services.gate_step import judge_what_is_new, propose_or_reuse, worst
from scans.services.uploads import inflate, upload_scan
from scans.statuses import Role, Verdict
from scopes.models import Asset

WAIT_SECONDS = 30


class GateViewSet(ApiViewSet):
    """The gate as one step of a pipeline."""

    queryset = Finding.objects.all()

    @extend_schema(
        summary="Judge a fix in one step",
        parameters=[PREFER],
        request=shapes.GateSerializer,
        responses={
            200: shapes.GateAnswerSerializer,
            202: OpenApiResponse(
                shapes.GateAnswerSerializer,
                "Not all scans are read yet; ask again with the same body.",
            ),
        },
        filters=False,
    )
    def create(self, request: Request) -> Response:
        """Propose the fix, or find it again; take its scans in; answer the judgement per finding.

        The same body again changes nothing. Without findings it answers what the fix brought in.
        A report that cannot be used answers 400 with the place. Waits 30 seconds unless `Prefer`
        says otherwise.
        """
        body = self.shape(shapes.GateSerializer)
        asset = self.one_of(Asset.objects.visible_to(self.user), body["asset"], "asset")
        check_may_upload(self.user, asset)
        line = line_of(asset, body.get("line"))
        visible = Finding.objects.visible_to(self.user)
        findings = self.all_of(visible, body["findings"], "findings")
        given = [self._read(number, told, asset) for number, told in enumerate(body["scans"])]
        fix = propose_or_reuse(
            asset=asset, line=line, findings=findings, by=self.user, at=timezone.now(),
            **body["fix"],
        )  # fmt: skip
        scans = [self._take(told, fix) for told in given]
        scans = wait_for(scans, seconds_to_wait(request, WAIT_SECONDS))
        check_readable(scans)
        if all(scan.is_over for scan in scans):
            judge_fix(remediation=fix, by=self.user, at=timezone.now())
        roles = [told["role"] for told in given]
        return self._answer(fix, findings, list(zip(roles, scans, strict=True)))

    def _read(self, number: int, told: dict[str, Any], asset: Asset) -> dict[str, Any]:
        """Unpack or look up one scan of the body before anything is written."""
        where = f"scans[{number}]"
        if "id" in told:
            rows = Scan.objects.visible_to(self.user).filter(asset=asset)
            return {**told, "scan": self.one_of(rows, told["id"], f"{where}.id")}
        packed = told["sarif_gzip_base64"]
        data = inflate(packed, settings.MAX_REPORT_BYTES, f"{where}.sarif_gzip_base64")
        return {**told, "data": data}

    def _take(self, told: dict[str, Any], fix: Remediation) -> Scan:
        """Store one scan in its role, unless it is here already."""
        if "scan" in told:
            return told["scan"]
        scan, _ = upload_scan(
            asset=fix.asset, remediation=fix, control=told["role"] != Role.AFTER,
            data=told["data"], facts=told.get("facts", {}), by=self.user, at=timezone.now(),
        )  # fmt: skip
        return scan

    def _answer(
        self, fix: Remediation, findings: Sequence[Finding], scans: list[tuple[str, Scan]]
    ) -> Response:
        pending = not all(scan.is_over for _, scan in scans)
        judgements = _judgements(fix, findings)
        verdicts = [row["judgement"]["verdict"] for row in judgements]
        lamps = {
            lamp: worst([row["judgement"]["lamps"][lamp] for row in judgements])
            for lamp in ("safe", "right")
        }
        fix.refresh_from_db()
        answer = {
            "verdict": Verdict.UNKNOWN.value if pending else worst(verdicts),
            "lamps": lamps,
            "pending": pending,
            "remediation": fix,
            "scans": [
                {"id": scan.pk, "role": role, "state": scan.state, "error": scan.error}
                for role, scan in scans
            ],
            "judgements": judgements,
        }
        return Response(shapes.GateAnswerSerializer(answer).data, status=202 if pending else 200)


def _judgements(fix: Remediation, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The current judgement of each finding; of those that the fix addresses if none was named."""
    rows = Verification.objects.current().filter(remediation=fix).order_by("finding_id")
    if findings:
        rows = rows.filter(finding__in=findings)
    elif not fix.addressed.exists():
        new = judge_what_is_new(fix, at=timezone.now())
        return [{"finding": None, "verification": None, "judgement": new}]
    return [
        {"finding": row.finding_id, "verification": row.pk, "judgement": row.judgement}
        for row in rows
    ]
