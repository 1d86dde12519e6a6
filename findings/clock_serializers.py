"""The shapes of SLAs and of their clocks in the API."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from findings.models import ClockPause
from findings.services import MAX_TEXT
from findings.services.clocks import MOST_HOLIDAYS, MOST_WARN_DAYS
from findings.sla import MOST_DAYS, Counts

DAYS = "Severity or priority (P1 to P4) → days. The fewer of both count; what is left out has no clock."


class _Days(serializers.DictField):
    def __init__(self, **kwargs: Any) -> None:
        child = serializers.IntegerField(min_value=1, max_value=MOST_DAYS)
        super().__init__(child=child, **kwargs)


class SlaSerializer(StrictSerializer):
    """By when findings of a scope have to be fixed, and leave each stage; which days count."""

    days = _Days(help_text=DAYS)
    stage_days = serializers.DictField(
        child=_Days(), required=False, default=dict, help_text=f"Open stage → {DAYS}"
    )
    counts = serializers.ChoiceField([c.value for c in Counts])
    warn_days = serializers.IntegerField(min_value=0, max_value=MOST_WARN_DAYS)
    time_zone = serializers.CharField(max_length=64, help_text="Such as Europe/Berlin.")
    working_days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), min_length=1, max_length=7,
        help_text="1 is Monday.",
    )  # fmt: skip
    holidays = serializers.ListField(
        child=serializers.CharField(max_length=10), max_length=MOST_HOLIDAYS, required=False,
        default=list, help_text="Dates, such as 2026-12-25.",
    )  # fmt: skip


class PauseSerializer(serializers.ModelSerializer[ClockPause]):
    """A time in which the clock of a finding stood still, or stands: then ``ended_at`` is null."""

    started_by = PersonSerializer(read_only=True)
    ended_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = ClockPause
        fields = (
            "id",
            "finding",
            "party",
            "reason",
            "started_at",
            "started_by",
            "ended_at",
            "ended_by",
        )
        read_only_fields = fields


class NewPauseSerializer(StrictSerializer):
    finding = RowId()
    party = Text(200, help_text="Whom it waits for, such as a vendor.")
    reason = Text(MAX_TEXT)
