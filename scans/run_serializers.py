"""The shapes of what our own runner is told: orders, recipes, schedules. No rules here."""

import base64
from typing import Any

from rest_framework import serializers

from core import blobs
from core.api import Base64Field, PersonSerializer, RowId, StrictSerializer, Text
from scans.models import ScannerRecipe, ScanSchedule
from scans.runners import Network, Output, Recipe, why_not_here
from scans.serializers import TOOL_CLASSES, ScanDetailSerializer, ScanSerializer
from scans.services.recipes import MOST_LETTERS, MOST_WORDS

NETWORKS = [network.value for network in Network]
OUTPUTS = [output.value for output in Output]


class VerifySerializer(StrictSerializer):
    """By what a fix is to be scanned. Without a recipe: by all that fit its findings."""

    recipe = Text(
        40, required=False, help_text="The name of a recipe. Left out: all that fit the findings."
    )
    control = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Scan only the base, as positive control; needs a recipe. Else one is ordered "
        "with the scan, unless there is one by the same recipe.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["control"] and "recipe" not in attrs:
            raise serializers.ValidationError({"recipe": ["Say which recipe the control is of."]})
        return attrs


class VerifyingSerializer(ScanDetailSerializer):
    """The first of the scans that verify a fix; ``ordered``: all of them, controls included."""

    ordered = ScanSerializer(many=True, read_only=True)

    class Meta(ScanDetailSerializer.Meta):
        fields = (*ScanDetailSerializer.Meta.fields, "ordered")
        read_only_fields = fields


class RecipeSerializer(serializers.ModelSerializer[ScannerRecipe]):
    """One version of a recipe of a scope's own; the newest of a name counts."""

    tool_class = serializers.ChoiceField(TOOL_CLASSES, read_only=True)
    network = serializers.ChoiceField(NETWORKS, read_only=True)
    output = serializers.ChoiceField(OUTPUTS, read_only=True)
    command = serializers.ListField(child=serializers.CharField(), read_only=True)
    ok_exit_codes = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    config_sha256 = serializers.CharField(source="config_id", read_only=True, allow_null=True)
    created_by = PersonSerializer(read_only=True)

    class Meta:
        model = ScannerRecipe
        fields: tuple[str, ...] = (
            "id", "scope", "name", "version", "digest", "tool", "tool_class", "command",
            "ok_exit_codes", "network", "output", "config_name", "config_sha256", "image", "vendor",
            "model", "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = fields


class RecipeDetailSerializer(RecipeSerializer):
    """A recipe with its configuration."""

    config_base64 = serializers.SerializerMethodField()

    class Meta(RecipeSerializer.Meta):
        fields = (*RecipeSerializer.Meta.fields, "config_base64")
        read_only_fields = fields

    def get_config_base64(self, row: ScannerRecipe) -> str:
        data = blobs.load(row.config_id) if row.config_id else b""
        return base64.b64encode(data).decode()


class NewRecipeSerializer(StrictSerializer):
    """A command for our runner: a list of words, no shell. `{out}` becomes the report's path."""

    scope = RowId()
    name = Text(40, help_text="A name that is there already gets its next version.")
    tool_class = serializers.ChoiceField(TOOL_CLASSES)
    command = serializers.ListField(
        child=Text(MOST_LETTERS, trim_whitespace=False), max_length=MOST_WORDS
    )
    tool = Text(120, required=False, help_text="The name that the scanner gives itself in reports.")
    ok_exit_codes = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=255), max_length=20, required=False
    )
    network = serializers.ChoiceField(NETWORKS, required=False)
    output = serializers.ChoiceField(OUTPUTS, required=False)
    config_base64 = Base64Field(required=False)
    config_name = Text(100, required=False, help_text="The file that `{config}` becomes.")
    image = Text(300, required=False, help_text="What it runs in, as evidence.")
    vendor = Text(120, required=False, help_text="Of an agentic scanner.")
    model = Text(120, required=False, help_text="Of an agentic scanner.")


class BuiltInRecipeSerializer(serializers.Serializer[Recipe]):
    """A recipe that comes with the product; ``refusal`` says why it cannot be ordered here."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField()
    tool = serializers.CharField()
    tool_class = serializers.ChoiceField(TOOL_CLASSES)
    command = serializers.ListField(child=serializers.CharField())
    network = serializers.ChoiceField(NETWORKS)
    refusal = serializers.SerializerMethodField()

    def get_refusal(self, recipe: Recipe) -> str:
        return why_not_here(recipe)


class BuiltInRecipesSerializer(serializers.Serializer[Any]):
    """All that come with the product. ``own``: scopes may bring their own."""

    own = serializers.BooleanField()
    results = BuiltInRecipeSerializer(many=True)


class ScheduleSerializer(serializers.ModelSerializer[ScanSchedule]):
    """A line is scanned by a recipe each day. ``error``: why the last scan could not be ordered."""

    line = serializers.CharField(source="line.name", read_only=True)
    last_on = serializers.DateField(read_only=True, allow_null=True)
    created_by = PersonSerializer(read_only=True)

    class Meta:
        model = ScanSchedule
        fields = (
            "id", "scope", "asset", "line", "recipe", "hour", "last_on", "error", "created_at",
            "created_by",
        )  # fmt: skip
        read_only_fields = fields


class NewScheduleSerializer(StrictSerializer):
    """When a line is to be scanned."""

    asset = RowId()
    line = Text(200, required=False, help_text="The line by name; default: the asset's default.")
    recipe = Text(40)
    hour = serializers.IntegerField(min_value=0, max_value=23, help_text="UTC.")
