"""The shapes of what another policy would have decided, in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from gate.checks.check import Outcome
from gate.policy_replay import Kind
from gate.terms import Tier
from scans.serializers import VERDICTS
from scans.services.policies import DEFAULT_LAST, MOST_LAST
from scopes.serializers import PolicyTomlSerializer

OUTCOMES = [outcome.value for outcome in Outcome]
TIERS = [tier.value for tier in Tier]
KINDS = [kind.value for kind in Kind]


class TryPolicySerializer(PolicyTomlSerializer):
    last = serializers.IntegerField(
        min_value=1, max_value=MOST_LAST, default=DEFAULT_LAST, help_text="Closures, newest first."
    )


class CheckChangeSerializer(serializers.Serializer[Any]):
    """One check that differs, in one sentence. `then` null: it did not exist."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(KINDS)
    then = serializers.ChoiceField(OUTCOMES, source="was", allow_null=True)
    now = serializers.ChoiceField(OUTCOMES, allow_null=True)
    blocks = serializers.BooleanField(help_text="Whether it stands in the way.")
    sentence = serializers.CharField()


class ReplaySerializer(serializers.Serializer[Any]):
    """What a policy would have decided, beside what is on record."""

    verdict_then = serializers.ChoiceField(VERDICTS)
    verdict_now = serializers.ChoiceField(VERDICTS)
    tier_then = serializers.ChoiceField(TIERS)
    tier_now = serializers.ChoiceField(TIERS)
    changes = CheckChangeSerializer(many=True)
    note = serializers.CharField(
        allow_blank=True, help_text="Where this release does not repeat the record either."
    )


class ReplayedSerializer(serializers.Serializer[Any]):
    """A closure by another policy. `replay` null: `problem` says why it cannot be judged again."""

    clearance = serializers.IntegerField(source="clearance.pk")
    finding = serializers.IntegerField(source="clearance.finding_id")
    reference = serializers.CharField(source="clearance.finding")
    title = serializers.CharField(source="clearance.finding.title")
    verification = serializers.IntegerField(source="clearance.verification_id")
    closed_at = serializers.DateTimeField(source="clearance.issued_at")
    live = serializers.BooleanField(source="clearance.live", help_text="False: revoked since.")
    would_close = serializers.BooleanField()
    why = serializers.ListField(child=serializers.CharField())
    replay = ReplaySerializer(allow_null=True)
    problem = serializers.CharField(allow_blank=True)


class DryRunSerializer(serializers.Serializer[Any]):
    """The last closures by another policy, newest first, and how often each verdict was given."""

    name = serializers.CharField(source="policy.name")
    digest = serializers.CharField(source="policy.digest")
    differences = serializers.ListField(
        child=serializers.CharField(), help_text="From the policy in force to this one."
    )
    last = serializers.IntegerField(source="asked")
    counts = serializers.DictField(child=serializers.IntegerField())
    stopped = serializers.IntegerField(help_text="Closures that would not have been.")
    left = serializers.IntegerField(help_text="Closures that no time was left for.")
    closures = ReplayedSerializer(many=True, source="rows")
