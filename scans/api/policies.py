"""Scopes with what another policy would have decided: the door that needs evidence from scans."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from scans import policy_serializers as shapes
from scans.services.policies import dry_run
from scopes.api.scopes import ScopeViewSet


class JudgedScopeViewSet(ScopeViewSet):
    """Business services or programmes that are protected, each judged by a policy."""

    @extend_schema(
        summary="Try a policy on past closures",
        request=shapes.DryRunRequestSerializer,
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
        scope, body = self.get_object(), self.shape(shapes.DryRunRequestSerializer)
        answer = dry_run(scope=scope, toml=body["toml"].encode(), last=body["last"], by=self.user)
        return self.answer(answer, shapes.DryRunSerializer)
