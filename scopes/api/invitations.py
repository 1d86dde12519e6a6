"""Doors to invitations: inviting, listing what waits, withdrawing. Accepting is a page."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import ApiViewSet
from scopes import member_serializers as shapes
from scopes.filters import InvitationFilter
from scopes.models import Invitation, Scope
from scopes.services.invitations import invite, withdraw_invitation


@extend_schema_view(
    list=extend_schema(
        summary="List invitations",
        description="Invitations to the scopes that you administer, without their links.",
    ),
    retrieve=extend_schema(
        summary="One invitation", description="Who was invited, as what, and until when."
    ),
)
class InvitationViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Invitations of people to scopes, by mail address. Each link works once."""

    queryset = Invitation.objects.all()
    serializer_class = shapes.InvitationSerializer
    filterset_class = InvitationFilter

    def get_queryset(self) -> QuerySet[Invitation]:
        if self.action in ("list", "retrieve"):  # they tell mail addresses
            return Invitation.objects.visible_to(self.request.user)
        return Invitation.objects.filter(scope__in=Scope.objects.visible_to(self.request.user))

    @extend_schema(
        summary="Invite somebody",
        request=shapes.NewInvitationSerializer,
        responses={201: shapes.IssuedInvitationSerializer},
    )
    def create(self, request: Request) -> Response:
        """Invite who reads a mail address to the scope. For its administrators.

        The link is mailed. Without a server for mail it is the key in this answer, and nowhere else.
        Whether the address has an account is told to nobody.
        """
        body: dict[str, Any] = self.shape(shapes.NewInvitationSerializer)
        scope = self.one_of(Scope.objects.visible_to(self.user), body.pop("scope"), "scope")
        invitation, key = invite(scope=scope, by=self.user, at=timezone.now(), **body)
        invitation.key = "" if settings.EMAIL_HOST else key  # type: ignore[attr-defined]
        return self.answer(invitation, shapes.IssuedInvitationSerializer, 201)

    @extend_schema(
        summary="Withdraw an invitation", request=None, responses=shapes.InvitationSerializer
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """End an invitation that nobody has accepted. For administrators of the scope."""
        invitation = withdraw_invitation(
            invitation=self.get_object(), by=self.user, at=timezone.now()
        )
        return self.answer(invitation, shapes.InvitationSerializer)
