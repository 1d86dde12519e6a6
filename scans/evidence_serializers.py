"""The shapes of what evidence reaches an asset and what it would be worth, in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from scans.owners import owner_of
from scans.serializers import SOURCES, VERDICTS


class MissingSerializer(serializers.Serializer[Any]):
    """A required check in the way; `owner`: who can supply what it lacks."""

    id = serializers.CharField()
    outcome = serializers.CharField()
    owner = serializers.SerializerMethodField()
    reason = serializers.CharField()
    to_pass = serializers.CharField(allow_blank=True)

    def get_owner(self, check: dict[str, Any]) -> str:
        return owner_of(check["id"], check.get("outcome", ""))


class RehearsedSerializer(serializers.Serializer[Any]):
    """The gate's answer to a perfect fix by this kind of writer."""

    writer = serializers.CharField()
    tier = serializers.CharField(allow_blank=True)
    verdict = serializers.ChoiceField(VERDICTS)
    missing = MissingSerializer(many=True)


class SetupSerializer(serializers.Serializer[Any]):
    """A tool whose full scans arrive, the facts known of its newest one, and what they would be worth."""

    scan = serializers.IntegerField(source="scan.pk")
    tool = serializers.CharField(source="scan.tool")
    category = serializers.CharField(source="scan.category", allow_blank=True)
    facts_source = serializers.ChoiceField(SOURCES, source="scan.source")
    facts = serializers.SerializerMethodField(help_text="Members of the facts that are known.")
    finding = serializers.IntegerField(source="finding.pk", allow_null=True, default=None)
    rehearsed = RehearsedSerializer(many=True)
    note = serializers.CharField(allow_blank=True, help_text="Why nothing could be tried.")

    def get_facts(self, setup: Any) -> list[str]:
        return sorted(setup.scan.facts)


class WeekSerializer(serializers.Serializer[Any]):
    """Judgements of merged fixes that stood at the end of a week."""

    begins = serializers.DateField()
    judged = serializers.IntegerField()
    unknown = serializers.IntegerField()
    causes = serializers.DictField(child=serializers.IntegerField())


class CauseSerializer(serializers.Serializer[Any]):
    check_id = serializers.CharField(source="check")
    owner = serializers.CharField()
    count = serializers.IntegerField()


class AssetEvidenceSerializer(serializers.Serializer[Any]):
    """What evidence reaches an asset, and how often it was not enough."""

    setups = SetupSerializer(many=True)
    weeks = WeekSerializer(many=True)
    causes = CauseSerializer(many=True)
