"""What every operation of the API shares in its description: problems, and how ids are written."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

PROBLEM = "application/problem+json"
ALWAYS = {
    "401": "Nobody is signed in, or the token is unknown.",
    "429": "Too many requests.",
    "503": "Something that is needed for it does not answer now; it may be tried again.",
}
BY_ID = {"404": "There is nothing here that you may see."}
ON_READ = {"400": "A parameter is unknown or its value cannot be used."}
ON_WRITE = {
    "400": "The body cannot be used; `errors` or `where` name the place.",
    "403": "Your role does not allow this.",
    "409": "Refused as things stand; `checks` are the failing ones, where a gate refuses.",
    "413": "Larger than a limit, which is named with its value.",
    "415": "Not a media type that is read here.",
}


class CheckSerializer(serializers.Serializer[Any]):
    """One check of the gate, as the judgement holds it."""

    id = serializers.CharField()
    lamp = serializers.ChoiceField(["safe", "right", "after"])
    outcome = serializers.ChoiceField(["PASS", "FAIL", "UNKNOWN", "NOT_APPLICABLE", "WAIVED"])
    reason = serializers.CharField()
    version = serializers.IntegerField(required=False)
    finding = serializers.CharField(required=False, allow_null=True)
    required = serializers.BooleanField(required=False)  # type: ignore[assignment]
    evidence = serializers.ListField(child=serializers.CharField(), required=False)
    to_pass = serializers.CharField(required=False)


class ProblemSerializer(serializers.Serializer[Any]):
    """Every error, by RFC 9457. ``type`` is stable; scripts may compare it."""

    type = serializers.CharField(help_text="`urn:ctem:problem:…`")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="One sentence for people.")
    where = serializers.CharField(required=False, help_text="The field, byte or JSON pointer.")
    errors = serializers.JSONField(  # type: ignore[assignment]
        required=False, help_text="Messages by member of the body."
    )
    checks = CheckSerializer(many=True, required=False)


class ProblemSchema(AutoSchema):
    """Adds to every operation the problems that it can answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        problem = self.resolve_serializer(ProblemSerializer, "response").ref
        reads = self.method == "GET"
        possible = ALWAYS | (ON_READ if reads else ON_WRITE) | (BY_ID if "{" in self.path else {})
        for status, words in sorted(possible.items()):
            content = {PROBLEM: {"schema": problem}}
            operation["responses"].setdefault(status, {"description": words, "content": content})
        return operation
