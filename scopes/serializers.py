"""The shapes of scopes, assets, people and policies in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from core.permissions import ROLE_PERMISSIONS, Role
from gate.policy import MAX_BYTES
from scopes.expectations import CLASSES
from scopes.models import (
    Asset,
    AssetKind,
    Criticality,
    Exposure,
    Line,
    LineKind,
    Membership,
    PipelineIdentity,
    Policy,
    Scope,
)
from scopes.regulations import CODES
from scopes.services.assets import MAX_TAG, MAX_TAGS
from scopes.services.settings import MAX_FRESH_DAYS
from scopes.statuses import DataClass, Environment
from scopes.token_serializers import TokenSerializer

ROLES = [role.value for role in Role]
CRITICALITIES = [c.value for c in Criticality]
EXPOSURES = [e.value for e in Exposure]
LINE_KINDS = [kind.value for kind in LineKind]
ASSET_KINDS = [kind.value for kind in AssetKind]
DATA_CLASSES = [one.value for one in DataClass]
ENVIRONMENTS = [one.value for one in Environment]


class ScopeSerializer(serializers.ModelSerializer[Scope]):
    """What we protect, with its gate policy and the days its SLA allows by severity."""

    criticality = serializers.ChoiceField(CRITICALITIES, read_only=True)
    exposure = serializers.ChoiceField(EXPOSURES, read_only=True)
    data_class = serializers.ChoiceField(DATA_CLASSES, read_only=True)
    regulations = serializers.ListField(child=serializers.ChoiceField(CODES), read_only=True)
    expected_classes = serializers.ListField(
        child=serializers.ChoiceField(CLASSES),
        read_only=True,
        help_text="Classes of tools that should look at its assets; empty: by kind of asset.",
    )
    sla_days = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = Scope
        fields = ("id", "name", "slug", "owner", "owner_team", "criticality", "exposure", "data_class",
                  "regulations", "expected_classes", "fresh_days", "policy", "sla_days",
                  "adopted_on", "created_at")  # fmt: skip
        read_only_fields = fields


class NewScopeSerializer(StrictSerializer):
    name = Text(120)
    slug = serializers.SlugField(max_length=60)
    owner = Text(120, required=False, allow_blank=True)
    criticality = serializers.ChoiceField(CRITICALITIES, required=False)
    exposure = serializers.ChoiceField(EXPOSURES, required=False)


class ChangeScopeSerializer(StrictSerializer):
    """What of a scope changes; what is left out stays."""

    name = Text(120, required=False)
    owner = Text(120, required=False, allow_blank=True)
    owner_team = RowId(required=False, allow_null=True)
    criticality = serializers.ChoiceField(CRITICALITIES, required=False)
    exposure = serializers.ChoiceField(EXPOSURES, required=False)
    data_class = serializers.ChoiceField(DATA_CLASSES, required=False)
    regulations = serializers.ListField(
        child=serializers.ChoiceField(CODES),
        required=False,
        max_length=len(CODES),
        help_text="Rules from outside that ask for proof of fixing.",
    )
    expected_classes = serializers.ListField(
        child=serializers.ChoiceField(CLASSES), required=False, max_length=len(CLASSES)
    )
    fresh_days = serializers.IntegerField(
        min_value=1,
        max_value=MAX_FRESH_DAYS,
        required=False,
        help_text="How old the last scan of an expected class may be.",
    )


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A person or service with its role in the scope."""

    user = PersonSerializer(read_only=True)
    role = serializers.ChoiceField(ROLES, read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "user", "role")
        read_only_fields = fields


class NewMemberSerializer(StrictSerializer):
    username = Text(150)
    role = serializers.ChoiceField(ROLES)


class FormerMemberSerializer(StrictSerializer):
    username = Text(150)


class LineSerializer(serializers.ModelSerializer[Line]):
    """A tracked branch of an asset."""

    kind = serializers.ChoiceField(LINE_KINDS, read_only=True)

    class Meta:
        model = Line
        fields = ("id", "name", "kind")
        read_only_fields = fields


class AssetSerializer(serializers.ModelSerializer[Asset]):
    """A thing in a scope that can have findings, with its lines."""

    kind = serializers.ChoiceField(ASSET_KINDS, read_only=True)
    environment = serializers.ChoiceField(ENVIRONMENTS, read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    lines = LineSerializer(many=True, read_only=True)

    class Meta:
        model = Asset
        fields = ("id", "scope", "kind", "name", "repository", "environment", "tags", "team", "address",
                  "external_id", "lines", "created_at")  # fmt: skip
        read_only_fields = fields


class ChangeAssetSerializer(StrictSerializer):
    """What of an asset changes; what is left out stays."""

    name = Text(200, required=False)
    kind = serializers.ChoiceField(ASSET_KINDS, required=False)
    repository = Text(
        500, required=False, allow_blank=True, help_text="Where our runner may read it."
    )
    environment = serializers.ChoiceField(ENVIRONMENTS, required=False)
    tags = serializers.ListField(
        child=Text(MAX_TAG), required=False, max_length=MAX_TAGS, help_text="Short words."
    )
    team = RowId(required=False, allow_null=True, help_text="Who answers for it.")
    address = Text(500, required=False, allow_blank=True, help_text="Where it is reached.")
    external_id = Text(
        200, required=False, allow_blank=True, help_text="Its id elsewhere: github:1296269."
    )


class NewAssetSerializer(ChangeAssetSerializer):
    """An asset with its default line."""

    scope = RowId()
    name = Text(200)
    default_line = Text(200, required=False)


class PolicySerializer(serializers.ModelSerializer[Policy]):
    """One immutable version of a gate policy, found by its digest."""

    class Meta:
        model = Policy
        fields: tuple[str, ...] = ("id", "name", "digest", "created_at")
        read_only_fields = fields


class PolicyTextSerializer(PolicySerializer):
    """A policy with its exact text."""

    class Meta(PolicySerializer.Meta):
        fields = (*PolicySerializer.Meta.fields, "toml")
        read_only_fields = fields


class VersionSerializer(serializers.Serializer[Any]):
    """A policy that a scope was judged by, since when and by whose hand."""

    policy = PolicyTextSerializer()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True, help_text="Null: it is in force.")
    by = PersonSerializer(allow_null=True, help_text="Null: the system, when the scope was made.")


class PolicyTomlSerializer(StrictSerializer):
    toml = Text(MAX_BYTES, trim_whitespace=False, help_text="The exact text; its digest follows.")


class NewPolicySerializer(PolicyTomlSerializer):
    replaces = Text(
        80,
        required=False,
        help_text="The digest that must be in force for it to be replaced (409).",
    )


class PipelineIdentitySerializer(serializers.ModelSerializer[PipelineIdentity]):
    """A pipeline that uploads for one asset by tokens that its code host signs."""

    user = PersonSerializer(read_only=True, help_text="The account as which it acts.")

    class Meta:
        model = PipelineIdentity
        fields = ("id", "scope", "asset", "issuer", "repository", "repository_id", "workflow", "ref", "user",
                  "created_at", "ended_at")  # fmt: skip
        read_only_fields = fields


class NewPipelineIdentitySerializer(StrictSerializer):
    asset = RowId()
    issuer = Text(200, help_text="One of the server's own list: https://gitlab.com, for example.")
    repository = Text(300, help_text="As the host writes it: acme/shop.")
    repository_id = Text(
        40,
        required=False,
        allow_blank=True,
        help_text="The host's own number of it: it stays, and nobody else gets it with the name.",
    )
    workflow = Text(
        400,
        required=False,
        allow_blank=True,
        help_text="Only this file: acme/shop/.github/workflows/scan.yml, with @refs/heads/main only "
        "that revision of it.",
    )
    ref = Text(250, required=False, allow_blank=True, help_text="Only this one: refs/heads/main.")


class OwnRoleSerializer(serializers.ModelSerializer[Membership]):
    """One's own role in a scope, with what it carries."""

    role = serializers.ChoiceField(ROLES, read_only=True)
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ("scope", "role", "permissions")
        read_only_fields = fields

    def get_permissions(self, membership: Membership) -> list[str]:
        """What the role carries, as far as the token lets it through."""
        limit, granted = self.context.get("limit"), ROLE_PERMISSIONS[Role(membership.role)]
        return sorted(p for p in granted if limit is None or limit.permits(p))


class MeSerializer(serializers.Serializer[Any]):
    """Who is asking, with which roles and through which token (null: signed in)."""

    user = PersonSerializer()
    roles = OwnRoleSerializer(many=True)
    token = TokenSerializer(allow_null=True)
