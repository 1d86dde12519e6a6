"""An API as its maker describes it (OpenAPI), held against what is asked and what is answered. Strict.

``faults`` says what fits not: a door, a query or a body member that is not described, a value of the wrong kind,
a status or an answer that the maker does not know.
"""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

from tests.loopback import Answer, Request

HERE = Path(__file__).parent
UNTOLD = {401, 500, 502, 503}  # statuses that every door may answer, in no form that is described
MEDIA = "application/json"


class Described:
    """``faults``: sentences, in the order of the requests."""

    def __init__(self, file: str, headers: dict[str, str]):
        self.told = json.loads((HERE / file).read_text())
        self.headers, self.faults, self.seen = headers, [], set()

    def hold(self, request: Request, answer: Answer) -> None:
        """Write down what does not fit of one exchange."""
        parts = urlsplit(request.path)
        path, door = self._door(request.method.lower(), parts.path)
        where = f"{request.method} {parts.path}"
        if door is None:
            self.faults.append(f"{where}: no such door is described")
            return
        self.seen.add((request.method, path))
        for name, value in self.headers.items():
            if request.headers.get(name) != value:
                self.faults.append(f"{where}: the header {name} is {request.headers.get(name)!r}")
        if not request.headers.get("user-agent"):
            self.faults.append(f"{where}: nobody says who asks")
        self._query(where, door, parse_qs(parts.query, keep_blank_values=True))
        self._body(where, door, request)
        self._answer(where, door, answer)

    def _door(self, method, asked):
        for path, doors in self.told["paths"].items():
            if method in doors and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), asked):
                return path, doors[method]
        return "", None

    def _query(self, where, door, query):
        known = {
            p["name"]: p for p in map(self._of, door.get("parameters", ())) if p["in"] == "query"
        }
        for name, values in query.items():
            if name not in known:
                self.faults.append(f"{where}: the query {name} is not described")
                continue
            schema = known[name]["schema"]
            value = (
                int(values[0])
                if schema.get("type") == "integer" and values[0].isdecimal()
                else values[0]
            )
            self._fits(f"{where}?{name}", schema, value)

    def _body(self, where, door, request):
        told = door.get("requestBody")
        if told is None or not request.body:
            if request.body or (told and told.get("required")):
                self.faults.append(
                    f"{where}: a body where none is described, or none where one is needed"
                )
            return
        if request.headers.get("content-type") != MEDIA:
            self.faults.append(f"{where}: the body is {request.headers.get('content-type')}")
        schema = dict(told["content"][MEDIA]["schema"])
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        self._fits(where, schema, json.loads(request.body))

    def _answer(self, where, door, answer):
        status, headers, body = answer
        told = door["responses"].get(str(status))
        if told is None:
            if status not in UNTOLD:
                self.faults.append(f"{where}: answers {status}, which is not described")
            return
        content = self._of(told).get("content", {})
        if MEDIA in content:
            if headers.get("Content-Type") != MEDIA:
                self.faults.append(f"{where}: the answer is {headers.get('Content-Type')}")
            self._fits(f"{where} → {status}", content[MEDIA]["schema"], json.loads(body))

    def _of(self, part):
        """What a reference means."""
        if "$ref" not in part:
            return part
        found = self.told
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found

    def _fits(self, where, schema, value):
        whole = {**schema, "components": self.told["components"]}  # what references lead into
        for error in Draft202012Validator(whole).iter_errors(value):
            self.faults.append(f"{where}: {error.json_path}: {error.message[:300]}")
