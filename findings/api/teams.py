"""Doors to teams. Here, above the findings: a team's handle says whose findings are."""

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

from core.api import ApiViewSet
from core.models import User
from core.permissions import Permission
from findings.models import Finding
from findings.services.owning import add_team, end_team, rename_team
from scopes import scoping_serializers as shapes
from scopes.access import check_may
from scopes.filters import TeamFilter
from scopes.models import Asset, Scope, Team
from scopes.services.teams import add_team_member, remove_team_member


@extend_schema_view(
    list=extend_schema(
        summary="List teams",
        description="Teams of the scopes that you may read, with who is on them.",
    ),
    retrieve=extend_schema(summary="One team", description="A team with who is on it."),
)
class TeamViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """People of a scope who answer for something together."""

    queryset = Team.objects.prefetch_related("members")
    serializer_class = shapes.TeamSerializer
    filterset_class = TeamFilter

    def locks_before(self, row: Any) -> Sequence[QuerySet[Any]]:
        named = Finding.objects.filter(owned_by=row)
        return [Asset.objects.filter(scope=row.scope_id), named]  # another handle is another owner

    @extend_schema(
        summary="Create a team",
        request=shapes.NewTeamSerializer,
        responses={201: shapes.TeamSerializer},
    )
    def create(self, request: Request) -> Response:
        """Create a team without members. Findings below the paths of its handle become its own."""
        body = self.shape(shapes.NewTeamSerializer)
        scope = self.one_of(Scope.objects.visible_to(self.user), body.pop("scope"), "scope")
        team = add_team(scope=scope, by=self.user, at=timezone.now(), **body)
        return self.answer(team, shapes.TeamSerializer, 201)

    @extend_schema(
        summary="Change a team",
        request=shapes.ChangeTeamSerializer,
        responses=shapes.TeamSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give a team another name or handle; another handle sets the owners of findings anew."""
        team, body = self.get_object(), self.shape(shapes.ChangeTeamSerializer)
        team = rename_team(team=team, by=self.user, at=timezone.now(), **body)
        return self.answer(team, shapes.TeamSerializer)

    @extend_schema(summary="Remove a team", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a team that owns nothing by decision; its members stay in the scope."""
        end_team(team=self.get_object(), by=self.user, at=timezone.now())
        return Response(status=204)

    @extend_schema(
        summary="Put somebody on a team",
        request=shapes.UsernameSerializer,
        responses={201: shapes.TeamSerializer},
    )
    @action(detail=True, methods=["post"])
    def members(self, request: Request, pk: str) -> Response:
        """Put a member of the scope on the team. For administrators of the scope."""
        team = self.get_object()
        user = self._member(team)
        add_team_member(team=team, user=user, by=self.user, at=timezone.now())
        return self.answer(self.get_object(), shapes.TeamSerializer, 201)

    @extend_schema(
        summary="Take somebody off a team",
        request=shapes.UsernameSerializer,
        responses=shapes.TeamSerializer,
    )
    @action(detail=True, methods=["post"], url_path="remove-member")
    def remove_member(self, request: Request, pk: str) -> Response:
        """Take somebody off the team; their role in the scope stays."""
        team = self.get_object()
        user = self._member(team)
        remove_team_member(team=team, user=user, by=self.user, at=timezone.now())
        return self.answer(self.get_object(), shapes.TeamSerializer)

    def _member(self, team: Team) -> User:
        """The member of the team's scope whom the body names; others are not told to exist."""
        check_may(self.user, Permission.ADMINISTER, team.scope_id)
        name = self.shape(shapes.UsernameSerializer)["username"]
        user = User.objects.filter(memberships__scope=team.scope_id, username=name).first()
        if user is None:
            raise ValidationError({"username": ["Not found."]})
        return user
