"""Moving and proving findings: the doors that need evidence from scans."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.findings import FindingViewSet
from findings.lifecycle import available
from findings.models import Finding
from findings.serializers import (
    AvailableTransitionSerializer,
    BulkTransitionSerializer,
    FindingDetailSerializer,
    TransitionSerializer,
)
from remediations.evidence_serializers import (
    NewSecretRevocationSerializer,
    SecretRevocationSerializer,
)
from remediations.models import Remediation, RemediationFinding
from remediations.services import rows_locked_with
from remediations.statuses import RemediationState
from scans import serializers as shapes
from scans.api.certificates import FORMAT, RESPONSES, certificate_of, form_of
from scans.api.evidence import REVOCATIONS
from scans.attempt_serializers import FindingAttemptsSerializer
from scans.attempts import attempts_on
from scans.models import Clearance
from scans.services.doors import newest_verification
from scans.services.moves import Answer, move, move_many
from scans.services.secrets import record_revocation
from scans.services.verification import failing_checks


class ProvableFindingViewSet(FindingViewSet):
    """Weaknesses, each on one line of one asset, followed over time until their end is proven."""

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        links = RemediationFinding.objects.filter(finding=row).values("remediation")
        fixes = Remediation.objects.exclude(state=RemediationState.WITHDRAWN)
        return rows_locked_with(fixes.filter(pk__in=links))

    @extend_schema(
        summary="List transitions",
        responses=AvailableTransitionSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def transitions(self, request: Request, pk: str) -> Response:
        """List what is possible now and, where it is not, why; with the checks that are open."""
        finding = self.get_object()
        answers: list[dict[str, Any]] = available(finding, self.user, timezone.now())
        judged = newest_verification(finding)
        for answer in answers:
            if answer["name"] == "complete" and judged is not None:
                answer["checks"] = failing_checks(judged.judgement)
        return Response(AvailableTransitionSerializer(answers, many=True).data)

    @extend_schema(
        summary="Perform a transition",
        request=TransitionSerializer,
        responses=FindingDetailSerializer,
    )
    @transitions.mapping.post
    def move(self, request: Request, pk: str) -> Response:
        """Perform a transition by name, with what it needs.

        `complete` asks the gate: it judges what is stored now and completes the finding only if
        that passes; otherwise 409 with the failing checks. There is no way around it.
        """
        finding, body = self.get_object(), self.shape(TransitionSerializer)
        name = body.pop("name")
        move(finding=finding, name=name, by=self.user, at=timezone.now(), brought=body)
        return self.answer(self.get_object(), FindingDetailSerializer)

    @extend_schema(
        summary="Move many findings",
        request=BulkTransitionSerializer,
        responses=shapes.BulkAnswersSerializer,
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="bulk-transitions", pagination_class=None)
    def bulk_transitions(self, request: Request) -> Response:
        """Perform one transition for up to 1,000 findings (`complete`: 50), each on its own.

        The answer says for each what became of it; with `dry_run`, what would.
        """
        body = self.shape(BulkTransitionSerializer)
        ids, name = list(dict.fromkeys(body.pop("findings"))), body.pop("name")
        dry_run = body.pop("dry_run", False)
        found = Finding.objects.visible_to(self.user).in_bulk(ids)
        answers = {
            answer.finding: answer
            for answer in move_many(
                findings=[found[pk] for pk in ids if pk in found], name=name, by=self.user,
                at=timezone.now(), brought=body, dry_run=dry_run,
            )
        }  # fmt: skip
        rows = [self._row(pk, answers.get(pk)) for pk in ids]
        done = sum(row["done"] for row in rows)
        said = {"dry_run": dry_run, "done": done, "refused": len(rows) - done, "answers": rows}
        return Response(shapes.BulkAnswersSerializer(said).data)

    def _row(self, pk: int, answer: Answer | None) -> dict[str, Any]:
        """One answer; a finding that is not visible answers as one that is not there."""
        refusal = Http404() if answer is None else answer.refusal
        return {
            "finding": pk,
            "done": refusal is None,
            "status": answer.status if answer else None,
            "problem": self.problem_of(refusal) if refusal else None,
        }

    def problem_of(self, error: Exception) -> Any:
        """Return the body that the error alone would be answered with."""
        response = self.get_exception_handler()(error, self.get_exception_handler_context())
        return response.data if response is not None else None

    @extend_schema(
        summary="List revocations of a secret",
        responses=SecretRevocationSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def revocations(self, request: Request, pk: str) -> Response:
        """List what was said of whether the finding's secret was revoked."""
        rows = REVOCATIONS.filter(finding=self.get_object())
        return self.pages(rows, SecretRevocationSerializer)

    @extend_schema(
        summary="Tell of a revocation",
        request=NewSecretRevocationSerializer,
        responses={201: SecretRevocationSerializer},
    )
    @revocations.mapping.post
    def tell_revocation(self, request: Request, pk: str) -> Response:
        """Tell whether the finding's secret still opens anything; its fixes are judged anew.

        A person's word is `declared`, a service account's `fetched`; never of who made a fix of it.
        """
        finding, body = self.get_object(), self.shape(NewSecretRevocationSerializer)
        row = record_revocation(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, SecretRevocationSerializer, 201)

    @extend_schema(
        summary="Attempts to fix it",
        responses=FindingAttemptsSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def attempts(self, request: Request, pk: str) -> Response:
        """Answer how often somebody tried to fix the finding, and how each attempt ended."""
        return self.answer(attempts_on(self.get_object()), FindingAttemptsSerializer)

    @extend_schema(
        summary="Closure certificate",
        parameters=[FORMAT],
        responses=RESPONSES,
    )
    @action(detail=True, methods=["get"], extra_parameters=("format",))
    def certificate(self, request: Request, pk: str) -> HttpResponse:
        """Download the signed certificate under which the finding is complete (404: it is not).

        With `format=revocation`: the statement that took its last certificate back.
        """
        finding, form = self.get_object(), form_of(request)
        rows = Clearance.objects.filter(finding=finding).order_by("-live", "-pk")
        clearance = rows.first()
        if clearance is None or (not clearance.live and form != "revocation"):
            raise Http404
        return certificate_of(clearance, form)
