"""What every operation of the API shares in its description: problems, headers, and how ids are written.

Shared things are components that operations refer to: the document stays small, and clients that are
generated from it get one type for each.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

PROBLEM = "application/problem+json"
DIGITS = "^[0-9]+$"  # of an id in an address: core/api.py, lookup_value_regex
# The shared answers that an operation may have: status, name of the component.
ALWAYS = {"401": "NotAuthenticated", "429": "TooManyRequests", "503": "Unavailable"}
BY_ID = {"404": "NotFound"}
ON_READ = {"400": "UnusableParameter"}
ON_TAG = {"304": "NotModified"}
ON_POST = {"422": "KeyReused"}
ON_MATCH = {"412": "PreconditionFailed"}
ON_WRITE = {
    "400": "UnusableRequest",
    "403": "NotAllowed",
    "409": "Refused",
    "413": "TooLarge",
    "415": "UnsupportedMediaType",
}
PAGING = ("cursor", "page_size")
RATE = ("RateLimit-Policy", "RateLimit")


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
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
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


# name of the component → status, what it means, and one such problem without `title` and `status`
ANSWERS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "UnusableParameter": (
        400,
        "A parameter is unknown or its value cannot be used.",
        {"type": "invalid", "detail": "The request is not valid.",
         "errors": {"colour": ["Unknown parameter."]}},
    ),
    "UnusableRequest": (
        400,
        "The body or a header cannot be used; `errors` or `where` name the place.",
        {"type": "bad-input", "detail": "body, line 1, column 2: is not JSON: Expecting value",
         "where": "body, line 1, column 2"},
    ),
    "NotAuthenticated": (
        401,
        "Nobody is signed in, or the token is unknown.",
        {"type": "authentication-failed", "detail": "The token is unknown, expired or revoked."},
    ),
    "NotAllowed": (
        403,
        "Your role does not allow this.",
        {"type": "not-allowed", "detail": "Your role in this scope does not allow you to administer."},
    ),
    "NotFound": (
        404,
        "There is nothing here that you may see.",
        {"type": "not-found", "detail": "There is nothing here that you may see."},
    ),
    "Refused": (
        409,
        "Refused as things stand; `checks` are the failing ones, where a gate refuses.",
        {"type": "incomplete", "detail": "The gate did not pass.",
         "checks": [{"id": "HUMAN_REVIEW", "lamp": "right", "outcome": "UNKNOWN",
                     "reason": "Nobody has reviewed the fix.",
                     "to_pass": "A person who did not make it approves the revision."}]},
    ),
    "PreconditionFailed": (
        412,
        "The object is not what `If-Match` names, or has no tag.",
        {"type": "precondition-failed",
         "detail": "It is not what If-Match names: it was changed, or has no tag. Look at it again."},
    ),
    "TooLarge": (
        413,
        "Larger than a limit, which is named with its value.",
        {"type": "too-large", "detail": "body: larger than allowed (3000000 > 2621440 bytes)",
         "where": "body"},
    ),
    "UnsupportedMediaType": (
        415,
        "Not a media type that is read here.",
        {"type": "unsupported-media-type", "detail": 'Unsupported media type "text/xml" in request.'},
    ),
    "KeyReused": (
        422,
        "The `Idempotency-Key` was used for another request.",
        {"type": "idempotency-key-reused",
         "detail": "This Idempotency-Key was used for another request: another address, body or token."},
    ),
    "TooManyRequests": (
        429,
        "Too many requests.",
        {"type": "throttled", "detail": "Request was throttled. Expected available in 41 seconds."},
    ),
    "Unavailable": (
        503,
        "Something that is needed for it does not answer now; it may be tried again.",
        {"type": "unavailable", "detail": "The code host does not answer now; try again."},
    ),
}  # fmt: skip
MAY_WAIT = ("Refused", "TooManyRequests", "Unavailable")


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _answers() -> dict[str, Any]:
    """The shared answers, each with an example."""
    made: dict[str, Any] = {
        "NotModified": {
            "description": "It is as `If-None-Match` names it.",
            "headers": _headers(*RATE, "ETag"),
        }
    }
    for name, (status, words, problem) in ANSWERS.items():
        example = {
            "type": f"urn:ctem:problem:{problem['type']}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            **{member: value for member, value in problem.items() if member != "type"},
        }
        schema = {"$ref": "#/components/schemas/Problem"}
        made[name] = {
            "description": words,
            "content": {PROBLEM: {"schema": schema, "example": example}},
            "headers": _headers(*RATE, *(["Retry-After"] if name in MAY_WAIT else [])),
        }
    return made


def _paging(result: dict[str, Any]) -> dict[str, Any]:
    """The two parameters of a page, which operations refer to from here on."""
    shared: dict[str, Any] = {}
    for operations in result["paths"].values():
        for operation in operations.values():
            told = operation.get("parameters", [])
            for at, parameter in enumerate(told):
                name = parameter.get("name")
                if name in PAGING and shared.setdefault(name, parameter) == parameter:
                    told[at] = {"$ref": f"#/components/parameters/{name}"}
    return shared


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put what operations refer to into the document; a hook of its generator."""
    result["components"]["headers"] = HEADERS
    result["components"]["parameters"] = {**_paging(result), **PARAMETERS}
    result["components"]["responses"] = _answers()
    return result


def share_security(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say once how to sign in, where all operations take the same; a hook of the generator."""
    every = [each for operations in result["paths"].values() for each in operations.values()]
    if every and all(each.get("security") == every[0].get("security") for each in every):
        result["security"] = every[0]["security"]
        for operation in every:
            del operation["security"]
    return result


def name_enums_of_parameters(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Let a parameter that takes the words of a component refer to it; a hook of the generator.

    Otherwise each filter is an enumeration of its own in generated clients.
    """
    names: dict[frozenset[str], list[str]] = {}
    for name, schema in result["components"]["schemas"].items():
        if "enum" in schema:
            names.setdefault(frozenset(map(str, schema["enum"])), []).append(name)
    for schema in _schemas_of_parameters(result):
        if "" in schema.get("enum", ()):  # to leave it out says the same
            schema["enum"] = [word for word in schema["enum"] if word != ""]
            schema.pop("default", None)
        held = schema.get("items", schema)
        known = names.get(frozenset(map(str, held.get("enum", ()))), [])
        if len(known) == 1:
            held.clear()
            held["$ref"] = f"#/components/schemas/{known[0]}"
    return result


def _schemas_of_parameters(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if "schema" in parameter:
                    yield parameter["schema"]


def link_rows(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say where the row that a list or a creation answered is read; a hook of the generator."""
    for path, operations in result["paths"].items():
        reads = result["paths"].get(f"{path}{{id}}/", {}).get("get")
        if reads is None:
            continue
        for method, status, place in (
            ("get", "200", "results/0/id"),
            ("post", "201", "id"),
            ("post", "202", "id"),
        ):
            answer = operations.get(method, {}).get("responses", {}).get(status)
            if answer is not None:
                told = {"id": f"$response.body#/{place}"}
                answer["links"] = {"row": {"operationId": reads["operationId"], "parameters": told}}
    return result


class ProblemSchema(AutoSchema):
    """Adds to every operation its problems, and what core/contract.py promises for all."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        self.resolve_serializer(ProblemSerializer, "response")  # the shared answers refer to it
        parameters = self._parameters()
        responses = operation["responses"]
        for status, response in responses.items():
            told = response.setdefault("headers", {})
            told.update(_headers(*(name for name in self._headers(status) if name not in told)))
        for status, name in sorted(self._shared(parameters).items()):
            responses.setdefault(status, {"$ref": f"#/components/responses/{name}"})
        operation.setdefault("parameters", []).extend(
            {"$ref": f"#/components/parameters/{name}"} for name in parameters
        )
        return operation

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        """Numbers of rows are numbers, not texts of digits."""
        told: list[dict[str, Any]] = super()._resolve_path_parameters(variables)
        for parameter in told:
            if parameter["schema"].get("pattern") == DIGITS:
                parameter["schema"] = {"type": "integer", "format": "int64", "minimum": 1}
        return told

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """A body holds what is named and nothing else, where its serializer refuses others."""
        shape: dict[str, Any] = super()._map_basic_serializer(serializer, direction)
        if direction == "request" and getattr(serializer, "takes_no_others", False):
            shape["additionalProperties"] = False
        for member in shape.get("properties", {}).values():
            for one in (member, *member.get("oneOf", ())):
                if one.get("default") == "" and {"minLength", "pattern"} & set(one):
                    del one[
                        "default"
                    ]  # nothing: to leave the member out, not to send an empty text
        return shape

    def _shared(self, parameters: list[str]) -> dict[str, str]:
        """The shared answers of the operation: status, name."""
        return {
            **ALWAYS,
            **(ON_READ if self.method == "GET" else ON_WRITE),
            **(BY_ID if "{" in self.path else {}),
            **(ON_POST if "Idempotency-Key" in parameters else {}),
            **(ON_MATCH if self.method != "GET" else {}),
            **(ON_TAG if "If-None-Match" in parameters else {}),
        }

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
        """Names of the common headers of an answer of the operation's own."""
        if status >= "400":
            return [*RATE]
        of_method = {"GET": ["ETag"], "POST": ["Idempotency-Replayed"]}.get(self.method, [])
        return [*RATE, *of_method]
