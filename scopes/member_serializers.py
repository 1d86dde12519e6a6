"""The shapes of invitations in the API. No rules here."""

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from scopes.models import Invitation
from scopes.models.invitations import INVITED_AS

INVITED_ROLES = [role.value for role in INVITED_AS]


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """Somebody is invited to a scope, with a role."""

    role = serializers.ChoiceField(INVITED_ROLES, read_only=True)
    created_by = PersonSerializer(read_only=True)

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = ("id", "scope", "email", "role", "created_at", "created_by", "expires_at",
                  "mailed_at", "accepted_at", "withdrawn_at")  # fmt: skip
        read_only_fields = fields


class IssuedInvitationSerializer(InvitationSerializer):
    """An invitation with the key of its link, where no mail brings it."""

    key = serializers.CharField(
        read_only=True, help_text="What `/join/?key=` is given; empty where it is mailed."
    )

    class Meta(InvitationSerializer.Meta):
        fields = (*InvitationSerializer.Meta.fields, "key")
        read_only_fields = fields


class NewInvitationSerializer(StrictSerializer):
    scope = RowId()
    email = Text(254)
    role = serializers.ChoiceField(INVITED_ROLES)
