"""Scopes with what another policy would have decided: the door that needs evidence from scans."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.discovery import DecisionPolicyActions
from findings.api.priorities import WeightsActions
from findings.clock_serializers import SlaSerializer
from findings.services.clocks import Terms, set_sla
from scans import policy_serializers as shapes
from scans.api.moving_in import HistoryActions
from scans.services.policies import dry_run
from scopes.api.importing import AssetFileActions
from scopes.api.scopes import ScopeViewSet


class JudgedScopeViewSet(
    HistoryActions, AssetFileActions, DecisionPolicyActions, WeightsActions, ScopeViewSet
):
    """Business services or programmes that are protected, each judged by a policy."""

    @extend_schema(summary="The SLA", responses=SlaSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def sla(self, request: Request, pk: str) -> Response:
        """Answer by when findings of the scope have to be fixed, and which days count."""
        return self.answer(Terms.of(self.get_object()), SlaSerializer)

    @extend_schema(
        summary="Set the SLA", request=SlaSerializer, responses=SlaSerializer, filters=False
    )
    @sla.mapping.post
    def set_sla(self, request: Request, pk: str) -> Response:
        """Count by these days from now on, for what is open as well: due dates follow in a moment.

        For administrators of the scope.
        """
        terms = Terms(**self.shape(SlaSerializer))
        scope = set_sla(scope=self.get_object(), terms=terms, by=self.user, at=timezone.now())
        return self.answer(Terms.of(scope), SlaSerializer)

    @extend_schema(
        summary="Try a policy on past closures",
        request=shapes.TryPolicySerializer,
        responses=shapes.DryRunSerializer,
        filters=False,
    )
    @action(detail=True, methods=["post"], url_path="policies/dry-run", pagination_class=None)
    def dry_run(self, request: Request, pk: str) -> Response:
        """Answer what a policy would have decided on the last closures (20 unless `last`; at most 100).

        Their recorded evidence is judged again, as of the moment it was judged at; nothing is
        stored. No further closure is begun after 20 seconds (`left` counts those), and none with
        more than 64 MiB of evidence: `manage.py policy_replay` has no such limits. For
        administrators of the scope.
        """
        scope, body = self.get_object(), self.shape(shapes.TryPolicySerializer)
        answer = dry_run(scope=scope, toml=body["toml"].encode(), last=body["last"], by=self.user)
        return self.answer(answer, shapes.DryRunSerializer)
