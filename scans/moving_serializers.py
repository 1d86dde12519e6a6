"""The shapes of moving in and of history in the API. No rules here."""

from typing import Any

from rest_framework import serializers

from core.api import RowId, StrictSerializer, Text
from scans.history import HistorySource

MAX_BYTES = 64 * 1024 * 1024  # of one file that is read while somebody waits
SOURCES = [source.value for source in HistorySource]


class _ExportSerializer(StrictSerializer):
    """What is said beside the file."""

    source = serializers.ChoiceField(  # type: ignore[assignment]
        SOURCES, help_text="Who exported it: its columns and members."
    )
    tool = Text(
        120, required=False, default="", help_text="Of all findings, where the file names none."
    )
    columns = serializers.DictField(
        child=Text(200), required=False, default=dict,
        help_text="Of a table: our column → the file's.",
    )  # fmt: skip
    dry_run = serializers.BooleanField(required=False, default=False)


class MoveInSerializer(_ExportSerializer):
    """An export as text, and where its findings belong."""

    text = Text(MAX_BYTES, trim_whitespace=False)
    line = Text(200, required=False, default="", help_text="Left out: the default line.")
    category = Text(200, required=False, default="", help_text="That of the scans to come.")


class MoveInFormSerializer(_ExportSerializer):
    """An export as the file of a form."""

    file = serializers.FileField()
    columns = serializers.JSONField(required=False, default=dict)  # type: ignore[assignment]
    line = Text(200, required=False, default="")
    category = Text(200, required=False, default="")


class HistorySerializer(_ExportSerializer):
    """An export of closures as text; of GitHub with its pull requests and analyses."""

    text = Text(MAX_BYTES, trim_whitespace=False)
    pulls = Text(MAX_BYTES, required=False, default="", trim_whitespace=False)
    analyses = Text(MAX_BYTES, required=False, default="", trim_whitespace=False)
    asset = RowId(required=False)


class HistoryFormSerializer(_ExportSerializer):
    """The same as the files of a form."""

    file = serializers.FileField()
    columns = serializers.JSONField(required=False, default=dict)  # type: ignore[assignment]
    pulls = serializers.FileField(required=False)
    analyses = serializers.FileField(required=False)
    asset = RowId(required=False)


class ImportedSerializer(serializers.Serializer[Any]):
    """What became of closures. `scanned`: how often each answer is given for what was fixed."""

    dry_run = serializers.BooleanField()
    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    open = serializers.IntegerField(help_text="Rows that are open there: no history.")
    skipped = serializers.DictField(child=serializers.IntegerField())
    scanned = serializers.DictField(child=serializers.IntegerField())
    problems = serializers.ListField(child=serializers.CharField())


class MovedInSerializer(serializers.Serializer[Any]):
    """What moving in did, or with `dry_run` would do."""

    dry_run = serializers.BooleanField()
    rows = serializers.IntegerField()
    new = serializers.IntegerField()
    matched = serializers.IntegerField(help_text="Findings that scans had found already.")
    known = serializers.IntegerField(help_text="That came from there before: notes and keys alone.")
    counts = serializers.DictField(child=serializers.IntegerField())
    tools = serializers.DictField(child=serializers.IntegerField())
    skipped = serializers.DictField(child=serializers.IntegerField())
    problems = serializers.ListField(child=serializers.CharField())
    history = ImportedSerializer(allow_null=True)
