"""The shapes of figures and reports in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer
from reports.metrics.definitions import DEFINITIONS
from reports.models import Report
from reports.statuses import Period, ReportState

PERIODS = [period.value for period in Period]
STATES = [state.value for state in ReportState]
UNTIL = "The end of the time; now, where nobody says. Never ahead."
SINCE = "The beginning, for the period `custom` alone."


class FrameQuerySerializer(StrictSerializer):
    """Of what and when."""

    scope = RowId(required=False, help_text="One scope; without it all that you may read.")
    period = serializers.ChoiceField(PERIODS, default=Period.MONTH.value)
    since = serializers.DateTimeField(required=False, help_text=SINCE)
    until = serializers.DateTimeField(required=False, help_text=UNTIL)


class NewReportSerializer(StrictSerializer):
    """What a report is to tell of."""

    scope = RowId(
        required=False, allow_null=True, default=None,
        help_text="One scope; null: all in which you may make reports.",
    )  # fmt: skip
    period = serializers.ChoiceField(PERIODS, default=Period.MONTH.value)
    since = serializers.DateTimeField(required=False, help_text=SINCE)
    until = serializers.DateTimeField(required=False, help_text=UNTIL)


class DefinitionSerializer(serializers.Serializer[Any]):
    """What a figure means. Numerator and denominator are empty for what is no share."""

    title = serializers.CharField()
    unit = serializers.CharField()
    says = serializers.CharField()
    numerator = serializers.CharField(allow_blank=True)
    denominator = serializers.CharField(allow_blank=True)


class FiguresSerializer(serializers.Serializer[Any]):
    """All figures of a time. Shares have `numerator`, `denominator` and `percent` (null: of fewer than 20).

    `speed`: days, median and 90th percentile. `change`: from `opening` to `closing` by its causes, whose
    `change` adds up with `unexplained`. Members that end in `_before`: of the time of the same length before.
    """

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    scopes = serializers.ListField(child=serializers.IntegerField())
    open = serializers.DictField()
    change = serializers.DictField()
    flow = serializers.DictField()
    flow_before = serializers.DictField()
    speed = serializers.DictField()
    speed_before = serializers.DictField()
    sla = serializers.DictField()
    closures = serializers.DictField()
    closures_before = serializers.DictField()
    second_loop = serializers.DictField()
    coverage = serializers.DictField()
    exceptions = serializers.DictField()
    certificates = serializers.DictField()
    told_elsewhere = serializers.DictField()
    trend = serializers.ListField(child=serializers.DictField())
    definitions = serializers.DictField(child=DefinitionSerializer())


class ReportSerializer(serializers.ModelSerializer[Report]):
    """A report. `snapshot_sha256`: of the file that `format=json` hands out; an event seals it."""

    scopes = serializers.SerializerMethodField()
    period = serializers.ChoiceField(PERIODS, read_only=True)
    state = serializers.ChoiceField(STATES, read_only=True)
    ordered_by = PersonSerializer(read_only=True)
    snapshot_sha256 = serializers.CharField(source="snapshot_id", read_only=True, allow_null=True)
    rows_sha256 = serializers.CharField(source="rows_id", read_only=True, allow_null=True)
    problem = serializers.CharField(read_only=True, help_text="Why it will not be made.")

    class Meta:
        model = Report
        fields = ("id", "scopes", "period", "since", "until", "state", "ordered_at", "ordered_by",
                  "made_at", "snapshot_sha256", "rows_sha256", "problem")  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_scopes(self, report: Report) -> list[int]:
        return sorted(part.scope_id for part in report.parts.all())


def with_definitions(figures: dict[str, Any], scopes: list[int]) -> dict[str, Any]:
    """What the API answers of figures."""
    return {**figures, "scopes": scopes, "definitions": DEFINITIONS}
