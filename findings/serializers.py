"""The shapes of findings in the API. ``status`` is read here and written nowhere."""

from typing import Any

from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from core.filters import MAX_ID
from core.openapi import CheckSerializer
from findings.guards import MAX_REASON
from findings.models import Comment, Dismissal, ExternalKey, Finding, RiskAcceptance
from findings.services import MAX_TEXT
from findings.ssvc import Decision
from findings.statuses import VALIDATING, KeySource, Presence, SetAside, Severity, Status

DECISION = ("id", "reason", "requested_at", "requested_by", "alone", "approved_at", "approved_by")
STATUSES = [s.value for s in Status]
SEVERITIES = [s.value for s in Severity]
KEY_SOURCES = [source.value for source in KeySource]
PRESENCES = [p.value for p in Presence]
SSVC = [d.value for d in Decision]
EVIDENCE_KINDS = [k.value for k in VALIDATING]
ASIDES = [a.value for a in SetAside]


class TermSerializer(serializers.Serializer[Any]):
    """One line of the sum that makes the priority."""

    name = serializers.CharField()
    value = serializers.CharField()
    points = serializers.IntegerField()


class SsvcStepSerializer(serializers.Serializer[Any]):
    """One branch of SSVC's tree that was taken, and why."""

    point = serializers.CharField()
    value = serializers.CharField()
    because = serializers.CharField()


class SsvcSerializer(serializers.Serializer[Any]):
    """The decision of CISA's tree (SSVC) and the path to it."""

    table = serializers.CharField()
    decision = serializers.CharField()
    path = SsvcStepSerializer(many=True)


class PrioritySerializer(serializers.Serializer[Any]):
    """The priority term by term; the score is their plain sum."""

    score = serializers.IntegerField()
    band = serializers.CharField()
    terms = TermSerializer(many=True)
    weights = serializers.CharField(help_text="The name of those that count.")
    ssvc = SsvcSerializer()


class FindingSerializer(serializers.ModelSerializer[Finding]):
    """One weakness on one line of one asset.

    ``claimed_at``: somebody said "fixed". ``verified_at``: the gate saw proof, under ``clearance``.
    """

    reference = serializers.CharField(source="__str__", read_only=True)
    status = serializers.ChoiceField(STATUSES, read_only=True)
    severity = serializers.ChoiceField(SEVERITIES, read_only=True)
    presence = serializers.ChoiceField(PRESENCES, read_only=True)
    ssvc = serializers.ChoiceField(SSVC, read_only=True)
    decided_severity = serializers.ChoiceField(
        ["", *SEVERITIES],
        read_only=True,
        help_text="By a person or a rule; empty: the tool's counts.",
    )
    set_aside = serializers.ChoiceField(
        ASIDES,
        read_only=True,
        help_text="Why a rule keeps it out of the queues; it is open all the same.",
    )
    cwes = serializers.ListField(child=serializers.CharField(), read_only=True)
    claimed_by = PersonSerializer(read_only=True, allow_null=True)
    assigned_to = PersonSerializer(read_only=True, allow_null=True)
    due_at = serializers.DateTimeField(read_only=True, allow_null=True)
    clearance = serializers.IntegerField(source="clearance_id", read_only=True, allow_null=True)
    introduced_by = serializers.IntegerField(
        source="introduced_by_id", read_only=True, allow_null=True
    )

    class Meta:
        model = Finding
        fields: tuple[str, ...] = (
            "id", "reference", "scope", "asset", "line", "tool", "tool_class", "category", "rule",
            "title", "cwes", "help_uri", "level", "security_severity", "severity",
            "decided_severity", "set_aside", "path",
            "start_line", "presence", "first_seen_at", "last_seen_at", "status", "status_since",
            "priority_score", "priority_band", "ssvc", "cvss", "due_at", "claimed_at", "claimed_by", "verified_at",
            "clearance", "duplicate_of", "introduced_by", "assigned_to", "team", "owned_by", "group",
        )  # fmt: skip
        read_only_fields = fields


class ExternalKeySerializer(serializers.ModelSerializer[ExternalKey]):
    """What another tracker calls it."""

    source = serializers.ChoiceField(KEY_SOURCES, read_only=True)  # type: ignore[assignment]

    class Meta:
        model = ExternalKey
        fields = ("source", "key", "url")
        read_only_fields = fields


class FindingDetailSerializer(FindingSerializer):
    """A finding with its text, the terms of its priority and the fixes that address it."""

    external_keys = ExternalKeySerializer(many=True, read_only=True)
    priority = PrioritySerializer(source="priority.told", read_only=True)
    exploitability = serializers.CharField(
        read_only=True,
        help_text="What the tool claims: demonstrated, poc or theoretical; no proof.",
    )

    class Meta(FindingSerializer.Meta):
        fields = (
            *FindingSerializer.Meta.fields,
            "message",
            "snippet",
            "exploitability",
            "original_sha256",
            "priority",
            "external_keys",
        )
        read_only_fields = fields


class AvailableTransitionSerializer(serializers.Serializer[Any]):
    """A transition that starts where the finding stands: possible, or the reason why not."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    target = serializers.ChoiceField(STATUSES)
    allowed = serializers.BooleanField()
    refusal = serializers.CharField(allow_blank=True, help_text="One sentence; empty: possible.")
    needs = serializers.ListField(child=serializers.CharField(), help_text="What to bring.")
    checks = CheckSerializer(
        many=True, required=False, help_text="For `complete`: the checks that stand in its way."
    )


class TransitionSerializer(StrictSerializer):
    """A transition by name, with what it ``needs``."""

    name = Text(40, help_text="One of those that GET answers.")
    reason = Text(MAX_REASON, required=False)
    evidence = Text(MAX_TEXT, required=False)
    evidence_kind = serializers.ChoiceField(EVIDENCE_KINDS, required=False)
    remediation_id = RowId(required=False)
    duplicate_of = RowId(required=False)
    decision = RowId(
        required=False,
        help_text="To accept, renew or dismiss: the request that you have read, which has to be the "
        "newest. Without it the newest counts if no other is undecided, else 409.",
    )


class BulkTransitionSerializer(TransitionSerializer):
    """One transition for up to 1,000 findings."""

    decision = None  # type: ignore[assignment]  # each finding has its own
    findings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), min_length=1, max_length=1000
    )
    dry_run = serializers.BooleanField(required=False, help_text="Answer what would happen.")


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """Somebody's words on a finding; plain text. Of one that was removed no word is left."""

    by = PersonSerializer(read_only=True)
    changed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    removed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    removed_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Comment
        fields = ("id", "body", "at", "by", "changed_at", "removed_at", "removed_by")
        read_only_fields = fields


class NewCommentSerializer(StrictSerializer):
    body = Text(MAX_TEXT)


class RiskAcceptanceSerializer(serializers.ModelSerializer[RiskAcceptance]):
    """A request to carry the risk until a date, and the second person who agreed, if one did."""

    requested_by = PersonSerializer(read_only=True)
    approved_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = RiskAcceptance
        fields = (*DECISION, "until")
        read_only_fields = fields


class NewRiskAcceptanceSerializer(StrictSerializer):
    reason = Text(MAX_REASON)
    until = serializers.DateField()


class DismissalSerializer(serializers.ModelSerializer[Dismissal]):
    """A request to dismiss as a false positive, and the second person who agreed, if one did."""

    requested_by = PersonSerializer(read_only=True)
    approved_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Dismissal
        fields = DECISION
        read_only_fields = fields


class NewDismissalSerializer(StrictSerializer):
    reason = Text(MAX_REASON)
