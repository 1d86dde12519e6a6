"""The shapes of what is said beside the scans in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import ObjectId, PersonSerializer, RowId, StrictSerializer, Text
from remediations.models import Proof, Release, SecretRevocation, StandingApproval
from remediations.statuses import EvidenceSource, Outcome, SecretState

SOURCES = [s.value for s in EvidenceSource]
STATES = [s.value for s in SecretState]
OUTCOMES = [o.value for o in Outcome]
AS_OF = "When it was so; default: now."
SEEN = "What shows it: needed from a service account, such as the provider's answer."


class SecretRevocationSerializer(serializers.ModelSerializer[SecretRevocation]):
    """Whether the secret of a finding still opens anything. The newest word decides."""

    state = serializers.ChoiceField(STATES, read_only=True)
    source = serializers.ChoiceField(SOURCES, read_only=True)  # type: ignore[assignment]
    by = PersonSerializer(read_only=True)

    class Meta:
        model = SecretRevocation
        fields = ("id", "scope", "finding", "state", "method", "evidence", "source", "committed_at",
                  "as_of", "at", "by")  # fmt: skip
        read_only_fields = fields


class NewSecretRevocationSerializer(StrictSerializer):
    state = serializers.ChoiceField(
        STATES,
        default=SecretState.REVOKED.value,
        help_text="`active`: the provider still takes it. `never_live`: it opened nothing.",
    )
    method = Text(5000, help_text="How it was revoked, or tried.")
    evidence = Text(5000, required=False, allow_blank=True, help_text=SEEN)
    as_of = serializers.DateTimeField(required=False, help_text=AS_OF)
    committed_at = serializers.DateTimeField(required=False, help_text="When the secret came in.")


class ProofSerializer(serializers.ModelSerializer[Proof]):
    """What a proof of concept that worked on the base of a fix does on one revision of it."""

    outcome = serializers.ChoiceField(OUTCOMES, read_only=True)
    source = serializers.ChoiceField(SOURCES, read_only=True)  # type: ignore[assignment]
    by = PersonSerializer(read_only=True)

    class Meta:
        model = Proof
        fields = ("id", "scope", "remediation", "finding", "base_commit", "base_tree", "commit", "tree",
                  "outcome", "agent_run", "model", "evidence", "source", "as_of", "at", "by")  # fmt: skip
        read_only_fields = fields


class NewProofSerializer(StrictSerializer):
    """A run of a proof of concept that has worked on the fix's base."""

    finding = RowId()
    outcome = serializers.ChoiceField(OUTCOMES, help_text="What it does on the fix.")
    commit = ObjectId(
        required=False, help_text="On what it was run; default: what merged, else the head."
    )
    evidence = Text(5000, required=False, allow_blank=True, help_text=SEEN)
    as_of = serializers.DateTimeField(required=False, help_text=AS_OF)
    agent_run = Text(200, required=False, allow_blank=True, help_text="The run that ran it.")
    model = Text(120, required=False, allow_blank=True, help_text="The model that ran it.")


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    """What a registry said of one version of a package. The newest look-up of a version counts."""

    source = serializers.ChoiceField(SOURCES, read_only=True)  # type: ignore[assignment]
    by = PersonSerializer(read_only=True)

    class Meta:
        model = Release
        fields = ("id", "scope", "package", "version", "exists", "yanked", "evidence", "source", "as_of",
                  "at", "by")  # fmt: skip
        read_only_fields = fields


class NewReleaseSerializer(StrictSerializer):
    scope = RowId()
    package = Text(300, help_text="A package URL without the version: `pkg:npm/lodash`.")
    version = Text(120)
    exists = serializers.BooleanField()
    yanked = serializers.BooleanField(required=False, default=False)
    evidence = Text(5000, help_text="What was seen, such as the address that was asked.")
    as_of = serializers.DateTimeField(required=False, help_text=AS_OF)


class StandingApprovalSerializer(serializers.ModelSerializer[StandingApproval]):
    """An owner's word, given once, for changes of versions only by dependency bots."""

    bots: Any = serializers.ListField(child=serializers.CharField(), read_only=True)
    ecosystems: Any = serializers.ListField(child=serializers.CharField(), read_only=True)
    manifests: Any = serializers.ListField(child=serializers.CharField(), read_only=True)
    owner = PersonSerializer(source="by", read_only=True)
    ended_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = StandingApproval
        fields = ("id", "scope", "owner", "bots", "ecosystems", "manifests", "reason", "since", "until",
                  "at", "ended_at", "ended_by", "ended_reason")  # fmt: skip
        read_only_fields = fields


class NewStandingApprovalSerializer(StrictSerializer):
    """You are the owner who approves. Ecosystems or manifests, or both, say what is covered."""

    scope = RowId()
    bots = serializers.ListField(child=Text(120), help_text="Such as `Dependabot`, `Renovate`.")
    ecosystems = serializers.ListField(
        child=Text(120), required=False, help_text="Such as `JavaScript` or `npm`."
    )
    manifests = serializers.ListField(
        child=Text(200), required=False, help_text="Globs of files: `services/*/package.json`."
    )
    reason = Text(5000)
    since = serializers.DateField(required=False, help_text="Its first day (UTC); default: today.")
    until = serializers.DateField(help_text="Its last day (UTC), at most 365 days ahead.")
