"""The shapes of fixes in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import Base64Field, ObjectId, PersonSerializer, RowId, StrictSerializer, Text
from gate.novelty import Cause
from remediations.models import (
    AuthorshipSignal,
    ChangedFile,
    Dispute,
    Remediation,
    Review,
    Waiver,
)
from remediations.services import MAX_COMMITS, MAX_FINDINGS
from remediations.statuses import (
    DECISIONS_HERE,
    Decision,
    DisputeAbout,
    DisputeState,
    Origin,
    RemediationState,
)

ORIGINS = [origin.value for origin in Origin]
STATES = [s.value for s in RemediationState]
DECISIONS = [d.value for d in Decision]
NEW_DECISIONS = [d.value for d in DECISIONS_HERE]
ABOUT = [a.value for a in DisputeAbout]
DISPUTE_STATES = [s.value for s in DisputeState]
CAUSES = [c.value for c in Cause]
MAX_TEXT = 20_000  # characters of a commit message or a comment


class RemediationSerializer(serializers.ModelSerializer[Remediation]):
    """One proposed fix at its newest revision. ``origin`` is told from its commits."""

    reference = serializers.CharField(source="__str__", read_only=True)
    state = serializers.ChoiceField(STATES, read_only=True)
    origin = serializers.ChoiceField(ORIGINS, read_only=True)
    declared_origin = serializers.ChoiceField(ORIGINS, read_only=True)
    created_by = PersonSerializer(read_only=True)
    findings: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    diff_sha256 = serializers.CharField(source="diff_id", read_only=True, allow_null=True)

    class Meta:
        model = Remediation
        fields: tuple[str, ...] = (
            "id", "reference", "scope", "asset", "line", "findings", "title", "url", "branch", "state",
            "base_commit", "base_tree", "head_commit", "head_tree", "diff_sha256", "pushed_at",
            "merge_commit", "merge_tree", "merged_at", "merged_by", "deployed_at", "author",
            "origin", "declared_origin", "agent", "model", "agent_run", "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = fields


class CommitSerializer(StrictSerializer):
    """A commit as git shows it; people as ``Name <mail>``."""

    id = ObjectId()
    message = Text(MAX_TEXT, allow_blank=True, trim_whitespace=False, required=False)
    author = Text(500, allow_blank=True, required=False)
    committer = Text(500, allow_blank=True, required=False)


class ChangedFileSerializer(serializers.ModelSerializer[ChangedFile]):
    """A file that the newest revision changes; counts are lines."""

    class Meta:
        model = ChangedFile
        fields = ("path", "old_path", "change", "added", "removed")
        read_only_fields = fields


class SignalSerializer(serializers.ModelSerializer[AuthorshipSignal]):
    """One sign of who wrote the fix."""

    origin = serializers.ChoiceField(ORIGINS, read_only=True)

    class Meta:
        model = AuthorshipSignal
        fields = ("kind", "agent", "origin", "confidence", "commit", "text")
        read_only_fields = fields


class RemediationDetailSerializer(RemediationSerializer):
    """A fix with its commits, changed files and the signs of who wrote it."""

    commits = CommitSerializer(many=True, read_only=True)
    changed_files = ChangedFileSerializer(many=True, read_only=True)
    signals = SignalSerializer(many=True, read_only=True)

    class Meta(RemediationSerializer.Meta):
        fields = (*RemediationSerializer.Meta.fields, "commits", "changed_files", "signals")
        read_only_fields = fields


class RevisionSerializer(StrictSerializer):
    """One revision of a fix, with ``git diff -M`` from its base to its head."""

    head_commit = ObjectId()
    head_tree = ObjectId(required=False, allow_blank=True)
    base_tree = ObjectId(required=False, allow_blank=True)
    diff = Text(64 * 1024 * 1024, required=False, trim_whitespace=False, allow_blank=True)
    diff_base64 = Base64Field(required=False, help_text="Instead of `diff`, for any bytes.")
    commits = CommitSerializer(many=True, required=False, max_length=MAX_COMMITS)  # type: ignore[call-arg]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hand on the one diff as bytes."""
        if "diff" in attrs and "diff_base64" in attrs:
            raise serializers.ValidationError({"diff_base64": ["Cannot stand beside diff."]})
        if "diff" in attrs:
            attrs["diff"] = attrs["diff"].encode()
        if "diff_base64" in attrs:
            attrs["diff"] = attrs.pop("diff_base64")
        return attrs


class FixSerializer(RevisionSerializer):
    """A fix as a code host or a pipeline tells of it."""

    base_commit = ObjectId()
    title = Text(300)
    url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    branch = Text(250, required=False, allow_blank=True)
    pushed_at = serializers.DateTimeField(required=False)
    author = Text(200, required=False, allow_blank=True)
    agent = Text(120, required=False, allow_blank=True)
    model = Text(120, required=False, allow_blank=True)
    agent_run = Text(200, required=False, allow_blank=True)
    declared_origin = serializers.ChoiceField(
        ORIGINS, required=False, help_text="May only raise what the commits tell."
    )

    def validate_url(self, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise serializers.ValidationError("Must be an http or https address.")
        return value


class NewRemediationSerializer(FixSerializer):
    """A proposed fix and the open findings of one line that it addresses."""

    asset = RowId()
    line = Text(200, required=False, help_text="A line of the asset by name; default: its default.")
    findings = serializers.ListField(child=RowId(), min_length=1, max_length=MAX_FINDINGS)


class PushSerializer(RevisionSerializer):
    base_commit = ObjectId(required=False, allow_blank=True)


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """A decision on one exact revision, made here by `reviewer` or on the code host by `login`."""

    reviewer = PersonSerializer(read_only=True, allow_null=True)
    decision = serializers.ChoiceField(DECISIONS, read_only=True)
    answers = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Review
        fields = (
            "id", "reviewer", "login", "host_review", "decision", "commit", "tree", "comment",
            "answers", "at",
        )  # fmt: skip
        read_only_fields = fields


class NewReviewSerializer(StrictSerializer):
    decision = serializers.ChoiceField(NEW_DECISIONS)
    commit = ObjectId(help_text="The revision that was looked at; must be the newest.")
    comment = Text(MAX_TEXT, required=False, allow_blank=True)
    answers = serializers.DictField(
        child=Text(5000, allow_blank=True), required=False, help_text="To the policy's questions."
    )


class MergeSerializer(StrictSerializer):
    merge_commit = ObjectId()
    merge_tree = ObjectId(required=False, allow_blank=True, default="")
    merged_at = serializers.DateTimeField(required=False)
    merged_by = Text(200, required=False, allow_blank=True)


class DeploySerializer(StrictSerializer):
    deployed_at = serializers.DateTimeField()


class WithdrawSerializer(StrictSerializer):
    reason = Text(2000)


# --- what is set aside or rejected in a judgement ------------------------------------------------
class WaiverSerializer(serializers.ModelSerializer[Waiver]):
    """A check set aside for one revision of a fix, to the end of a day (UTC)."""

    check = serializers.CharField(source="check_id", read_only=True)
    by = PersonSerializer(read_only=True)
    revoked_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Waiver
        fields = ("id", "scope", "remediation", "finding", "commit", "check", "reason", "until", "at",
                  "by", "revoked_at", "revoked_by", "revoked_reason")  # fmt: skip
        read_only_fields = fields


class NewWaiverSerializer(StrictSerializer):
    check = Text(60, help_text="The id of a check that is in the way, such as `RULE_ACTIVE`.")
    finding = RowId(
        required=False, allow_null=True, help_text="Left out: for all findings of the fix."
    )
    until = serializers.DateField(help_text="Its last day (UTC), at most 365 days ahead.")
    reason = Text(5000)


class DisputeSerializer(serializers.ModelSerializer[Dispute]):
    """Two people reject a pair or a cause. It counts once it is confirmed by a second person."""

    about = serializers.ChoiceField(ABOUT, read_only=True)
    cause = serializers.ChoiceField(CAUSES, read_only=True, allow_blank=True)
    state = serializers.ChoiceField(DISPUTE_STATES, read_only=True)
    by = PersonSerializer(read_only=True)
    second = PersonSerializer(read_only=True, allow_null=True)
    withdrawn_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Dispute
        fields = ("id", "scope", "remediation", "finding", "about", "result", "cause", "reason", "at",
                  "by", "state", "second_at", "second", "withdrawn_at", "withdrawn_by",
                  "withdrawn_reason")  # fmt: skip
        read_only_fields = fields


class NewDisputeSerializer(StrictSerializer):
    """About a match: `finding` and `result`. About a cause: `result` and the `cause` instead."""

    about = serializers.ChoiceField(ABOUT)
    result = Text(
        300,
        help_text="A result after the fix, as evidence names it: `scan-12.sarif#/runs/0/results/3`.",
    )
    finding = RowId(required=False, allow_null=True, help_text="Of which it is not the match.")
    cause = serializers.ChoiceField(CAUSES, required=False, help_text="Why it is new.")
    reason = Text(5000)


class ReasonSerializer(StrictSerializer):
    reason = Text(5000)
