"""The shapes of tokens and service accounts in the API. No rules here."""

from django.conf import settings
from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from core.permissions import SERVICE_ROLES, Permission
from scopes.models import ApiToken, ServiceAccount
from scopes.services.tokens import MAX_OVERLAP_DAYS

PERMISSIONS = [permission.value for permission in Permission]
SERVICE_ROLE_NAMES = [role.value for role in SERVICE_ROLES]
MOST_SCOPES = 100


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A named key. Of the key itself only the prefix is kept."""

    permissions = serializers.ListField(
        child=serializers.ChoiceField(PERMISSIONS),
        read_only=True,
        help_text="Empty: all of its owner's.",
    )
    scopes = serializers.ListField(
        child=serializers.IntegerField(), read_only=True, help_text="Empty: all of its owner's."
    )
    last_used_from = serializers.CharField(read_only=True, allow_null=True)
    old_until = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Until when the key before the rotation opens."
    )

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = ("id", "name", "prefix", "permissions", "scopes", "created_at", "expires_at",
                  "old_until", "last_used_at", "last_used_from", "revoked_at")  # fmt: skip
        read_only_fields = fields


class IssuedTokenSerializer(TokenSerializer):
    """A token with its key, which is shown this once."""

    key = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "key")
        read_only_fields = fields


class DaysSerializer(StrictSerializer):
    days = serializers.IntegerField(
        min_value=1, required=False, help_text="How long it lives; the server knows a longest life."
    )

    def validate_days(self, days: int) -> int:
        if days > settings.MAX_TOKEN_DAYS:
            raise serializers.ValidationError(f"Must be at most {settings.MAX_TOKEN_DAYS}.")
        return days


class NewAccountTokenSerializer(DaysSerializer):
    name = Text(80)
    permissions = serializers.ListField(
        child=serializers.ChoiceField(PERMISSIONS), max_length=len(PERMISSIONS), required=False
    )


class NewTokenSerializer(NewAccountTokenSerializer):
    scopes = serializers.ListField(
        child=RowId(),
        max_length=MOST_SCOPES,
        required=False,
        help_text="Only these of your scopes; none: all of them.",
    )


class RotateTokenSerializer(DaysSerializer):
    overlap_days = serializers.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP_DAYS,
        required=False,
        help_text="For how long the old key works too; 1 where nothing is said.",
    )


class ServiceAccountSerializer(serializers.ModelSerializer[ServiceAccount]):
    """An account of a programme, in one scope."""

    user = PersonSerializer(read_only=True, help_text="The account as which it acts.")
    role = serializers.ChoiceField(SERVICE_ROLE_NAMES, read_only=True)

    class Meta:
        model = ServiceAccount
        fields = ("id", "scope", "name", "role", "user", "created_at", "ended_at")
        read_only_fields = fields


class NewServiceAccountSerializer(StrictSerializer):
    scope = RowId()
    name = Text(80, help_text="What acts: “ticket bridge”.")
    role = serializers.ChoiceField(SERVICE_ROLE_NAMES)
