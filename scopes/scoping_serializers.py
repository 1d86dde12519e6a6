"""The shapes of teams, links between assets, files of owners and of assets in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import ObjectId, PersonSerializer, RowId, StrictSerializer, Text
from scopes.asset_files import MAX_BYTES, FileFormat
from scopes.codeowners import MAX_BYTES as MAX_OWNERS_BYTES
from scopes.models import AssetLink, CodeOwners, Team
from scopes.statuses import Dialect, LinkKind

LINK_KINDS = [kind.value for kind in LinkKind]
FILE_FORMATS = [one.value for one in FileFormat]
DIALECTS = [one.value for one in Dialect]
HANDLE_HELP = "How CODEOWNERS names it: @acme/payments. Findings below its paths are its own."


class TeamSerializer(serializers.ModelSerializer[Team]):
    """People of a scope who answer for something together."""

    members = PersonSerializer(many=True, read_only=True)

    class Meta:
        model = Team
        fields = ("id", "scope", "name", "handle", "members", "created_at")
        read_only_fields = fields


class NewTeamSerializer(StrictSerializer):
    scope = RowId()
    name = Text(120)
    handle = Text(200, required=False, allow_blank=True, help_text=HANDLE_HELP)


class ChangeTeamSerializer(StrictSerializer):
    """What of a team changes; what is left out stays."""

    name = Text(120, required=False)
    handle = Text(200, required=False, allow_blank=True, help_text=HANDLE_HELP)


class UsernameSerializer(StrictSerializer):
    username = Text(150, help_text="A member of the scope.")


class AssetLinkSerializer(serializers.ModelSerializer[AssetLink]):
    """One asset is built from, runs on … another of its scope."""

    kind = serializers.ChoiceField(LINK_KINDS, read_only=True)

    class Meta:
        model = AssetLink
        fields = ("id", "scope", "asset", "kind", "target", "created_at")
        read_only_fields = fields


class NewAssetLinkSerializer(StrictSerializer):
    asset = RowId()
    kind = serializers.ChoiceField(LINK_KINDS)
    target = RowId(help_text="An asset of the same scope.")


class CodeOwnersSerializer(serializers.ModelSerializer[CodeOwners]):
    """The CODEOWNERS file that counts for an asset; lines that do not count are told."""

    dialect = serializers.ChoiceField(DIALECTS, read_only=True)
    problems = serializers.ListField(child=serializers.CharField(), read_only=True)
    by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = CodeOwners
        fields = ("id", "scope", "asset", "sha256", "dialect", "path", "commit", "rules", "problems",
                  "at", "by")  # fmt: skip
        read_only_fields = fields


class NewCodeOwnersSerializer(StrictSerializer):
    text = Text(
        MAX_OWNERS_BYTES, allow_blank=True, trim_whitespace=False, help_text="The file as it is."
    )
    path = Text(200, required=False, allow_blank=True, help_text=".github/CODEOWNERS")
    commit = ObjectId(required=False)
    dialect = serializers.ChoiceField(
        DIALECTS, required=False, help_text="Left out: told by the path and by sections."
    )


class AssetFileSerializer(StrictSerializer):
    """A list of assets as text."""

    text = Text(MAX_BYTES, trim_whitespace=False, help_text="CSV, or JSON of GitHub or GitLab.")
    format = serializers.ChoiceField(
        FILE_FORMATS, required=False, help_text="Left out: told by the content."
    )
    dry_run = serializers.BooleanField(required=False, default=False)


class AssetFileFormSerializer(StrictSerializer):
    """A list of assets as a file of a form."""

    file = serializers.FileField(help_text="CSV, or JSON of GitHub or GitLab.")
    format = serializers.ChoiceField(FILE_FORMATS, required=False)
    dry_run = serializers.BooleanField(required=False, default=False)


class RefusalSerializer(serializers.Serializer[Any]):
    where = serializers.CharField()
    sentence = serializers.CharField()


class AssetImportSerializer(serializers.Serializer[Any]):
    """What became of a list of assets. Not `written`: a dry run, or one of them cannot be used."""

    written = serializers.BooleanField()
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    links = serializers.IntegerField()
    refused = serializers.IntegerField()
    refusals = RefusalSerializer(many=True, help_text="The first of them, by line.")
    notes = serializers.ListField(child=serializers.CharField())
