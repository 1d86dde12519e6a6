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
ON_POST = {"422": "The `Idempotency-Key` was used for another request."}
ON_MATCH = {"412": "The object is not what `If-Match` names, or has no tag."}
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


HEADERS: dict[str, dict[str, Any]] = {  # of answers, by the name of the component
    "RateLimit-Policy": {
        "description": 'The limit that counts here: `"user";q=6000;w=60` is 6,000 requests in 60 seconds '
        "of the account, `anon` of the address of who is not signed in.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of it: `"user";r=5999;t=42`: 5,999 requests in the next 42 seconds.',
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which it may be tried again.",
        "schema": {"type": "integer"},
    },
    "ETag": {
        "description": "Which representation this is: for `If-None-Match` and `If-Match`.",
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true`: nothing was done now; the answer is that of the first request with the key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
PARAMETERS: dict[str, dict[str, Any]] = {  # by the name of the component
    "Idempotency-Key": {
        "in": "header",
        "name": "Idempotency-Key",
        "description": "1 to 255 printable ASCII characters, new for each request that is meant. The same "
        "request again with its key does nothing again and is answered as the first one, for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "If-None-Match": {
        "in": "header",
        "name": "If-None-Match",
        "description": "The `ETag` of what is there already: 304 where nothing changed.",
        "schema": {"type": "string"},
    },
    "If-Match": {
        "in": "header",
        "name": "If-Match",
        "description": "The `ETag` that a GET of the object had: 412 where it was changed since.",
        "schema": {"type": "string"},
    },
    "fields": {
        "in": "query",
        "name": "fields",
        "description": "Answer these members alone, of a row: names with commas between.",
        "schema": {"type": "string", "example": "id"},
    },
}


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put what operations refer to into the document; a hook of its generator."""
    result["components"]["headers"] = HEADERS
    result["components"]["parameters"] = PARAMETERS
    return result


class ProblemSchema(AutoSchema):
    """Adds to every operation its problems, and what core/contract.py promises for all."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        problem = self.resolve_serializer(ProblemSerializer, "response").ref
        parameters = self._parameters()
        possible = ALWAYS | (ON_READ if self.method == "GET" else ON_WRITE)
        possible |= BY_ID if "{" in self.path else {}
        possible |= ON_POST if "Idempotency-Key" in parameters else {}
        possible |= ON_MATCH if self.method != "GET" else {}
        for status, words in sorted(possible.items()):
            content = {PROBLEM: {"schema": problem}}
            operation["responses"].setdefault(status, {"description": words, "content": content})
        if "If-None-Match" in parameters:
            operation["responses"]["304"] = {"description": "It is as `If-None-Match` names it."}
        operation.setdefault("parameters", []).extend(
            {"$ref": f"#/components/parameters/{name}"} for name in parameters
        )
        for status, response in operation["responses"].items():
            told = response.setdefault("headers", {})
            for name in self._headers(status):
                told.setdefault(name, {"$ref": f"#/components/headers/{name}"})
        return operation

    def _parameters(self) -> list[str]:
        """Names of the common parameters that the operation takes."""
        if self.method == "GET":
            rows = self._is_list_view() and self._get_paginator() is not None
            takes = rows or getattr(self.view, "action", None) in ("list", "retrieve")
            return ["If-None-Match", *(["fields"] if takes else [])]
        on_object = getattr(self.view, "detail", False) and hasattr(self.view, "retrieve")
        return [
            *(["Idempotency-Key"] if self.method == "POST" else []),
            *(["If-Match"] if on_object else []),
        ]

    def _headers(self, status: str) -> list[str]:
        """Names of the common headers of an answer; those of the rate are shown on success and 429."""
        if status in ("429", "503") or (status == "409" and self.method == "POST"):
            return ["Retry-After", *(["RateLimit-Policy", "RateLimit"] if status == "429" else [])]
        if status >= "400":
            return []
        of_method = {"GET": ["ETag"], "POST": ["Idempotency-Replayed"]}.get(self.method, [])
        return ["RateLimit-Policy", "RateLimit", *of_method]
