"""Doors to assignment, suggestions, campaigns and groups."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet, EventSerializer
from core.models import Event, User
from findings import mobilizing_serializers as shapes
from findings import serializers as findings
from findings.choosing import filtered
from findings.mobilizing_filters import CampaignFilter, GroupFilter
from findings.models import Campaign, Finding, FindingGroup
from findings.progress import Progress, burn_down, progress_of
from findings.services import (
    KEEP,
    MAX_ASSIGNED,
    add_findings,
    assign,
    assign_many,
    change_campaign,
    end_campaign,
    merge_findings,
    remove_findings,
    rename_group,
    split_group,
    start_campaign,
)
from findings.suggesting import suggest_for_finding
from scopes.models import Scope, Team

MEMBERS = "findings"


class ChoosingActions(ApiViewSet):
    """What doors share that are told findings and people."""

    def people(self, body: dict[str, Any], members: Any = None) -> dict[str, Any]:
        """``to`` or ``owner`` and ``team`` of a body as rows; what is not told stays away.

        ``members``: accounts that may be told; else those that share a scope with the user.
        """
        mine = Scope.objects.visible_to(self.user)
        accounts = User.objects.filter(memberships__scope__in=mine).distinct()
        told: dict[str, Any] = {}
        for name in ("to", "owner"):
            if name in body:
                pk = body.pop(name)
                told[name] = pk and self.one_of(accounts if members is None else members, pk, name)
        if "team" in body:
            pk = body.pop("team")
            told["team"] = pk and self.one_of(Team.objects.visible_to(self.user), pk, "team")
        return told

    def chosen(self, body: dict[str, Any]) -> Any:
        """The findings that a body means, by number or by filter: one of the two."""
        if ("findings" in body) == ("filter" in body):
            raise ValidationError({"findings": ["Either these or `filter` has to be told."]})
        if "filter" in body:
            return filtered(body["filter"], self.request)
        visible = Finding.objects.visible_to(self.user)
        self.all_of(visible.only("pk"), body["findings"], "findings")
        return visible.filter(pk__in=body["findings"])


class MobilizingActions(ChoosingActions):
    """What is below findings: who answers for them, and what could be closed together."""

    @extend_schema(
        summary="Assign",
        request=shapes.AssignSerializer,
        responses=findings.FindingDetailSerializer,
    )
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Make a member of the scope, one of its teams, or both, responsible for the finding, or nobody."""
        finding, body = self.get_object(), self.shape(shapes.AssignSerializer)
        members = User.objects.filter(memberships__scope=finding.scope_id)
        assign(finding=finding, by=self.user, at=timezone.now(), **self.people(body, members))
        return self.answer(finding, findings.FindingDetailSerializer)

    @extend_schema(
        summary="Assign many findings",
        request=shapes.BulkAssignSerializer,
        responses=shapes.BulkAssignedSerializer,
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="bulk-assign", pagination_class=None)
    def bulk_assign(self, request: Request) -> Response:
        """Make a person, a team or both responsible for up to 1,000 findings.

        The answer says for each what became of it; with `dry_run`, what would.
        """
        body = self.shape(shapes.BulkAssignSerializer)
        dry_run = body.pop("dry_run", False)
        told = self.people(body)
        rows = list(self.chosen(body).only("pk", "scope_id")[: MAX_ASSIGNED + 1])
        answers = assign_many(
            findings=rows, by=self.user, at=timezone.now(), to=told.get("to", KEEP),
            team=told.get("team", KEEP), dry_run=dry_run,
        )  # fmt: skip
        shown = [
            {"finding": a.finding, "done": a.refusal is None, "problem": str(a.refusal or "")}
            for a in answers
        ]
        done = sum(answer.refusal is None for answer in answers)
        said = {"dry_run": dry_run, "done": done, "refused": len(shown) - done, "answers": shown}
        return Response(shapes.BulkAssignedSerializer(said).data)

    @extend_schema(
        summary="What could be closed with it",
        responses=shapes.SuggestedSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def suggestions(self, request: Request, pk: str) -> Response:
        """Answer what one fix could close together with the finding, and what is likely the same."""
        return self.answer(suggest_for_finding(self.get_object()), shapes.SuggestedSerializer)


@extend_schema_view(
    list=extend_schema(
        summary="List campaigns", description="Campaigns of the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One campaign",
        description="Its goal and who answers for it; its findings are `/findings/?campaign=`.",
    ),
)
class CampaignViewSet(ListModelMixin, RetrieveModelMixin, ChoosingActions):
    """Many findings that are fixed together, with one goal. A campaign closes none of them."""

    queryset = Campaign.objects.select_related("owner", "team", "started_by", "ended_by")
    serializer_class = shapes.CampaignSerializer
    filterset_class = CampaignFilter

    @extend_schema(
        summary="Start a campaign",
        request=shapes.NewCampaignSerializer,
        responses={201: shapes.CampaignSerializer},
    )
    def create(self, request: Request) -> Response:
        """Start a campaign, without findings yet."""
        body = self.shape(shapes.NewCampaignSerializer)
        scope = self.one_of(Scope.objects.visible_to(self.user), body.pop("scope"), "scope")
        body |= self.people(body, User.objects.filter(memberships__scope=scope))
        row = start_campaign(scope=scope, by=self.user, at=timezone.now(), **body)
        return self.answer(row, shapes.CampaignSerializer, 201)

    @extend_schema(
        summary="Change a campaign",
        request=shapes.ChangedCampaignSerializer,
        responses=shapes.CampaignSerializer,
    )
    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        """Change its name, goal, owner, team or day."""
        row, body = self.get_object(), self.shape(shapes.ChangedCampaignSerializer)
        body |= self.people(body, User.objects.filter(memberships__scope=row.scope_id))
        change_campaign(campaign=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.CampaignSerializer)

    @extend_schema(
        summary="Take findings in",
        request=shapes.MembersSerializer,
        responses=shapes.CountedSerializer,
    )
    @action(detail=True, methods=["post"], url_path=MEMBERS, pagination_class=None)
    def add(self, request: Request, pk: str) -> Response:
        """Take findings of its scope in, by number or by filter; up to 10,000 in all."""
        row, body = self.get_object(), self.shape(shapes.MembersSerializer)
        chosen = self.chosen(body)
        count = add_findings(campaign=row, findings=chosen, by=self.user, at=timezone.now())
        return self._counted(row, count)

    @extend_schema(
        summary="Take findings out",
        request=shapes.LeavingSerializer,
        responses=shapes.CountedSerializer,
    )
    @action(detail=True, methods=["post"], url_path=f"{MEMBERS}/remove", pagination_class=None)
    def remove(self, request: Request, pk: str) -> Response:
        """Take findings out again, with the reason."""
        row, body = self.get_object(), self.shape(shapes.LeavingSerializer)
        self.all_of(Finding.objects.visible_to(self.user).only("pk"), body[MEMBERS], MEMBERS)
        count = remove_findings(campaign=row, by=self.user, at=timezone.now(), **body)
        return self._counted(row, count)

    @extend_schema(
        summary="Progress of a campaign",
        responses=shapes.CampaignProgressSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def progress(self, request: Request, pk: str) -> Response:
        """Answer how far it has come, proof and claim told apart, and its burn-down by week."""
        row = self.get_object()
        told = {"now": self._progress(row), "weeks": burn_down(row, at=timezone.now())}
        return self.answer(told, shapes.CampaignProgressSerializer)

    @extend_schema(
        summary="End a campaign",
        request=shapes.EndCampaignSerializer,
        responses=shapes.CampaignSerializer,
    )
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End it, reached or given up; its findings stand where they stand."""
        row, body = self.get_object(), self.shape(shapes.EndCampaignSerializer)
        end_campaign(campaign=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.CampaignSerializer)

    @extend_schema(summary="List events", responses=EventSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def events(self, request: Request, pk: str) -> Response:
        """List everything that happened to the campaign, newest first."""
        rows = Event.objects.about("campaign", self.get_object().pk).select_related("actor")
        return self.pages(rows, EventSerializer)

    def _progress(self, row: Campaign) -> Progress:
        return progress_of([row])[row.pk]

    def _counted(self, row: Campaign, count: int) -> Response:
        return self.answer({"count": count, "now": self._progress(row)}, shapes.CountedSerializer)


@extend_schema_view(
    list=extend_schema(
        summary="List groups", description="Groups of findings in the scopes that you may read."
    ),
    retrieve=extend_schema(
        summary="One group", description="A group with its findings, each with its own proof."
    ),
)
class GroupViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Findings that are one thing to fix. A group closes none of them."""

    queryset = FindingGroup.objects.select_related("created_by")
    filterset_class = GroupFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        return [Scope.objects.filter(pk=row.scope_id), Finding.objects.filter(group=row)]

    def get_serializer_class(self) -> Any:
        return shapes.GroupSerializer if self.action == "list" else shapes.GroupDetailSerializer

    @extend_schema(
        summary="Merge findings",
        request=shapes.MergeFindingsSerializer,
        responses={201: shapes.GroupDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        """Say that findings are one thing to fix. Nothing closes by it; what are groups already join."""
        body = self.shape(shapes.MergeFindingsSerializer)
        visible = Finding.objects.visible_to(self.user)
        rows = self.all_of(visible, body.pop("findings"), "findings")
        told = {"title": "", **body}
        group = merge_findings(findings=rows, by=self.user, at=timezone.now(), **told)
        return self.answer(group, shapes.GroupDetailSerializer, 201)

    @extend_schema(
        summary="Split a group",
        request=shapes.SplitSerializer,
        responses=shapes.GroupDetailSerializer,
    )
    @action(detail=True, methods=["post"])
    def split(self, request: Request, pk: str) -> Response:
        """Take findings out, with the reason; of what would be left alone nothing is left."""
        row, body = self.get_object(), self.shape(shapes.SplitSerializer)
        self.all_of(Finding.objects.visible_to(self.user).only("pk"), body[MEMBERS], MEMBERS)
        split_group(group=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.GroupDetailSerializer)

    @extend_schema(
        summary="Rename a group",
        request=shapes.RenameSerializer,
        responses=shapes.GroupDetailSerializer,
    )
    @action(detail=True, methods=["post"])
    def rename(self, request: Request, pk: str) -> Response:
        """Give the group another title."""
        row, body = self.get_object(), self.shape(shapes.RenameSerializer)
        rename_group(group=row, by=self.user, at=timezone.now(), **body)
        return self.answer(self.get_object(), shapes.GroupDetailSerializer)

    @extend_schema(summary="List events", responses=EventSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def events(self, request: Request, pk: str) -> Response:
        """List everything that happened to the group, newest first."""
        rows = Event.objects.about("group", self.get_object().pk).select_related("actor")
        return self.pages(rows, EventSerializer)
