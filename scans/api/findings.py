"""Moving and proving findings: the doors that need evidence from scans."""

from typing import Any

from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api import FindingViewSet
from findings.lifecycle import available
from findings.models import Finding
from findings.serializers import (
    AvailableTransitionSerializer,
    BulkTransitionSerializer,
    FindingDetailSerializer,
    TransitionSerializer,
)
from scans import serializers as shapes
from scans.api.certificates import ENVELOPE, FORMAT, certificate_of
from scans.models import Clearance
from scans.services.doors import newest_verification
from scans.services.moves import Answer, move, move_many
from scans.services.verification import failing_checks


class ProvableFindingViewSet(FindingViewSet):
    """Weaknesses, each on one line of one asset, followed over time until their end is proven."""

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
        summary="Closure certificate",
        parameters=[FORMAT],
        responses={
            (200, "application/vnd.dsse+json"): ENVELOPE,
            (200, "application/zip"): OpenApiTypes.BINARY,
        },
    )
    @action(detail=True, methods=["get"], extra_parameters=("format",))
    def certificate(self, request: Request, pk: str) -> HttpResponse:
        """Download the signed certificate under which the finding is complete (404: it is not)."""
        finding = self.get_object()
        clearance = Clearance.objects.filter(finding=finding, live=True).first()
        if clearance is None:
            raise Http404
        return certificate_of(clearance, request)
