"""The shapes of proposed fixes in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import ObjectId, PersonSerializer, RowId, StrictSerializer, Text
from remediations.models import Proposal, ProposalFinding
from remediations.proposing import MAX_REASON
from remediations.readers import MAX_BYTES
from remediations.serializers import ORIGINS, FixSerializer
from remediations.services import MAX_FINDINGS
from remediations.statuses import Confidence, ProposalSource, ProposalState, Sureness

SOURCES = [s.value for s in ProposalSource]
STATES = [s.value for s in ProposalState]
SURENESSES = [s.value for s in Sureness]
CONFIDENCES = [c.value for c in Confidence]
MAX_FILE = 2 * 1024 * 1024  # characters of a file that is told as it was


class NamedFindingSerializer(serializers.ModelSerializer[ProposalFinding]):
    """A finding that a proposal is for, how surely, and why."""

    sure = serializers.ChoiceField(SURENESSES, read_only=True)

    class Meta:
        model = ProposalFinding
        fields = ("finding", "sure", "reason")
        read_only_fields = fields


class MadeBySerializer(serializers.Serializer[Any]):
    """One sign of who or what made a proposal."""

    kind = serializers.CharField()
    agent = serializers.CharField()
    origin = serializers.ChoiceField(ORIGINS)
    confidence = serializers.CharField()
    text = serializers.CharField()


class ProposalSerializer(serializers.ModelSerializer[Proposal]):
    """A fix that a file proposes. Never evidence: it moves no finding and passes no check."""

    reference = serializers.CharField(source="__str__", read_only=True)
    source = serializers.ChoiceField(SOURCES, read_only=True)  # type: ignore[assignment]
    state = serializers.ChoiceField(STATES, read_only=True)
    origin = serializers.ChoiceField(ORIGINS, read_only=True)
    confidence = serializers.ChoiceField(CONFIDENCES, read_only=True)
    findings: Any = NamedFindingSerializer(source="named", many=True, read_only=True)
    signals = MadeBySerializer(many=True, read_only=True)
    diff_sha256 = serializers.CharField(source="diff_id", read_only=True, allow_null=True)
    created_by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Proposal
        fields = (
            "id", "reference", "scope", "asset", "line", "source", "place", "tool", "rule", "title",
            "description", "files", "diff_sha256", "base_commit", "origin", "agent", "model",
            "confidence", "signals", "findings", "state", "remediation", "reason", "decided_at",
            "decided_by", "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = fields


class NewProposalsSerializer(StrictSerializer):
    """A file of proposed fixes, for findings of one line."""

    asset = RowId()
    line = Text(200, required=False, help_text="The branch; left out: the default line.")
    source = serializers.ChoiceField(  # type: ignore[assignment]
        SOURCES, required=False, help_text="Left out: told from the file."
    )
    text = Text(
        MAX_BYTES,
        trim_whitespace=False,
        help_text="The file: CodeTF, SARIF with `fixes`, or a unified diff.",
    )
    findings = serializers.ListField(
        child=RowId(),
        required=False,
        max_length=MAX_FINDINGS,
        help_text="Open ones that you say it is for, beside those that it names.",
    )
    contents = serializers.DictField(
        child=Text(MAX_FILE, trim_whitespace=False, allow_blank=True),
        required=False,
        help_text="Path → the file as it was: draws replacements of SARIF as a diff.",
    )
    base_commit = ObjectId(required=False)
    title = Text(300, required=False)


class LeftOutSerializer(serializers.Serializer[Any]):
    """Something in the file that is no proposal here, and why."""

    where = serializers.CharField()
    why = serializers.CharField()


class TakenInSerializer(serializers.Serializer[Any]):
    """What became of a file."""

    format = serializers.CharField()
    new = serializers.IntegerField(help_text="Proposals that were not known.")
    proposals = ProposalSerializer(many=True)
    left_out = LeftOutSerializer(many=True)


class DeclineSerializer(StrictSerializer):
    """Why a proposal is not taken."""

    reason = Text(MAX_REASON)


class TakeSerializer(FixSerializer):
    """The fix that the proposal became: one that is known, or a commit."""

    remediation = RowId(required=False)
    head_commit = ObjectId(required=False)
    base_commit = ObjectId(required=False, help_text="Left out: that of the proposal.")
    title = Text(300, required=False)
    unchanged = serializers.BooleanField(
        required=False, help_text="The commit is the patch as it was proposed."
    )
    findings = serializers.ListField(
        child=RowId(),
        required=False,
        max_length=MAX_FINDINGS,
        help_text="Left out: the open ones that the proposal names exactly, else those that are likely.",
    )
