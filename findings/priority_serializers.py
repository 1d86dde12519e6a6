"""The shapes of feeds, weights and changes of priorities in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, StrictSerializer, Text
from findings.models import Cause, Feed, FeedKind, PriorityChange
from findings.weights import MAX_BYTES

FEED_KINDS = [kind.value for kind in FeedKind]
CAUSES = [cause.value for cause in Cause]


class FeedSerializer(serializers.ModelSerializer[Feed]):
    """One version of a feed that was imported. The newest of its kind counts."""

    kind = serializers.ChoiceField(FEED_KINDS, read_only=True)
    digest = serializers.CharField(read_only=True, help_text="SHA-256 of the file, in hex.")

    class Meta:
        model = Feed
        fields = ("id", "kind", "source", "digest", "version", "published_on", "rows",
                  "imported_at", "checked_at")  # fmt: skip
        read_only_fields = fields


class PriorityChangeSerializer(serializers.ModelSerializer[PriorityChange]):
    """What a priority was until ``at``, with its whole sum then, and what it became."""

    cause = serializers.ChoiceField(CAUSES, read_only=True)
    until_then = serializers.DictField(source="until_then.told", read_only=True)

    class Meta:
        model = PriorityChange
        fields = ("id", "at", "cause", "from_score", "from_band", "from_ssvc", "to_score",
                  "to_band", "to_ssvc", "until_then")  # fmt: skip
        read_only_fields = fields


class PriorityVersionSerializer(serializers.Serializer[Any]):
    """Weights that priorities were worked out by in a scope, since when and by whose hand."""

    name = serializers.CharField()
    digest = serializers.CharField()
    toml = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True, help_text="Null: since the scope is there.")
    until = serializers.DateTimeField(allow_null=True, help_text="Null: they are in force.")
    by = PersonSerializer(allow_null=True, help_text="Null: the weights in the code.")


class WeightsSerializer(StrictSerializer):
    toml = Text(MAX_BYTES, trim_whitespace=False, help_text="The exact text; its digest follows.")


class NewWeightsSerializer(WeightsSerializer):
    replaces = Text(
        80,
        required=False,
        help_text="The digest that must be in force for it to be replaced (409).",
    )


class TriedWeightsSerializer(serializers.Serializer[Any]):
    """What other weights would change of the open findings of a scope."""

    looked_at = serializers.IntegerField()
    left = serializers.IntegerField(help_text="Findings that were not looked at, for want of time.")
    changed = serializers.IntegerField(help_text="Findings with another score.")
    moved = serializers.IntegerField(help_text="Findings in another band.")
    bands = serializers.DictField(child=serializers.IntegerField(), help_text="`P3 to P2`: 12.")


class RescoringSerializer(serializers.Serializer[Any]):
    """Findings that are scored anew: done where ``finished_at`` is given, else by a job."""

    id = serializers.IntegerField()
    looked_at = serializers.IntegerField()
    changed = serializers.IntegerField()
    finished_at = serializers.DateTimeField(allow_null=True)
