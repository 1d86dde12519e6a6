"""Doors to rules of discovery, tags, decided severities, and who decides alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from findings import discovery_serializers as shapes
from findings.discovery_filters import RuleFilter, TagFilter
from findings.models import DiscoveryRule, Finding, ScopeDecisionPolicy, Tag
from findings.services.alone import set_decision_policy
from findings.services.rehearsing import rehearse
from findings.services.rules import apply_rule, approve_rule, end_rule, make_rule
from findings.services.severities import decide_severity
from findings.services.tagging import set_tags
from scopes.models import Scope


@extend_schema_view(
    list=extend_schema(
        summary="List rules of discovery",
        description="Rules of the scopes that you may read, ended ones too.",
    ),
    retrieve=extend_schema(summary="One rule of discovery"),
)
class DiscoveryRuleViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """What is done with findings as they are discovered. A rule never changes: its next version replaces it."""

    queryset = DiscoveryRule.objects.select_related("created_by", "approved_by", "ended_by")
    serializer_class = shapes.RuleSerializer
    filterset_class = RuleFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return [Scope.objects.filter(pk=row.scope_id)]

    def _rule(self, pk: int, where: str) -> DiscoveryRule:
        row: DiscoveryRule = self.one_of(DiscoveryRule.objects.visible_to(self.user), pk, where)
        return row

    def _scope(self, pk: int) -> Scope:
        row: Scope = self.one_of(Scope.objects.visible_to(self.user), pk, "scope")
        return row

    @extend_schema(
        summary="Make a rule",
        request=shapes.NewScopeRuleSerializer,
        responses={201: shapes.RuleSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a rule, which acts on findings that come from now on.

        One that sets findings aside waits for the approval of a second person.
        """
        body = self.shape(shapes.NewScopeRuleSerializer)
        scope, out_of = self._scope(body.pop("scope")), body.pop("out_of", None)
        mine = Finding.objects.visible_to(self.user).filter(scope=scope)
        finding = self.one_of(mine, out_of, "out_of") if out_of else None
        row = make_rule(scope=scope, out_of=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.RuleSerializer, 201)

    @extend_schema(
        summary="Try a rule",
        request=shapes.RehearseSerializer,
        responses=shapes.RehearsalSerializer,
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="dry-run", pagination_class=None)
    def dry_run(self, request: Request) -> Response:
        """Answer what a rule would have done to the newest findings of a scope. Nothing is written."""
        body = self.shape(shapes.RehearseSerializer)
        scope, replaces = self._scope(body.pop("scope")), body.pop("replaces", None)
        before = self._rule(replaces, "replaces") if replaces else None
        told = rehearse(scope=scope, replaces=before, by=self.user, at=timezone.now(), **body)
        return Response(shapes.RehearsalSerializer(told).data)

    @extend_schema(
        summary="Replace a rule",
        request=shapes.NewRuleSerializer,
        responses={201: shapes.RuleSerializer},
    )
    @action(detail=True, methods=["post"])
    def replace(self, request: Request, pk: str) -> Response:
        """Make the next version of a rule; this one ends when that one begins."""
        before = self.get_object()
        body = self.shape(shapes.NewRuleSerializer)
        scope = Scope.objects.get(pk=before.scope_id)
        row = make_rule(scope=scope, replaces=before, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.RuleSerializer, 201)

    @extend_schema(summary="Approve a rule", request=None, responses=shapes.RuleSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Let a rule that sets findings aside act from now on; never one's own request."""
        row = approve_rule(rule=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(row, shapes.RuleSerializer)

    @extend_schema(summary="Apply a rule", request=None, responses=shapes.AppliedSerializer)
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        """Do what the rule says to the open findings there are: the first 10,000 at once, the rest by a job."""
        settled = apply_rule(rule=self.get_object(), by=self.user, at=timezone.now())
        told = {**settled.to_dict(), "more_follows": settled.more_follows}
        return Response(shapes.AppliedSerializer(told).data)

    @extend_schema(summary="End a rule", request=None, responses=shapes.RuleSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End a rule, or refuse one that waits. What it set aside comes back into the queues."""
        row = end_rule(rule=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(row, shapes.RuleSerializer)

    @extend_schema(
        summary="List what a rule did",
        responses=shapes.AppliedRuleSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def applied(self, request: Request, pk: str) -> Response:
        """List which findings the rule changed, and how, newest first."""
        return self.pages(self.get_object().applied.all(), shapes.AppliedRuleSerializer)


@extend_schema_view(
    list=extend_schema(summary="List tags", description="Tags of the scopes that you may read."),
    retrieve=extend_schema(summary="One tag"),
)
class TagViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Words that findings have."""

    queryset = Tag.objects.all()
    serializer_class = shapes.TagSerializer
    filterset_class = TagFilter


class TriageActions(ApiViewSet):
    """What is below a finding: its tags, and its severity by decision."""

    @extend_schema(
        summary="Tags of a finding", responses=shapes.FindingTagsSerializer, filters=False
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def tags(self, request: Request, pk: str) -> Response:
        """List the tags of a finding."""
        names = self.get_object().tagged.order_by("tag__name").values_list("tag__name", flat=True)
        return _tags(list(names))

    @extend_schema(
        summary="Set tags",
        request=shapes.SetTagsSerializer,
        responses=shapes.FindingTagsSerializer,
    )
    @tags.mapping.post
    def set_tags(self, request: Request, pk: str) -> Response:
        """Put tags on a finding and take others off."""
        finding, body = self.get_object(), self.shape(shapes.SetTagsSerializer)
        return _tags(set_tags(finding=finding, by=self.user, at=timezone.now(), **body))

    @extend_schema(
        summary="List decided severities",
        responses=shapes.SeverityDecisionSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def severity(self, request: Request, pk: str) -> Response:
        """List what people decided of the severity, newest first."""
        rows = self.get_object().severity_decisions.select_related("by")
        return self.pages(rows, shapes.SeverityDecisionSerializer)

    @extend_schema(
        summary="Decide the severity",
        request=shapes.DecideSeveritySerializer,
        responses={201: shapes.SeverityDecisionSerializer},
    )
    @severity.mapping.post
    def decide_severity(self, request: Request, pk: str) -> Response:
        """Set the severity above what the tool and rules say; an empty one takes that back."""
        finding, body = self.get_object(), self.shape(shapes.DecideSeveritySerializer)
        row = decide_severity(finding=finding, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.SeverityDecisionSerializer, 201)


def _tags(names: list[str]) -> Response:
    told: Mapping[str, Any] = {"tags": names}
    return Response(shapes.FindingTagsSerializer(told).data)


class DecisionPolicyActions(ApiViewSet):
    """What is below a scope: who decides alone."""

    @extend_schema(
        summary="Who decides alone", responses=shapes.DecisionPolicySerializer, filters=False
    )
    @action(detail=True, methods=["get"], url_path="decision-policy", pagination_class=None)
    def decision_policy(self, request: Request, pk: str) -> Response:
        """Answer what one approver of the scope may decide without a second person."""
        policy = ScopeDecisionPolicy.of(self.get_object().pk)
        return self.answer(policy, shapes.DecisionPolicySerializer)

    @extend_schema(
        summary="Say who decides alone",
        request=shapes.SetDecisionPolicySerializer,
        responses=shapes.DecisionPolicySerializer,
    )
    @decision_policy.mapping.post
    def set_decision_policy(self, request: Request, pk: str) -> Response:
        """Say what one approver may decide alone; what was asked before keeps needing two."""
        scope, body = self.get_object(), self.shape(shapes.SetDecisionPolicySerializer)
        policy = set_decision_policy(scope=scope, by=self.user, at=timezone.now(), **body)
        return self.answer(policy, shapes.DecisionPolicySerializer)
