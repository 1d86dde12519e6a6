"""Doors to fixes that are judged on the way: propose, push, review, merge, deploy, verify, withdraw."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from findings.models import Finding
from remediations import serializers as fixes
from remediations.api import RemediationViewSet
from remediations.evidence_serializers import NewProofSerializer, ProofSerializer
from remediations.models import Remediation
from remediations.services import record_deployment, withdraw_remediation
from scans import run_serializers as runs
from scans import serializers as shapes
from scans.api.evidence import PROOFS
from scans.api.judgements import with_roles
from scans.api.objections import DISPUTES, WAIVERS
from scans.api.scans import line_of, location_of
from scans.api.waiting import LOCATION
from scans.models import Verification
from scans.services.disputes import propose_dispute
from scans.services.doors import judge_fix, merge_fix, propose_fix, push_fix, review_fix
from scans.services.proofs import record_proof
from scans.services.uploads import order_scan
from scans.services.verify import verify_by, verify_now
from scans.services.waivers import give_waiver
from scopes.models import Asset

DETAIL = fixes.RemediationDetailSerializer


class JudgedRemediationViewSet(RemediationViewSet):
    """Proposed fixes, each judged whenever something about it changes."""

    def _now(self, fix: Remediation, status: int = 200) -> Response:
        """Answer the fix as it is now."""
        return self.answer(self.get_queryset().get(pk=fix.pk), DETAIL, status)

    @extend_schema(
        summary="Propose a fix",
        request=fixes.NewRemediationSerializer,
        responses={200: DETAIL, 201: DETAIL},
    )
    def create(self, request: Request) -> Response:
        """Record a fix and the open findings that it addresses; they start being mobilized.

        The same base and head again answer the first fix (200), with further findings linked.
        """
        body = self.shape(fixes.NewRemediationSerializer)
        asset = self.one_of(Asset.objects.visible_to(self.user), body.pop("asset"), "asset")
        line = line_of(asset, body.pop("line", None))
        visible = Finding.objects.visible_to(self.user)
        findings = self.all_of(visible, body.pop("findings"), "findings")
        at = timezone.now()
        fix = propose_fix(asset=asset, line=line, findings=findings, by=self.user, at=at, **body)
        return self._now(fix, 201 if fix.created_at == at else 200)

    @extend_schema(summary="Push a revision", request=fixes.PushSerializer, responses=DETAIL)
    @action(detail=True, methods=["post"])
    def push(self, request: Request, pk: str) -> Response:
        """Replace the revision of a fix that has not merged; older scans and reviews count no more."""
        fix, body = self.get_object(), self.shape(fixes.PushSerializer)
        return self._now(push_fix(remediation=fix, by=self.user, at=timezone.now(), **body))

    @extend_schema(
        summary="Review",
        request=fixes.NewReviewSerializer,
        responses={201: fixes.ReviewSerializer},
    )
    @RemediationViewSet.reviews.mapping.post
    def review(self, request: Request, pk: str) -> Response:
        """Approve, reject or comment on the newest revision. Nobody reviews their own fix."""
        fix, body = self.get_object(), self.shape(fixes.NewReviewSerializer)
        row = review_fix(remediation=fix, by=self.user, at=timezone.now(), **body)
        return self.answer(row, fixes.ReviewSerializer, 201)

    @extend_schema(
        summary="List waivers of a fix",
        responses=fixes.WaiverSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def waivers(self, request: Request, pk: str) -> Response:
        """List the checks that people set aside for the fix, of all its revisions."""
        return self.pages(WAIVERS.filter(remediation=self.get_object()), fixes.WaiverSerializer)

    @extend_schema(
        summary="Waive a check",
        request=fixes.NewWaiverSerializer,
        responses={201: fixes.WaiverSerializer},
    )
    @waivers.mapping.post
    def waive(self, request: Request, pk: str) -> Response:
        """Set a check that is in the way aside for the newest revision, until a day, with a reason.

        Never one of those that nobody can waive, and never by who made the fix.
        """
        fix, body = self.get_object(), self.shape(fixes.NewWaiverSerializer)
        body["finding"] = self._finding(body.get("finding"))
        row = give_waiver(remediation=fix, by=self.user, at=timezone.now(), **body)
        return self.answer(row, fixes.WaiverSerializer, 201)

    @extend_schema(
        summary="List disputes of a fix",
        responses=fixes.DisputeSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def disputes(self, request: Request, pk: str) -> Response:
        """List the disputes about judgements of the fix."""
        return self.pages(DISPUTES.filter(remediation=self.get_object()), fixes.DisputeSerializer)

    @extend_schema(
        summary="Dispute a pair or a cause",
        request=fixes.NewDisputeSerializer,
        responses={201: fixes.DisputeSerializer},
    )
    @disputes.mapping.post
    def dispute(self, request: Request, pk: str) -> Response:
        """Say that a result is not the finding, or new for another cause. A second person confirms."""
        fix, body = self.get_object(), self.shape(fixes.NewDisputeSerializer)
        body["finding"] = self._finding(body.get("finding"))
        row = propose_dispute(remediation=fix, by=self.user, at=timezone.now(), **body)
        return self.answer(row, fixes.DisputeSerializer, 201)

    @extend_schema(
        summary="List proofs of concept", responses=ProofSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def proofs(self, request: Request, pk: str) -> Response:
        """List what proofs of concept did on the fix, on all its revisions."""
        return self.pages(PROOFS.filter(remediation=self.get_object()), ProofSerializer)

    @extend_schema(
        summary="Tell of a proof of concept",
        request=NewProofSerializer,
        responses={201: ProofSerializer},
    )
    @proofs.mapping.post
    def tell_proof(self, request: Request, pk: str) -> Response:
        """Tell what a proof of concept that worked on the base does on the fix, which is judged anew.

        For findings of agentic scanners; never by who or what made the fix.
        """
        fix, body = self.get_object(), self.shape(NewProofSerializer)
        body["finding"] = self._finding(body["finding"])
        row = record_proof(remediation=fix, by=self.user, at=timezone.now(), **body)
        return self.answer(row, ProofSerializer, 201)

    def _finding(self, pk: int | None) -> Finding | None:
        visible = Finding.objects.visible_to(self.user)
        return None if pk is None else self.one_of(visible, pk, "finding")

    @extend_schema(summary="Tell of the merge", request=fixes.MergeSerializer, responses=DETAIL)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        """Tell that the fix merged: a claim for its findings, and proof where the gate passes."""
        fix, body = self.get_object(), self.shape(fixes.MergeSerializer)
        return self._now(merge_fix(remediation=fix, by=self.user, at=timezone.now(), **body))

    @extend_schema(
        summary="Tell of the deployment", request=fixes.DeploySerializer, responses=DETAIL
    )
    @action(detail=True, methods=["post"])
    def deploy(self, request: Request, pk: str) -> Response:
        """Tell when the merged fix was deployed."""
        fix, body = self.get_object(), self.shape(fixes.DeploySerializer)
        return self._now(
            record_deployment(remediation=fix, by=self.user, at=timezone.now(), **body)
        )

    @extend_schema(
        summary="Have it scanned",
        parameters=[LOCATION],
        request=runs.VerifySerializer,
        responses={202: runs.VerifyingSerializer},
    )
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, pk: str) -> Response:
        """Have our own runner scan the fix, what merged or else its head, and its base as control.

        By one recipe, or by all that fit its findings. 409 says why none can be ordered.
        """
        fix, body = self.get_object(), self.shape(runs.VerifySerializer)
        told: dict[str, Any] = {"remediation": fix, "by": self.user, "at": timezone.now()}
        if body["control"]:
            scan, _ = order_scan(
                asset=fix.asset, commit=fix.base_commit, recipe=body["recipe"], control=True, **told
            )
            scans = [scan]
        elif "recipe" in body:
            scans = verify_by(recipe=body["recipe"], **told)
        else:
            scans = verify_now(**told)
        first: Any = scans[0]
        first.ordered = scans
        return self.answer(
            first, runs.VerifyingSerializer, 202, Location=location_of(first, request)
        )

    @extend_schema(
        summary="Judge now",
        request=None,
        responses=shapes.VerificationSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def judge(self, request: Request, pk: str) -> Response:
        """Judge the fix with what is stored, and answer the current verification of each finding."""
        fix = self.get_object()
        judge_fix(remediation=fix, by=self.user, at=timezone.now())
        rows = Verification.objects.current().filter(remediation=fix).order_by("finding_id")
        shown = shapes.VerificationSerializer(with_roles(rows), many=True)
        return Response(shown.data)

    @extend_schema(summary="Withdraw", request=fixes.WithdrawSerializer, responses=DETAIL)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Tell that the fix will not merge."""
        fix, body = self.get_object(), self.shape(fixes.WithdrawSerializer)
        return self._now(
            withdraw_remediation(remediation=fix, by=self.user, at=timezone.now(), **body)
        )
