"""Doors to scopes, assets, pipelines, policies, events, one's own account."""

from typing import Any, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import AlwaysJson, ApiViewSet, EventSerializer
from core.contract import Contract
from core.errors import NotAllowed
from core.models import Event, User, UserKind
from core.permissions import Permission, Role
from scopes import serializers as shapes
from scopes.access import check_may
from scopes.filters import AssetFilter, EventFilter, PipelineIdentityFilter, ScopeFilter
from scopes.models import (
    Asset,
    Membership,
    PipelineIdentity,
    Policy,
    Scope,
    Team,
    is_bound,
    limit_of,
)
from scopes.services import (
    add_pipeline_identity,
    create_asset,
    create_scope,
    end_pipeline_identity,
    put_in_force,
    remove_member,
    set_member,
)
from scopes.services.assets import change_asset
from scopes.services.settings import change_scope
from scopes.versions import versions_of


def check_may_create_scope(user: User) -> None:
    """Raise NotAllowed unless ``user`` is a person who administers a scope already.

    The first scope is made by the operator, on the server; a token for one scope makes no other.
    """
    administers = Scope.objects.permitting(user, Permission.ADMINISTER).exists()
    if user.kind != UserKind.HUMAN or is_bound(user) or not administers:
        raise NotAllowed("Scopes are made by people who administer a scope already.")


@extend_schema_view(
    list=extend_schema(summary="List scopes", description="The scopes that you may read."),
    retrieve=extend_schema(
        summary="One scope", description="What we protect, and by which policy."
    ),
)
class ScopeViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Business services or programmes that are protected."""

    queryset = Scope.objects.all()
    serializer_class = shapes.ScopeSerializer
    filterset_class = ScopeFilter

    @extend_schema(
        summary="Create a scope",
        request=shapes.NewScopeSerializer,
        responses={201: shapes.ScopeSerializer},
    )
    def create(self, request: Request) -> Response:
        """Create a scope with the default policy; you become its administrator.

        Only people who administer a scope already may; the first is made by the operator.
        """
        check_may_create_scope(self.user)
        body = self.shape(shapes.NewScopeSerializer)
        scope = create_scope(by=self.user, at=timezone.now(), **body)
        return self.answer(scope, shapes.ScopeSerializer, 201)

    @extend_schema(
        summary="Change a scope",
        request=shapes.ChangeScopeSerializer,
        responses=shapes.ScopeSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change who owns the scope, what it handles and has to prove, and who should look at it.

        For administrators of the scope. The event tells from what to what.
        """
        scope, body = self.get_object(), self.shape(shapes.ChangeScopeSerializer)
        if body.get("owner_team") is not None:
            teams = Team.objects.filter(scope=scope)
            body["owner_team"] = self.one_of(teams, body["owner_team"], "owner_team")
        scope = change_scope(scope=scope, by=self.user, at=timezone.now(), **body)
        return self.answer(scope, shapes.ScopeSerializer)

    @extend_schema(
        summary="List members", responses=shapes.MemberSerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def members(self, request: Request, pk: str) -> Response:
        """List who has which role in the scope."""
        return self.pages(
            Membership.objects.filter(scope=self.get_object()).select_related("user"),
            shapes.MemberSerializer,
        )

    @extend_schema(
        summary="Set a member's role",
        request=shapes.NewMemberSerializer,
        responses={201: shapes.MemberSerializer},
    )
    @members.mapping.post
    def set_member(self, request: Request, pk: str) -> Response:
        """Give an account a role in the scope, instead of the one it had. Nobody changes their own."""
        scope = self.get_object()
        check_may(self.user, Permission.ADMINISTER, scope.pk)  # before telling who has an account
        body = self.shape(shapes.NewMemberSerializer)
        user = User.objects.filter(username=body["username"], is_active=True).first()
        if user is None:
            raise ValidationError({"username": ["Not found."]})
        membership = set_member(
            scope=scope, user=user, role=Role(body["role"]), by=self.user, at=timezone.now()
        )
        return self.answer(membership, shapes.MemberSerializer, 201)

    @extend_schema(
        summary="Take a member out",
        request=shapes.FormerMemberSerializer,
        responses={204: None},
    )
    @action(detail=True, methods=["post"], url_path="remove-member")
    def remove_member(self, request: Request, pk: str) -> Response:
        """Take an account out of the scope and off its teams; not oneself, not the last administrator."""
        scope = self.get_object()
        check_may(self.user, Permission.ADMINISTER, scope.pk)  # before telling who is a member
        body = self.shape(shapes.FormerMemberSerializer)
        held = Membership.objects.filter(scope=scope, user__username=body["username"])
        member = held.select_related("user").first()
        if member is None:
            raise ValidationError({"username": ["Not found."]})
        remove_member(scope=scope, user=member.user, by=self.user, at=timezone.now())
        return Response(status=204)

    @extend_schema(
        summary="List versions of the policy",
        responses=shapes.VersionSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def policies(self, request: Request, pk: str) -> Response:
        """List the policies that the scope was judged by, newest first: the one in force is `until` null."""
        return Response(shapes.VersionSerializer(versions_of(self.get_object()), many=True).data)

    @extend_schema(
        summary="Put a policy in force",
        request=shapes.NewPolicySerializer,
        responses={201: shapes.VersionSerializer},
    )
    @policies.mapping.post
    def put_in_force(self, request: Request, pk: str) -> Response:
        """Judge the scope by this text from now on; what was closed stays closed.

        For administrators of the scope. A name means one text here: a changed text needs another
        name. Errors say the line.
        """
        body = self.shape(shapes.NewPolicySerializer)
        body["toml"] = body["toml"].encode()
        version = put_in_force(scope=self.get_object(), by=self.user, at=timezone.now(), **body)
        return self.answer(version, shapes.VersionSerializer, 201)


@extend_schema_view(
    list=extend_schema(
        summary="List assets", description="Assets of the scopes that you may read."
    ),
    retrieve=extend_schema(summary="One asset", description="An asset with its lines."),
)
class AssetViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Things in a scope that can have findings; repositories first."""

    queryset = Asset.objects.prefetch_related("lines")
    serializer_class = shapes.AssetSerializer
    filterset_class = AssetFilter

    @extend_schema(
        summary="Create an asset",
        request=shapes.NewAssetSerializer,
        responses={201: shapes.AssetSerializer},
    )
    def create(self, request: Request) -> Response:
        """Create an asset with its default line. For administrators of the scope."""
        body = self.shape(shapes.NewAssetSerializer)
        scope = self.one_of(Scope.objects.visible_to(self.user), body.pop("scope"), "scope")
        body = self._with_team(body, scope.pk)
        asset = create_asset(scope=scope, by=self.user, at=timezone.now(), **body)
        return self.answer(asset, shapes.AssetSerializer, 201)

    @extend_schema(
        summary="Change an asset",
        request=shapes.ChangeAssetSerializer,
        responses=shapes.AssetSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what an asset is, where it is found, and which team answers for it.

        For administrators of the scope. The event tells from what to what.
        """
        asset, body = self.get_object(), self.shape(shapes.ChangeAssetSerializer)
        body = self._with_team(body, asset.scope_id)
        asset = change_asset(asset=asset, by=self.user, at=timezone.now(), **body)
        return self.answer(asset, shapes.AssetSerializer)

    def _with_team(self, body: dict[str, Any], scope_id: int) -> dict[str, Any]:
        """The body with the team of this scope that it names."""
        if body.get("team") is None:
            return body
        return {
            **body,
            "team": self.one_of(Team.objects.filter(scope=scope_id), body["team"], "team"),
        }


@extend_schema_view(
    list=extend_schema(
        summary="List pipelines",
        description="Pipelines that upload by identity tokens, in the scopes that you may read.",
    ),
    retrieve=extend_schema(
        summary="One pipeline", description="What its tokens must say, and for which asset."
    ),
)
class PipelineIdentityViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Pipelines that need no key: their code host signs who they are."""

    queryset = PipelineIdentity.objects.select_related("user")
    serializer_class = shapes.PipelineIdentitySerializer
    filterset_class = PipelineIdentityFilter

    @extend_schema(
        summary="Let a pipeline upload",
        request=shapes.NewPipelineIdentitySerializer,
        responses={201: shapes.PipelineIdentitySerializer},
    )
    def create(self, request: Request) -> Response:
        """Take the identity tokens of a repository's runs, for one asset. For administrators of the scope.

        Their facts are `attested`. All that is given must be in the token.
        """
        body = self.shape(shapes.NewPipelineIdentitySerializer)
        asset = self.one_of(Asset.objects.visible_to(self.user), body.pop("asset"), "asset")
        identity = add_pipeline_identity(asset=asset, by=self.user, at=timezone.now(), **body)
        return self.answer(identity, shapes.PipelineIdentitySerializer, 201)

    @extend_schema(
        summary="End a pipeline's access",
        request=None,
        responses=shapes.PipelineIdentitySerializer,
    )
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Take none of its tokens any more, for good."""
        identity = end_pipeline_identity(
            identity=self.get_object(), by=self.user, at=timezone.now()
        )
        return self.answer(identity, shapes.PipelineIdentitySerializer)


@extend_schema_view(
    list=extend_schema(
        summary="List policies",
        description="Policies by which a scope that you may read is judged.",
    ),
    retrieve=extend_schema(summary="One policy", description="A policy with its exact TOML text."),
)
class PolicyViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Versions of gate policies; each is immutable."""

    queryset = Policy.objects.all()

    def get_serializer_class(self) -> Any:
        return shapes.PolicySerializer if self.action == "list" else shapes.PolicyTextSerializer


@extend_schema_view(
    list=extend_schema(
        summary="List events",
        description="What happened in the scopes that you may read, newest first.",
    )
)
class EventViewSet(ListModelMixin, ApiViewSet):
    """The append-only, hash-chained log."""

    queryset = Event.objects.select_related("actor")
    serializer_class = EventSerializer
    filterset_class = EventFilter

    def get_queryset(self) -> QuerySet[Event]:
        return Event.objects.select_related("actor").in_scopes(
            Scope.objects.visible_to(self.user).values("pk")
        )


class MeView(Contract):
    """Who you are here."""

    content_negotiation_class = AlwaysJson
    metadata_class = None

    @extend_schema(summary="Who am I", responses=shapes.MeSerializer, operation_id="me_retrieve")
    def get(self, request: Request) -> Response:
        """Answer your account, your roles, and the token that you use."""
        user = cast(User, request.user)
        scopes = Scope.objects.visible_to(user)
        roles = Membership.objects.filter(user=user, scope__in=scopes).order_by("scope_id")
        token = getattr(user, "token", None)
        me = {"user": user, "roles": roles, "token": token}
        return Response(shapes.MeSerializer(me, context={"limit": limit_of(user)}).data)
