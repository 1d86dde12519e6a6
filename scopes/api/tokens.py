"""Doors to one's own tokens, and to the service accounts of a scope with theirs."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from core.permissions import Permission
from scopes import token_serializers as shapes
from scopes.access import can
from scopes.filters import ServiceAccountFilter
from scopes.models import ApiToken, Scope, ServiceAccount
from scopes.services import issue_token, revoke_token, rotate_token
from scopes.services.service_accounts import create_service_account, end_service_account


def with_key(made: tuple[ApiToken, str]) -> ApiToken:
    """The row with its key, for the one answer that shows it."""
    token, key = made
    token.key = key  # type: ignore[attr-defined]
    return token


@extend_schema_view(
    list=extend_schema(
        summary="List your tokens",
        description="Your own tokens, without their keys; a token sees itself alone.",
    )
)
class TokenViewSet(ListModelMixin, ApiViewSet):
    """Your API tokens. Each can do less than you, never more."""

    queryset = ApiToken.objects.all()
    serializer_class = shapes.TokenSerializer

    def get_queryset(self) -> QuerySet[ApiToken]:
        if not self.request.user.is_authenticated:  # the schema is being written
            return ApiToken.objects.none()
        if self.action == "list":
            return ApiToken.objects.of(self.user)
        return ApiToken.objects.managed_by(self.user).select_related("user")

    @extend_schema(
        summary="Make a token",
        request=shapes.NewTokenSerializer,
        responses={201: shapes.IssuedTokenSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a token for yourself; its key is in this answer and nowhere else.

        Permissions and scopes only narrow what you may do; none: all of yours. Tokens cannot make
        tokens: sign in.
        """
        body: dict[str, Any] = self.shape(shapes.NewTokenSerializer)
        seen = Scope.objects.visible_to(self.user)
        body["scopes"] = self.all_of(seen, body.get("scopes", ()), "scopes")
        made = issue_token(user=self.user, by=self.user, at=timezone.now(), **body)
        return self.answer(with_key(made), shapes.IssuedTokenSerializer, 201)

    @extend_schema(
        summary="Rotate a token",
        request=shapes.RotateTokenSerializer,
        responses=shapes.IssuedTokenSerializer,
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Give a token another key, which is in this answer and nowhere else; the old one works for a while.

        Yours, or one of a service account of a scope that you administer. Signed in only.
        """
        body = self.shape(shapes.RotateTokenSerializer)
        made = rotate_token(token=self.get_object(), by=self.user, at=timezone.now(), **body)
        return self.answer(with_key(made), shapes.IssuedTokenSerializer)

    @extend_schema(summary="Revoke a token", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End a token at once: yours, or one of a service account of a scope that you administer."""
        revoke_token(token=self.get_object(), by=self.user, at=timezone.now())
        return Response(status=204)

    @extend_schema(summary="Revoke a token", request=None, responses=shapes.TokenSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """End a token at once, and answer it: yours, or one of a service account that you administer."""
        token = revoke_token(token=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(token, shapes.TokenSerializer)


@extend_schema_view(
    list=extend_schema(
        summary="List service accounts",
        description="Accounts of programmes in the scopes that you may read.",
    ),
    retrieve=extend_schema(
        summary="One service account", description="What it is called and which role it has."
    ),
)
class ServiceAccountViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Accounts of programmes: they act by tokens that administrators of their scope make."""

    queryset = ServiceAccount.objects.select_related("user")
    serializer_class = shapes.ServiceAccountSerializer
    filterset_class = ServiceAccountFilter

    @extend_schema(
        summary="Make a service account",
        request=shapes.NewServiceAccountSerializer,
        responses={201: shapes.ServiceAccountSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make an account for a programme, with a role for services. For administrators of the scope."""
        body = self.shape(shapes.NewServiceAccountSerializer)
        scope = self.one_of(Scope.objects.visible_to(self.user), body.pop("scope"), "scope")
        account = create_service_account(scope=scope, by=self.user, at=timezone.now(), **body)
        return self.answer(account, shapes.ServiceAccountSerializer, 201)

    @extend_schema(
        summary="End a service account", request=None, responses=shapes.ServiceAccountSerializer
    )
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Close the account for good, and every token of it. For administrators of the scope."""
        account = end_service_account(account=self.get_object(), by=self.user, at=timezone.now())
        return self.answer(account, shapes.ServiceAccountSerializer)

    @extend_schema(
        summary="List a service account's tokens",
        responses=shapes.TokenSerializer(many=True),
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def tokens(self, request: Request, pk: str) -> Response:
        """List its tokens, without their keys. For administrators of the scope."""
        account: ServiceAccount = self.get_object()
        if not can(self.user, Permission.ADMINISTER, account.scope_id):
            raise Http404
        return self.pages(ApiToken.objects.filter(user=account.user_id), shapes.TokenSerializer)

    @extend_schema(
        summary="Make a token for a service account",
        request=shapes.NewAccountTokenSerializer,
        responses={201: shapes.IssuedTokenSerializer},
    )
    @tokens.mapping.post
    def make_token(self, request: Request, pk: str) -> Response:
        """Make a token of the account, for its scope; the key is in this answer and nowhere else.

        For administrators of the scope, signed in.
        """
        account: ServiceAccount = self.get_object()
        body = self.shape(shapes.NewAccountTokenSerializer)
        made = issue_token(user=account.user, by=self.user, at=timezone.now(), **body)
        return self.answer(with_key(made), shapes.IssuedTokenSerializer, 201)
