"""The shapes of evidence, files and disputes of findings in the API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api import PersonSerializer, RowId, StrictSerializer, Text
from findings.files import KINDS
from findings.guards import MAX_REASON
from findings.models import Attachment, FindingDispute, ValidationEvidence
from findings.services import MAX_TEXT
from findings.statuses import (
    EvidenceKind,
    FindingDisputeAbout,
    FindingDisputeState,
    Severity,
)

ABOUTS = [about.value for about in FindingDisputeAbout]
STATES = [state.value for state in FindingDisputeState]
KINDS_OF_EVIDENCE = [kind.value for kind in EvidenceKind]


@extend_schema_field(OpenApiTypes.INT)  # its column has other bounds on each engine
class FileNumber(serializers.SlugRelatedField[Attachment]):
    """The number by which a file of a finding is fetched."""


class EvidenceSerializer(serializers.ModelSerializer[ValidationEvidence]):
    """Why somebody holds a finding to be real, or (`duplicate_proof`) to be one with another."""

    kind = serializers.ChoiceField(KINDS_OF_EVIDENCE, read_only=True)
    by = PersonSerializer(read_only=True)
    files: Any = FileNumber(source="attachments", slug_field="number", many=True, read_only=True)

    class Meta:
        model = ValidationEvidence
        fields = ("id", "kind", "text", "files", "at", "by")
        read_only_fields = fields


class NewEvidenceSerializer(StrictSerializer):
    kind = serializers.ChoiceField(KINDS_OF_EVIDENCE)
    text = Text(MAX_TEXT)


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    """A file of a finding. ``content_type``: what its bytes tell."""

    content_type = serializers.ChoiceField(KINDS, read_only=True)
    sha256 = serializers.CharField(source="blob_id", read_only=True)
    by = PersonSerializer(read_only=True)

    class Meta:
        model = Attachment
        fields = ("number", "evidence", "name", "content_type", "size", "sha256", "at", "by")
        read_only_fields = fields


class NewAttachmentSerializer(StrictSerializer):
    """A form with the file; it may belong to evidence of the same finding."""

    file = serializers.FileField(help_text="At most 10 MiB.")
    evidence = RowId(required=False)


class FindingDisputeSerializer(serializers.ModelSerializer[FindingDispute]):
    """A member says that a finding is not real, not as severe, or not theirs; and what was answered."""

    about = serializers.ChoiceField(ABOUTS, read_only=True)
    state = serializers.ChoiceField(STATES, read_only=True)
    by = PersonSerializer(read_only=True)
    answered_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = FindingDispute
        fields: Any = (
            "id", "finding", "about", "reason", "at", "by", "state", "answer", "answered_at",
            "answered_by",
        )  # fmt: skip
        read_only_fields = fields


class NewFindingDisputeSerializer(StrictSerializer):
    about = serializers.ChoiceField(ABOUTS)
    reason = Text(MAX_REASON)


class AnswerSerializer(StrictSerializer):
    """Upheld, of `existence`: a request to dismiss follows, which another person decides; of `severity`:
    ``severity`` is decided; of `ownership`: it is assigned to the member ``to``, or to nobody."""

    uphold = serializers.BooleanField()
    answer = Text(MAX_REASON)
    severity = serializers.ChoiceField([s.value for s in Severity], required=False)
    to = RowId(required=False, allow_null=True)
