"""The shapes of scans, judgements and clearances in the API. No rules here."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api import (
    Base64Field,
    ObjectId,
    PersonSerializer,
    RowId,
    StrictSerializer,
    Text,
    read_json,
)
from core.openapi import CheckSerializer, ProblemSerializer
from findings.serializers import STATUSES
from remediations.serializers import ORIGINS, FixSerializer, RemediationSerializer
from scans.history import HistorySource, Scanned
from scans.models import Clearance, Disposition, Scan, Tool, Verification, VerificationScan
from scans.services.audit import HERE, MOST_ASKED, History
from scans.services.audit import ORIGINS as AUDIT_ORIGINS
from scans.statuses import DispositionKind, FactSource, Purpose, Role, ScanState, ToolClass, Verdict

VERDICTS = [verdict.value for verdict in Verdict]
TOOL_CLASSES = [c.value for c in ToolClass]
PURPOSES = [p.value for p in Purpose]
SOURCES = [s.value for s in FactSource]
CLOSURE_SOURCES = [HERE, *(source.value for source in HistorySource)]
SCAN_STATES = [s.value for s in ScanState]
DISPOSITIONS = [kind.value for kind in DispositionKind]
SCAN_ROLES = [r.value for r in Role]
MAX_SCANS = 20  # in one call of the gate


# --- scans ---------------------------------------------------------------------------------------
class ToolSerializer(serializers.ModelSerializer[Tool]):
    """A scanner by the name it gives itself."""

    tool_class = serializers.ChoiceField(TOOL_CLASSES, read_only=True)

    class Meta:
        model = Tool
        fields = ("id", "name", "tool_class", "vendor")
        read_only_fields = fields


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """One run of one tool on one revision. ``error`` names the place and the limit, where it failed."""

    purpose = serializers.ChoiceField(PURPOSES, read_only=True)
    source = serializers.ChoiceField(SOURCES, read_only=True)  # type: ignore[assignment]
    state = serializers.ChoiceField(SCAN_STATES, read_only=True)
    raw_sha256 = serializers.CharField(source="raw_id", read_only=True, allow_null=True)
    recipe = serializers.CharField(source="recipe.name", default="", read_only=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    problems = serializers.ListField(child=serializers.CharField(), read_only=True)
    created_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Scan
        fields: tuple[str, ...] = (
            "id", "scope", "asset", "line", "remediation", "purpose", "source", "commit", "tree",
            "tool", "tool_version", "tool_class", "category", "recipe", "state", "progress_done",
            "progress_total", "counts", "problems", "error", "raw_sha256", "created_at", "created_by",
            "finished_at",
        )  # fmt: skip
        read_only_fields = fields


class ScanDetailSerializer(ScanSerializer):
    """A scan with its facts and, where we ran it, the log."""

    facts = serializers.DictField(read_only=True)
    recipe_version = serializers.IntegerField(
        source="recipe.version", default=None, read_only=True, allow_null=True
    )
    recipe_digest = serializers.CharField(source="recipe.digest", default="", read_only=True)

    class Meta(ScanSerializer.Meta):
        fields = (*ScanSerializer.Meta.fields, "recipe_version", "recipe_digest", "facts", "log")
        read_only_fields = fields


@extend_schema_field(OpenApiTypes.STR)
class JsonTextField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object as the text of a form's member."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = read_json(str(data).encode(), self.field_name or "")
        if not isinstance(value, dict):
            raise serializers.ValidationError("Must be a JSON object.")
        return value


FACTS_HELP = (
    "What a report does not say: commit, tree, tool_class, scope (full or diff), category, exit_code, "
    "config_digest, files_scanned, started_at, … What is missing is unknown to the gate."
)


class TargetSerializer(StrictSerializer):
    """Of what a scan is: of a line, or evidence for a fix."""

    asset = RowId(required=False)
    scope = RowId(required=False, help_text="Instead of `asset`, with one of the two below.")
    asset_name = Text(200, required=False, help_text="The asset by its name, or an alias of it.")
    repository = Text(
        500,
        required=False,
        help_text="The asset by the address of its repository, where no name is given.",
    )
    line = Text(200, required=False, help_text="The line by name. Its findings follow the scan.")
    remediation = RowId(required=False, help_text="Instead of `line`: evidence for this fix.")
    control = serializers.BooleanField(
        required=False, default=False, help_text="A positive control: the recipe before the fix."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = "scope" in attrs and ("asset_name" in attrs or "repository" in attrs)
        if "asset" in attrs and (
            "scope" in attrs or "asset_name" in attrs or "repository" in attrs
        ):
            raise serializers.ValidationError({"asset": ["Give either asset or scope and a name."]})
        if "asset" not in attrs and not named:
            message = "Give asset, or scope with asset_name or repository."
            raise serializers.ValidationError({"asset": [message]})
        return attrs


class UploadFormSerializer(TargetSerializer):
    """A report as a file of a form; it may be gzipped."""

    file = serializers.FileField(
        allow_empty_file=True, help_text="A report in any format that is read, told by its content."
    )
    facts = JsonTextField(required=False, help_text=f"A JSON object. {FACTS_HELP}")


class UploadSerializer(TargetSerializer):
    """A report as gzip in base64."""

    sarif_gzip_base64 = Base64Field(
        help_text="SARIF, or a report in any other format that is read."
    )
    facts = serializers.DictField(required=False, help_text=FACTS_HELP)


class ScanOrderSerializer(StrictSerializer):
    """A scan of one commit on a line by our own runner."""

    asset = RowId()
    line = Text(200, required=False, help_text="The line by name; default: the asset's default.")
    recipe = Text(40)
    commit = ObjectId()


# --- judgements ----------------------------------------------------------------------------------
class LampsSerializer(serializers.Serializer[Any]):
    safe = serializers.ChoiceField(VERDICTS)
    right = serializers.ChoiceField(VERDICTS)
    after = serializers.ChoiceField(
        VERDICTS, required=False, help_text="Where scans after the closure were given."
    )


class PolicyRefSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    digest = serializers.CharField()


class JudgementSerializer(serializers.Serializer[Any]):
    """The gate's answer, a stable contract: `ctem.judgement/1`."""

    schema = serializers.CharField()
    verdict = serializers.ChoiceField(VERDICTS)
    lamps = LampsSerializer()
    tier = serializers.CharField()
    originals = serializers.ListField(child=serializers.DictField())
    new = serializers.ListField(child=serializers.DictField())
    checks = CheckSerializer(many=True)
    matching = serializers.DictField()
    policy = PolicyRefSerializer()
    gate_version = serializers.CharField()


class ScanRoleSerializer(serializers.ModelSerializer[VerificationScan]):
    role = serializers.ChoiceField(SCAN_ROLES, read_only=True)

    class Meta:
        model = VerificationScan
        fields = ("scan", "role")
        read_only_fields = fields


class VerificationSerializer(serializers.ModelSerializer[Verification]):
    """The judgement of one finding under one fix. Immutable; later evidence supersedes it."""

    verdict = serializers.ChoiceField(VERDICTS, read_only=True)
    safe = serializers.ChoiceField(VERDICTS, read_only=True)
    right = serializers.ChoiceField(VERDICTS, read_only=True)
    superseded_by = serializers.IntegerField(source="replaced_by", read_only=True, allow_null=True)
    scans = ScanRoleSerializer(source="scan_roles", many=True, read_only=True)

    class Meta:
        model = Verification
        fields: tuple[str, ...] = ("id", "scope", "remediation", "finding", "verdict", "safe", "right", "tier",
                  "with_merge", "head_commit", "policy", "supersedes", "superseded_by", "scans",
                  "judgement_sha256", "at")  # fmt: skip
        read_only_fields = fields


@extend_schema_field(JudgementSerializer)
class JudgementField(serializers.JSONField):
    """The stored judgement as it is."""


class VerificationDetailSerializer(VerificationSerializer):
    """A verification with the whole judgement."""

    judgement = JudgementField(read_only=True)

    class Meta(VerificationSerializer.Meta):
        fields = (*VerificationSerializer.Meta.fields, "judgement")
        read_only_fields = fields


class DispositionSerializer(serializers.ModelSerializer[Disposition]):
    """What a person decided about one new result of a verification."""

    by = PersonSerializer(read_only=True)
    decision = serializers.ChoiceField(DISPOSITIONS, read_only=True)

    class Meta:
        model = Disposition
        fields = ("id", "rule", "path", "line", "decision", "reason", "at", "by")
        read_only_fields = fields


class NewDispositionSerializer(StrictSerializer):
    """A decision about one of the results that the judgement lists as `new`."""

    rule = Text(300)
    path = Text(1000)
    line = serializers.IntegerField(min_value=1, max_value=2**31 - 1, allow_null=True)
    decision = serializers.ChoiceField(DISPOSITIONS)
    reason = Text(5000)


class ClearanceSerializer(serializers.ModelSerializer[Clearance]):
    """The record that a finding may be complete. Revoked, never deleted."""

    revoked_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Clearance
        fields = ("id", "scope", "finding", "remediation", "verification", "key_id", "issued_at",
                  "live", "revoked_at", "revoked_by", "revoked_reason")  # fmt: skip
        read_only_fields = fields


# --- moving findings -----------------------------------------------------------------------------
class BulkAnswerSerializer(serializers.Serializer[Any]):
    """What became of one finding; ``problem`` says why it was refused."""

    finding = serializers.IntegerField()
    done = serializers.BooleanField()
    status = serializers.ChoiceField(STATUSES, allow_null=True, help_text="Null: not found.")
    problem = ProblemSerializer(allow_null=True)


class BulkAnswersSerializer(serializers.Serializer[Any]):
    """The answers in the order of the request. With ``dry_run`` nothing was written."""

    dry_run = serializers.BooleanField()
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    answers = BulkAnswerSerializer(many=True)


# --- the gate in one step ------------------------------------------------------------------------
class GateScanSerializer(StrictSerializer):
    """A scan with its role: uploaded here, or one that is here already, by its id."""

    role = serializers.ChoiceField(
        SCAN_ROLES,
        help_text="after: a scan of the fix. before or control: a scan of the fix's base, best "
        "with the same recipe; a positive control. It never changes the findings of the line.",
    )
    id = RowId(required=False)
    sarif_gzip_base64 = Base64Field(required=False)
    facts = serializers.DictField(required=False, help_text=FACTS_HELP)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("id" in attrs) == ("sarif_gzip_base64" in attrs):
            message = "Give either id or sarif_gzip_base64."
            raise serializers.ValidationError({"sarif_gzip_base64": [message]})
        return attrs


class GateSerializer(StrictSerializer):
    """All that a pipeline knows, in one step."""

    asset = RowId()
    line = Text(200, required=False, help_text="Where the fix will merge; default: the default.")
    fix = FixSerializer()
    scans = serializers.ListField(child=GateScanSerializer(), max_length=MAX_SCANS, default=list)
    findings = serializers.ListField(child=RowId(), max_length=200, default=list)


class GateScanAnswerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    role = serializers.ChoiceField(SCAN_ROLES)
    state = serializers.ChoiceField(SCAN_STATES)
    error = serializers.CharField(allow_blank=True)


class GateJudgementSerializer(serializers.Serializer[Any]):
    """The judgement of one finding; both null: what the fix brought in, where none is named."""

    finding = serializers.IntegerField(allow_null=True)
    verification = serializers.IntegerField(allow_null=True)
    judgement = JudgementField()


class GateAnswerSerializer(serializers.Serializer[Any]):
    """The verdict over all findings, the worst one. ``pending``: scans that are not read yet."""

    verdict = serializers.ChoiceField(VERDICTS)
    lamps = LampsSerializer()
    pending = serializers.BooleanField()
    remediation = RemediationSerializer()
    scans = GateScanAnswerSerializer(many=True)
    judgements = GateJudgementSerializer(many=True)


# --- the article's question ----------------------------------------------------------------------
class LastClosedSerializer(serializers.Serializer[Any]):
    """Was the fix of this finding scanned before it merged? From elsewhere: as that place told it."""

    source = serializers.ChoiceField(  # type: ignore[assignment]
        CLOSURE_SOURCES,
        help_text="`here`: proven by the gate. Else where the closure was told: a claim.",
    )
    finding = serializers.IntegerField(source="finding.pk", default=None, allow_null=True)
    reference = serializers.CharField()
    title = serializers.CharField()
    scope = serializers.IntegerField(source="scope.pk")
    closed_at = serializers.DateTimeField()
    before_adoption = serializers.BooleanField(
        help_text="Closed before the scope's adoption date: counted apart."
    )
    verified_at = serializers.DateTimeField(allow_null=True)
    remediation = serializers.IntegerField(source="remediation.pk", default=None, allow_null=True)
    origin = serializers.ChoiceField(ORIGINS)
    agent = serializers.CharField(allow_blank=True)
    merged_at = serializers.DateTimeField(allow_null=True)
    clearance = serializers.IntegerField(source="clearance.pk", default=None, allow_null=True)
    scanned_before_merge = serializers.ChoiceField([s.value for s in Scanned])
    scan = serializers.IntegerField(
        source="scan.pk", default=None, allow_null=True, help_text="The first of the fixed content."
    )
    scanned_at = serializers.DateTimeField(source="scan.created_at", default=None, allow_null=True)
    reason = serializers.CharField()
    links = serializers.ListField(child=serializers.CharField())


class LastClosedAnswerSerializer(serializers.Serializer[Any]):
    """The answers, newest closure first, and how often each was given."""

    n = serializers.IntegerField()
    origin = serializers.CharField(allow_blank=True)
    history = serializers.ChoiceField([h.value for h in History])
    counts = serializers.DictField(child=serializers.IntegerField())
    findings = LastClosedSerializer(many=True, source="rows")


class LastClosedQuerySerializer(StrictSerializer):
    """What to look at."""

    n = serializers.IntegerField(min_value=1, max_value=MOST_ASKED, default=10)
    origin = serializers.ChoiceField(
        ["", *AUDIT_ORIGINS], default="", help_text="`ai`: assisted or generated by an AI."
    )
    scope = RowId(required=False)
    history = serializers.ChoiceField(
        [h.value for h in History],
        default=History.EXCLUDE.value,
        help_text="Whether what was closed elsewhere, and told here, is part of the answer.",
    )
