"""The shapes of coverage and of the inbox in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from scans.inbox import InboxReport, InboxState
from scans.serializers import TOOL_CLASSES
from scans.services.coverage import Why
from scopes.serializers import ASSET_KINDS, LINE_KINDS

WHY = [why.value for why in Why]
INBOX_STATES = [state.value for state in InboxState]


class LookSerializer(serializers.Serializer[Any]):
    """The last time that a tool looked at a line."""

    tool_class = serializers.ChoiceField(TOOL_CLASSES)
    tool = serializers.CharField()
    line = serializers.CharField(source="line.name")
    line_kind = serializers.ChoiceField(LINE_KINDS, source="line.kind")
    commit = serializers.CharField(source="scan.commit", allow_blank=True)
    scan = serializers.IntegerField(source="scan.pk")
    at = serializers.DateTimeField()


class GapSerializer(serializers.Serializer[Any]):
    """A look that is missing on the default line. Class empty: a scan failed before anybody knew it."""

    tool_class = serializers.ChoiceField(["", *TOOL_CLASSES])
    why = serializers.ChoiceField(
        WHY, help_text="never, old, or failed: the last scan of the class."
    )
    last_at = serializers.DateTimeField(source="last.at", default=None, allow_null=True)
    failed_scan = serializers.IntegerField(source="scan.pk", default=None, allow_null=True)


class CoverageSerializer(serializers.Serializer[Any]):
    """Which classes of tools should look at an asset, which did, and what is missing."""

    asset = serializers.IntegerField(source="asset.pk")
    scope = serializers.IntegerField(source="asset.scope_id")
    name = serializers.CharField(source="asset.name")
    kind = serializers.ChoiceField(ASSET_KINDS, source="asset.kind")
    expected = serializers.ListField(child=serializers.ChoiceField(TOOL_CLASSES))
    fresh_days = serializers.IntegerField()
    looks = LookSerializer(many=True)
    gaps = GapSerializer(many=True)


class InboxReportSerializer(serializers.ModelSerializer[InboxReport]):
    """A report of an asset that was not there when it came; kept whole."""

    state = serializers.ChoiceField(INBOX_STATES, read_only=True)
    raw_sha256 = serializers.CharField(source="raw_id", read_only=True)
    facts = serializers.DictField(read_only=True)
    scan = serializers.IntegerField(source="scan_id", read_only=True, allow_null=True)
    created_by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = InboxReport
        fields = ("id", "scope", "asset_name", "repository", "line", "raw_sha256", "facts", "state",
                  "asset", "scan", "reason", "created_at", "created_by", "decided_at", "decided_by")  # fmt: skip
        read_only_fields = fields


class NewAssetOfReportSerializer(StrictSerializer):
    """The asset to be made; what is left out is as the report says."""

    name = Text(200, required=False)
    kind = serializers.ChoiceField(ASSET_KINDS, required=False)
    default_line = Text(200, required=False)


class PlaceSerializer(StrictSerializer):
    """Either an asset that is there, or one to be made."""

    asset = RowId(required=False)
    line = Text(200, required=False, help_text="Left out: the line that the report names.")
    new_asset = NewAssetOfReportSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("asset" in attrs) == ("new_asset" in attrs):
            raise serializers.ValidationError({"asset": ["Give either asset or new_asset."]})
        return attrs


class PlacedSerializer(serializers.Serializer[Any]):
    """What became of the reports of one name: uploads of the asset. ``left``: those that still wait."""

    asset = serializers.IntegerField(source="asset.pk")
    scans = serializers.ListField(child=serializers.IntegerField(), source="scan_ids")
    left = serializers.IntegerField()
    why_left = serializers.CharField(allow_blank=True)


class RejectSerializer(StrictSerializer):
    reason = Text(5000)
