"""The shapes of assignment, campaigns, groups and suggestions in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from findings.alike import Kind
from findings.choosing import MOST_WORDS
from findings.models import Campaign, Finding, FindingGroup
from findings.serializers import PRESENCES, SEVERITIES, STATUSES
from findings.services import MAX_ASSIGNED, MAX_GROUPED, MAX_TEXT
from findings.services.campaigns import MAX_NAME
from findings.services.grouping import MAX_TITLE
from scopes.models import Team

KINDS = [kind.value for kind in Kind]
BY_FILTER = "Filters of the list of findings, as its address holds them: `severity=high&asset=3`."
NOBODY = "The id of a member of the scope; null: nobody; left out: as it is."
NO_TEAM = "The id of a team of the scope; null: none; left out: as it is."


class TeamNameSerializer(serializers.ModelSerializer[Team]):
    """A team, as others see it."""

    class Meta:
        model = Team
        fields = ("id", "name", "handle")
        read_only_fields = fields


# --- assignment ----------------------------------------------------------------------------------
class AssignSerializer(StrictSerializer):
    """Who answers for a finding: a person, a team, or both."""

    to = RowId(allow_null=True, required=False, help_text=NOBODY)
    team = RowId(allow_null=True, required=False, help_text=NO_TEAM)


class BulkAssignSerializer(AssignSerializer):
    """Who answers for many findings, by number or by the filters of the list."""

    findings = serializers.ListField(
        child=RowId(), required=False, min_length=1, max_length=MAX_ASSIGNED
    )
    filter = Text(MOST_WORDS, required=False, help_text=f"{BY_FILTER} At most {MAX_ASSIGNED:,}.")
    dry_run = serializers.BooleanField(required=False, help_text="Answer what would happen.")


class AssignedSerializer(serializers.Serializer[Any]):
    """One finding; ``problem`` says why it was refused."""

    finding = serializers.IntegerField()
    done = serializers.BooleanField()
    problem = serializers.CharField(allow_blank=True)


class BulkAssignedSerializer(serializers.Serializer[Any]):
    """What became of each finding, or would with `dry_run`."""

    dry_run = serializers.BooleanField()
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    answers = AssignedSerializer(many=True)


# --- campaigns -----------------------------------------------------------------------------------
class CampaignCountsSerializer(serializers.Serializer[Any]):
    """How far a campaign has come. Only `proven` is done."""

    total = serializers.IntegerField()
    proven = serializers.IntegerField(help_text="Completed by the gate.")
    proven_percent = serializers.IntegerField(help_text="Of all, rounded down.")
    claimed = serializers.IntegerField(help_text='Somebody said "fixed"; nothing has shown it.')
    open = serializers.IntegerField(help_text="Open, and nobody says that they are fixed.")
    ended_otherwise = serializers.IntegerField(
        help_text="Ended without proof: never counted as done."
    )
    by_status = serializers.DictField(child=serializers.IntegerField())


class CampaignWeekSerializer(serializers.Serializer[Any]):
    """How a campaign stood at the end of a week, as dates of its findings tell."""

    until = serializers.DateField()
    total = serializers.IntegerField()
    open = serializers.IntegerField()
    proven = serializers.IntegerField()


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """Many findings with one goal. It closes none of them."""

    owner = PersonSerializer(read_only=True, allow_null=True)
    team = TeamNameSerializer(read_only=True, allow_null=True)
    started_by = PersonSerializer(read_only=True)
    ended_by = PersonSerializer(read_only=True, allow_null=True)
    due_on = serializers.DateField(read_only=True, allow_null=True)
    ended_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Campaign
        fields = (
            "id", "scope", "name", "goal", "owner", "team", "due_on", "started_at", "started_by",
            "ended_at", "ended_by", "ended_reason",
        )  # fmt: skip
        read_only_fields = fields


class CampaignProgressSerializer(serializers.Serializer[Any]):
    """Counts of a campaign's findings now, and its burn-down by week."""

    now = CampaignCountsSerializer()
    weeks = CampaignWeekSerializer(many=True)


class ChangedCampaignSerializer(StrictSerializer):
    """What is left out stays."""

    name = Text(MAX_NAME, required=False)
    goal = Text(MAX_TEXT, required=False)
    owner = RowId(required=False, allow_null=True, help_text="A member of the scope; null: nobody.")
    team = RowId(required=False, allow_null=True, help_text="A team of the scope; null: none.")
    due_on = serializers.DateField(required=False, allow_null=True)


class NewCampaignSerializer(ChangedCampaignSerializer):
    """A campaign without findings yet."""

    scope = RowId()
    name = Text(MAX_NAME)
    goal = Text(MAX_TEXT)


class MembersSerializer(StrictSerializer):
    """Findings by number, or by the filters of the list."""

    findings = serializers.ListField(
        child=RowId(), required=False, min_length=1, max_length=MAX_ASSIGNED
    )
    filter = Text(MOST_WORDS, required=False, help_text=f"{BY_FILTER} At most 10,000.")


class LeavingSerializer(StrictSerializer):
    """Findings that leave a campaign, with the reason."""

    findings = serializers.ListField(child=RowId(), min_length=1, max_length=MAX_ASSIGNED)
    reason = Text(MAX_TEXT)


class CountedSerializer(serializers.Serializer[Any]):
    """How many findings came in or went out, and how the campaign stands."""

    count = serializers.IntegerField()
    now = CampaignCountsSerializer()


class EndCampaignSerializer(StrictSerializer):
    """Reached, or why it is given up."""

    reason = Text(MAX_TEXT)


# --- groups --------------------------------------------------------------------------------------
class GroupMemberSerializer(serializers.ModelSerializer[Finding]):
    """A finding of a group, with its own status and proof."""

    reference = serializers.CharField(source="__str__", read_only=True)
    status = serializers.ChoiceField(STATUSES, read_only=True)
    severity = serializers.ChoiceField(SEVERITIES, read_only=True)
    presence = serializers.ChoiceField(PRESENCES, read_only=True)

    class Meta:
        model = Finding
        fields = (
            "id", "reference", "asset", "line", "tool", "rule", "title", "path", "start_line",
            "severity", "priority_score", "presence", "status", "claimed_at", "verified_at",
        )  # fmt: skip
        read_only_fields = fields


class GroupSerializer(serializers.ModelSerializer[FindingGroup]):
    """One weakness that several findings tell of. It closes none of them."""

    created_by = PersonSerializer(read_only=True)

    class Meta:
        model = FindingGroup
        fields: tuple[str, ...] = ("id", "scope", "title", "created_at", "created_by")
        read_only_fields = fields


class GroupDetailSerializer(GroupSerializer):
    """A group with its findings; none, where it was split up."""

    findings = GroupMemberSerializer(source="members", many=True, read_only=True)

    class Meta(GroupSerializer.Meta):
        fields = (*GroupSerializer.Meta.fields, "findings")
        read_only_fields = fields


class MergeFindingsSerializer(StrictSerializer):
    """Findings of one scope that are one thing to fix; those in groups bring these along."""

    findings = serializers.ListField(child=RowId(), min_length=2, max_length=MAX_GROUPED)
    title = Text(MAX_TITLE, required=False, help_text="Left out: that of the first finding.")
    reason = Text(MAX_TEXT)


class SplitSerializer(StrictSerializer):
    """Findings that leave their group, with the reason."""

    findings = serializers.ListField(child=RowId(), min_length=1, max_length=MAX_GROUPED)
    reason = Text(MAX_TEXT)


class RenameSerializer(StrictSerializer):
    """Another title."""

    title = Text(MAX_TITLE)


# --- suggestions ---------------------------------------------------------------------------------
class SuggestionSerializer(serializers.Serializer[Any]):
    """Findings that could be closed together, most urgent first, and why."""

    kind = serializers.ChoiceField(KINDS)
    findings = serializers.ListField(child=serializers.IntegerField())
    priority = serializers.IntegerField(help_text="The sum of theirs.")
    reason = serializers.CharField()


class SuggestedSerializer(serializers.Serializer[Any]):
    """What one fix could close, and what is likely one weakness."""

    one_fix = SuggestionSerializer(many=True)
    same = SuggestionSerializer(many=True)
