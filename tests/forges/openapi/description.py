"""GitHub's published description as a judge: what was asked and what was answered has to be in it.

Reads github.json, which cut.py made. Knows nothing of the world that a fake keeps.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

HERE = Path(__file__).parent
# GitHub answers null here, of a fork that was deleted, though its description does not say so.
NULL_ALL_THE_SAME = (".head.repo",)
# What every operation may answer stands in no operation: moves, limits, faults, a bad sign-in.
ALWAYS = frozenset({301, 307, 401, 403, 404, 406, 422, 429, 500, 502, 503})
DEFAULT_ANSWER = "application/json"
# Media types that an operation answers beside those that the description names (docs: media types).
DIFF = "application/vnd.github.diff"


@dataclass(frozen=True)
class Operation:
    """One operation of the description, and what the path of a request said."""

    method: str
    template: str
    path: dict[str, str]
    spec: dict[str, Any]


@cache
def description() -> dict[str, Any]:
    """Return the description with its schemas as JSON Schema: ``nullable`` is of OpenAPI 3.0 alone."""
    return _as_json_schema(json.loads((HERE / "github.json").read_text()))


@cache
def recorded_shapes() -> dict[str, Any]:
    """Return the recorded answers by their name in the description."""
    return json.loads((HERE / "shapes.json").read_text())["shapes"]


@cache
def recorded_events() -> dict[str, Any]:
    """Return the recorded messages, ``EVENT`` or ``EVENT.ACTION``."""
    return json.loads((HERE / "webhooks.json").read_text())["events"]


def api_version() -> str:
    """Return the API version whose description this is."""
    return description()["x-api-version"]


def find(method: str, path: str) -> Operation | None:
    """Return the operation of a request, None where the description has none that we use."""
    for pattern, template in _templates():
        if match := pattern.fullmatch(path):
            spec = description()["paths"][template].get(method.lower())
            return Operation(method, template, match.groupdict(), spec) if spec else None
    return None


def faults_of_request(operation: Operation, query: dict[str, str], body: Any) -> list[str]:
    """Say what in a request the description does not allow."""
    faults = []
    told = {parameter["name"]: parameter for parameter in map(_resolved, _parameters(operation))}
    for name, value in [*operation.path.items(), *query.items()]:
        place = "path" if name in operation.path else "query"
        if name not in told or told[name]["in"] != place:
            faults.append(f"{place} parameter {name} is not known")
        else:
            faults += _faults(_typed(value, told[name]["schema"]), told[name]["schema"], name)
    faults += [
        f"{name} is missing"
        for name, one in told.items()
        if one.get("required") and name not in operation.path and name not in query
    ]
    if int(query.get("per_page", 1)) > 100:
        faults.append("per_page is at most 100")
    return faults + _faults_of_body(operation, body)


def faults_of_answer(operation: Operation, status: int, media: str, body: Any) -> list[str]:
    """Say what in an answer of ours GitHub would not say. ``body``: JSON, or None for another media."""
    responses = operation.spec["responses"]
    if str(status) not in responses:
        # What every operation may answer stands in no operation: limits, faults, a bad sign-in.
        return [] if status in ALWAYS else [f"answers {status}"]
    content = _resolved(responses[str(status)]).get("content", {})
    if media == DIFF or not content:
        return []
    if media not in content and DEFAULT_ANSWER not in content:
        return [f"answers {media}"]
    schema = content.get(media, content.get(DEFAULT_ANSWER))["schema"]
    return _faults(body, schema, "answer")


# --- inside --------------------------------------------------------------------------------------
@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    found = []
    for template, methods in description()["paths"].items():
        deep = {
            parameter["name"]
            for spec in methods.values()
            for parameter in map(_resolved, spec.get("parameters", []))
            if parameter.get("x-multi-segment")
        }
        pattern = re.sub(
            r"\{(\w+)\}",
            lambda match: f"(?P<{match[1]}>{'.+' if match[1] in deep else '[^/]+'})",  # noqa: B023
            template,
        )
        found.append((re.compile(pattern), template))
    return sorted(found, key=lambda row: row[1].count("{"))


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    return operation.spec.get("parameters", [])


def _resolved(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        _, _, kind, name = value["$ref"].split("/")
        value = description()["components"][kind][name]
    return value


def _typed(value: str, schema: dict[str, Any]) -> Any:
    kind = _resolved(schema).get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _faults_of_body(operation: Operation, body: Any) -> list[str]:
    told = operation.spec.get("requestBody")
    if told is None:
        return [] if body is None else ["takes no body"]
    schema = _resolved(told)["content"]["application/json"]["schema"]
    if body is None:
        return ["has no body"] if told.get("required") else []
    return _faults(body, _closed(schema), "body")


def _closed(schema: Any) -> Any:
    """Return a schema of a request in which nothing may stand that is not described."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if "properties" in schema and "oneOf" not in schema and "anyOf" not in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def _faults(value: Any, schema: dict[str, Any], name: str) -> list[str]:
    whole = {**schema, "components": description()["components"]}
    judge = jsonschema.Draft202012Validator(whole)
    return [
        f"{name}{error.json_path[1:]}: {error.message[:300]}"
        for error in judge.iter_errors(value)
        if not (error.instance is None and error.json_path.endswith(NULL_ALL_THE_SAME))
    ]


def _as_json_schema(value: Any, inside: str = "") -> Any:
    if isinstance(value, list):
        return [_as_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _as_json_schema(item, name) for name, item in value.items()}
    if inside == "properties" or not plain.pop("nullable", False):
        return plain
    return {"anyOf": [plain, {"type": "null"}]}
