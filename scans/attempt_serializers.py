"""The shape of attempts on a finding in the API."""

from typing import Any

from rest_framework import serializers

from remediations.serializers import ORIGINS, STATES
from scans.attempts import Outcome

OUTCOMES = [outcome.value for outcome in Outcome]


class AttemptSerializer(serializers.Serializer[Any]):
    """One fix of the finding, and how it ended."""

    remediation = serializers.IntegerField()
    title = serializers.CharField()
    origin = serializers.ChoiceField(ORIGINS)
    agent = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    verdict = serializers.CharField(help_text="Of the current judgement; empty: not judged.")
    outcome = serializers.ChoiceField(OUTCOMES)
    at = serializers.DateTimeField()


class FindingAttemptsSerializer(serializers.Serializer[Any]):
    """How often somebody tried to fix a finding, newest first."""

    count = serializers.IntegerField()
    by_outcome = serializers.DictField(child=serializers.IntegerField())
    attempts = AttemptSerializer(many=True)
