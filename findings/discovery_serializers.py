"""The shapes of rules of discovery, what they did, tags and decided severities in the API."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from findings.actions import LONGEST_PROJECT, LONGEST_TAG, MOST_TAGS
from findings.conditions import LONGEST, MOST
from findings.discovery import acting
from findings.guards import MAX_REASON
from findings.models import (
    AppliedRule,
    DiscoveryRule,
    ScopeDecisionPolicy,
    SeverityDecision,
    Tag,
)
from findings.services.rehearsing import DEFAULT_LAST, MOST_LAST
from findings.services.rules import LONGEST_NAME, MOST_POSITION
from findings.statuses import Presence, RuleEnd, SetAside, Severity
from gate.records import Level

SEVERITIES = [s.value for s in Severity]
LEVELS = [level.value for level in Level]
ASIDE = [s.value for s in SetAside if s]
ENDS = [end.value for end in RuleEnd]


def _words(**more: Any) -> serializers.ListField:
    return serializers.ListField(child=Text(LONGEST), max_length=MOST, required=False, **more)


class ConditionsSerializer(StrictSerializer):
    """What a rule asks of a finding; all of it has to hold. At least one member."""

    tool = _words(help_text="One of these names.")
    tool_class = _words()
    rule = _words(help_text="One of these rule ids; `*` stands for any characters.")
    path = _words(help_text="One of these globs: `tests/**`. One may begin in any folder.")
    title = _words(help_text="All of these words are in the title.")
    cwe = _words(help_text="One of these: `CWE-79`.")
    asset = serializers.ListField(child=RowId(), max_length=MOST, required=False)
    asset_tag = _words(help_text="The asset has one of these tags.")
    presence = serializers.ListField(
        child=serializers.ChoiceField([p.value for p in Presence]), max_length=MOST, required=False
    )
    severity_at_most = serializers.ChoiceField(SEVERITIES, required=False, help_text="By the tool.")
    severity_at_least = serializers.ChoiceField(SEVERITIES, required=False)
    level_at_most = serializers.ChoiceField(LEVELS, required=False)
    level_at_least = serializers.ChoiceField(LEVELS, required=False)


class RuleAssignSerializer(StrictSerializer):
    """Either a member or a team of the scope."""

    member = RowId(required=False)
    team = RowId(required=False)


class ActionsSerializer(StrictSerializer):
    """What a rule does; at least one member."""

    severity = serializers.ChoiceField(SEVERITIES, required=False)
    tags = serializers.ListField(child=Text(LONGEST_TAG), max_length=MOST_TAGS, required=False)
    assign = RuleAssignSerializer(required=False)
    set_aside = serializers.ChoiceField(
        ASIDE,
        required=False,
        help_text="Out of the queues, still open. Needs a reason and a second person; `noise` an expiry.",
    )
    ticket_project = Text(
        LONGEST_PROJECT,
        required=False,
        help_text="A project of a tracker of this scope, as it names it: what is open gets a ticket there.",
    )


class NewRuleSerializer(StrictSerializer):
    """A rule to be made, or the next version of one."""

    name = Text(LONGEST_NAME)
    position = serializers.IntegerField(
        min_value=0, max_value=MOST_POSITION, required=False, help_text="The least is asked first."
    )
    conditions = ConditionsSerializer()
    actions = ActionsSerializer()
    reason = Text(MAX_REASON, required=False, allow_blank=True)
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Of noise at most 366 days ahead."
    )


class NewScopeRuleSerializer(NewRuleSerializer):
    """A rule to be made in a scope."""

    scope = RowId()
    out_of = RowId(required=False, help_text="The dismissed finding that it generalises.")


class RehearseSerializer(StrictSerializer):
    """A rule to be tried."""

    scope = RowId()
    position = serializers.IntegerField(min_value=0, max_value=MOST_POSITION, required=False)
    conditions = ConditionsSerializer()
    actions = ActionsSerializer()
    last = serializers.IntegerField(
        min_value=1,
        max_value=MOST_LAST,
        required=False,
        help_text=f"How many of the newest findings are looked at; {DEFAULT_LAST} unless given.",
    )
    replaces = RowId(required=False)


class ChangeSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField()


class SampleSerializer(serializers.Serializer[Any]):
    """A finding that the rule would have changed."""

    finding = serializers.IntegerField()
    title = serializers.CharField()
    rule = serializers.CharField()
    path = serializers.CharField(allow_blank=True)
    status = serializers.CharField()
    changes = ChangeSerializer(many=True)


class RehearsalSerializer(serializers.Serializer[Any]):
    """What a rule would have done. ``counts``: findings by action, where no rule before it wins;
    ``ticket_project`` counts those that may get a ticket: open and in the queues."""

    looked_at = serializers.IntegerField()
    matched = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    samples = SampleSerializer(many=True)


class RuleSerializer(serializers.ModelSerializer[DiscoveryRule]):
    """One version of a rule. ``waits``: a second person has to approve it before it acts."""

    conditions = ConditionsSerializer(read_only=True)
    actions = serializers.SerializerMethodField()
    waits = serializers.BooleanField(read_only=True)
    ended_because = serializers.ChoiceField(ENDS, read_only=True)
    created_by = PersonSerializer(read_only=True)
    approved_by = PersonSerializer(read_only=True, allow_null=True)
    ended_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = DiscoveryRule
        fields = (
            "id", "scope", "name", "position", "conditions", "actions", "reason", "expires_at",
            "replaces", "waits", "alone", "created_at", "created_by", "approved_at", "approved_by",
            "ended_at", "ended_by", "ended_because",
        )  # fmt: skip
        read_only_fields = fields

    def get_actions(self, row: DiscoveryRule) -> ActionsSerializer:
        return acting(row).actions.to_dict()  # type: ignore[return-value]


class AppliedSerializer(serializers.Serializer[Any]):
    """What a rule changed: so many findings, by action; ``sha256`` of their sorted numbers as JSON.

    ``more_follows``: a job asks the rule of the rest, with an event for each part.
    """

    findings = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    sha256 = serializers.CharField()
    more_follows = serializers.BooleanField()


class AppliedRuleSerializer(serializers.ModelSerializer[AppliedRule]):
    """A rule did something to a finding. ``undone_at``: the rule ended, and it was taken back."""

    did = serializers.DictField(read_only=True)

    class Meta:
        model = AppliedRule
        fields = ("id", "finding", "rule", "did", "at", "undone_at")
        read_only_fields = fields


class TagSerializer(serializers.ModelSerializer[Tag]):
    """A word that findings of a scope have."""

    class Meta:
        model = Tag
        fields = ("id", "scope", "name")
        read_only_fields = fields


class FindingTagsSerializer(serializers.Serializer[Any]):
    """The tags that a finding has, in order."""

    tags = serializers.ListField(child=serializers.CharField())


class SetTagsSerializer(StrictSerializer):
    """Tags to put on a finding, and to take off."""

    add = serializers.ListField(child=Text(LONGEST_TAG), max_length=MOST_TAGS, required=False)
    remove = serializers.ListField(child=Text(LONGEST_TAG), max_length=MOST_TAGS, required=False)


class SeverityDecisionSerializer(serializers.ModelSerializer[SeverityDecision]):
    """A person set the severity; empty: took that back."""

    severity = serializers.ChoiceField(["", *SEVERITIES], read_only=True)
    by = PersonSerializer(read_only=True)

    class Meta:
        model = SeverityDecision
        fields = ("id", "severity", "reason", "at", "by")
        read_only_fields = fields


class DecideSeveritySerializer(StrictSerializer):
    severity = serializers.ChoiceField(
        SEVERITIES, allow_blank=True, help_text="Empty: the tool's counts again."
    )
    reason = Text(MAX_REASON)


class DecisionPolicySerializer(serializers.ModelSerializer[ScopeDecisionPolicy]):
    """What one approver may decide alone; what is false takes a second person."""

    class Meta:
        model = ScopeDecisionPolicy
        fields = ("dismissals_alone", "acceptances_alone", "rules_alone")
        read_only_fields = fields


class SetDecisionPolicySerializer(StrictSerializer):
    """What one approver may decide alone from now on."""

    dismissals_alone = serializers.BooleanField()
    acceptances_alone = serializers.BooleanField()
    rules_alone = serializers.BooleanField()
